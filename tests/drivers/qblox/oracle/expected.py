"""What every socket must emit: the reference meaning of a schedule, and the few lines in which a Qblox output differs from it.

Nothing of the driver is used here. The lines are those of the manual: at a modulated output the converters hold
``sqrt(1/2) (I + iQ) exp(2 pi i f t)``, a mixer emits ``Re[(I + iQ) exp(2 pi i LO t)]``, and a play ``s`` of phase ``p`` asks
such a mixer for ``conj(s exp(ip))`` at the upper sideband.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Linear, PortKind, Rows, Schedule, Shots, Table, render, row_values, unroll
from qpu_bridge.schedule.unroll import Measured

Turn = tuple[int, tuple[int, ...], int]
"""Row, point of the linear axes, shot."""
Outcome = Callable[[Turn], Measured]
"""What the captures of one shot measure."""


def turns(schedule: Schedule, rows: int, shots: int) -> Iterator[Turn]:
    """All shots of a run in the order of play."""
    counts = {Rows: rows, Shots: shots}
    kinds = [type(loop) for loop in schedule.loops]
    for index in np.ndindex(*(counts.get(type(loop), getattr(loop, "count", 0)) for loop in schedule.loops)):
        at = dict(zip(kinds, index, strict=True))
        yield at[Rows], tuple(k for kind, k in zip(kinds, index, strict=True) if kind is Linear), at[Shots]


def emitted(
    schedule: Schedule,
    table: Table,
    shots: int,
    rep_delay: int,
    oscillators: dict[str, float],
    outcome: Outcome = lambda turn: {},
) -> dict[str, NDArray[np.complex128]]:
    """What each line must be given from the first shot on, in full scales, one sample per ns.

    Args:
        schedule: The template, on a clock of 1 ns.
        table: Its rows.
        shots: Shots of each row and point.
        rep_delay: Wait after each shot, ns.
        oscillators: Line -> Hz of the mixer behind it (0: none).
        outcome: What is measured.

    Returns:
        Line -> ``complex128[ns]``: I + iQ; the real part alone where a line has one socket.
    """
    emitting = {k: port for k, port in enumerate(schedule.ports) if port.kind is not PortKind.ACQUIRE}
    references = {k: oscillators[port.name] for k, port in emitting.items()}
    parts: dict[str, list[NDArray[np.complex128]]] = {port.name: [] for port in emitting.values()}
    silence = np.zeros(rep_delay, complex)
    for turn in turns(schedule, len(table), shots):
        row, point, _ = turn
        values = row_values(schedule, row, table, point)
        bits = outcome(turn)
        signals = render(schedule, values, bits, references)
        duration = unroll(schedule, values, bits).duration
        for k, port in emitting.items():
            signal = signals.get(k, np.zeros(duration, complex))
            flux = port.kind is PortKind.FLUX
            parts[port.name] += [signal if flux else sqrt(0.5) * np.conj(signal), silence]
    return {name: np.concatenate(found) for name, found in parts.items()}
