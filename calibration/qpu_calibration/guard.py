"""The guard: whatever a fit says, a snapshot stays one, and what it plays stays within what the device's lines allow."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from qpu_bridge.errors import ScheduleError, SettingsError
from qpu_bridge.schedule import Document, Limits
from qpu_bridge.target import Snapshot, waveform
from qpu_bridge.target.beyond import beyond, reshaped
from qpu_bridge.target.file import sentences

TIGHT = "the fit is sound, so that the bound may be what is wrong: widen it in the rack file, or change the line"
"""What a person can do about a number beyond bounds: what was measured may be well."""


def violations(before: Snapshot, after: Snapshot, limits: Limits) -> list[str]:
    """What an update must not do; empty if it may be adopted. Only what differs from before is looked at.

    Args:
        before: The snapshot that holds.
        after: The one that would.
        limits: Of the device, narrowed by what its laboratory allows.
    """
    # of numbers that are none nothing else can be said
    return list(_nonsense(before, after)) or list(beyond(after, limits, before))


def refusal(before: Snapshot, after: Snapshot, limits: Limits) -> str:
    """Why what a fit has found must not be adopted, in one sentence; empty if it may be. Arguments as of `violations`."""
    if after is before:
        return ""
    try:
        found = violations(before, after, limits)
    except (ScheduleError, SettingsError) as error:
        return error.sentence
    return "; ".join([*found, TIGHT]) if found else ""


def _nonsense(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Entries that a file could not hold: an update copies what is there without looking at it."""
    for field in ("qubits", "frames", "gates", "measures", "couplings"):
        known = {id(entry) for entry in getattr(before, field)}
        for index, entry in enumerate(getattr(after, field)):
            if id(entry) not in known:
                yield from _wrong(f"{field}[{index}]", entry)
    for name in sorted(reshaped(before, after)):
        shape = after.waveforms[name]
        found = list(_wrong(f"waveforms.{name}", shape))
        yield from found
        if not found:
            try:
                waveform(shape)
            except ScheduleError as error:
                yield f"waveforms.{name}: {error.sentence}"


def _wrong(where: str, entry: Document) -> Iterator[str]:
    try:
        type(entry).model_validate_json(entry.model_dump_json(warnings=False))
    except ValidationError as error:
        yield f"{where}: {sentences(error)}"
