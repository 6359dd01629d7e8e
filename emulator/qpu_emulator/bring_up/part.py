"""A solved part of a device: the gates of a qubit or a coupler, or a readout; kept on disk between one making and the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic import ValidationError

from qpu_bridge.schedule import Document
from qpu_bridge.target.gate import GateSpec
from qpu_bridge.target.qubit import MeasureSpec
from qpu_bridge.target.shape import Shape
from qpu_emulator.cache import Cache, key


class Part(Document):
    """What is solved together.

    Attributes:
        gates: Of a qubit or a coupler.
        measures: Of a resonator.
        waveforms: Their envelopes, by name.
    """

    gates: tuple[GateSpec, ...] = ()
    measures: tuple[MeasureSpec, ...] = ()
    waveforms: dict[str, Shape] = {}


def kept(cache: Cache | None, enters: Sequence[object], date: datetime, solve: Callable[[], Part]) -> Part:
    """A part as it was solved before, or solved now.

    Args:
        cache: Where parts are kept; None for nowhere.
        enters: All that the solution depends on, but for the date.
        date: Of its gates.
        solve: Makes it.
    """
    name = key(*enters)
    text = None if cache is None else cache.find(name)
    if text is not None:
        try:
            found = Part.model_validate_json(text)
        except ValidationError:
            pass
        else:
            return found.model_copy(update={"gates": tuple(g.model_copy(update={"calibrated_at": date}) for g in found.gates)})
    solved = solve()
    if cache is not None:
        cache.keep(name, solved.model_dump_json().encode())
    return solved
