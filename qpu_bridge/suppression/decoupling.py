"""Dynamical decoupling: fill the idle windows of a schedule with pulses that add up to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import lcm

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import (
    Block,
    Body,
    Branch,
    Linear,
    Repeat,
    Rows,
    Schedule,
    Shots,
    Straight,
    While,
)
from qpu_bridge.suppression.options import DecouplingOptions
from qpu_bridge.suppression.placement import place
from qpu_bridge.suppression.pulse import Tables, adopt, pulses_of
from qpu_bridge.suppression.window import NEVER, looped, windows
from qpu_bridge.target import Snapshot

PHASES: dict[str, tuple[float, ...]] = {
    "XX": (0.0, 0.0),
    "XpXm": (0.0, np.pi),
    "XY4": (0.0, np.pi / 2, np.pi, -np.pi / 2),
}
"""Phase of each pulse, rad: 0 is +X, pi/2 is +Y, pi is -X."""

RESET = 2
"""Kind of an interval that belongs to a reset (`lowering.Busy.RESET`; the two rooms do not know each other)."""


def decouple(
    schedule: Schedule, occupancy: NDArray[np.void], snapshot: Snapshot, options: DecouplingOptions | None = None
) -> Schedule:
    """Put a decoupling sequence into every idle window that is long enough.

    A window ends where its straight block ends, so that no sequence reaches across a branch. Sequences are the identity
    whatever the virtual Z of the qubit, so their phases are constants. A qubit is left alone after its last operation, inside a
    reset, and if it has no calibrated ``x``.

    Args:
        schedule: What to fill.
        occupancy: When the used qubits are busy: fields ``qubit, block, start, stop, kind``, times in ticks of the block.
        snapshot: The machine.
        options: Choices of the caller.

    Returns:
        The schedule with the sequences in it; slots, columns and the length of every block are unchanged.
    """
    options = options or DecouplingOptions()
    if not len(occupancy):
        return schedule
    straights = schedule.straight_blocks()
    idle = windows(occupancy, straights)
    again = np.array(looped(schedule.body), dtype=np.bool_)
    idle = idle[(idle["after"] != NEVER) | again[idle["block"]]]
    idle = idle[(idle["before"] != RESET) | (idle["after"] != RESET)]
    if options.skip_reset_qubits:
        idle = idle[(idle["before"] != NEVER) & (idle["before"] != RESET)]
    pulses = pulses_of(snapshot)
    idle = idle[pulses.exists[idle["qubit"]]]
    alignment = lcm(snapshot.timing.granularity, options.alignment)
    phases = PHASES[options.sequence_type]
    begin = -(-idle["start"] // alignment) * alignment
    starts, fits = place(
        idle["stop"] - begin, pulses.duration[idle["qubit"]], len(phases), alignment, options.extra_slack_distribution
    )
    idle, begin, starts = idle[fits], begin[fits], starts[fits]
    if not len(idle):
        return schedule
    times = (begin[:, None] + starts).ravel()
    each = np.repeat(np.arange(len(idle)), len(phases))
    added = pulses.events(idle["qubit"][each], times, np.tile(phases, len(idle)))
    home = np.repeat(idle["block"][each], added.shape[1])
    tables = adopt(schedule, pulses, added.ravel())
    return _merge(schedule, straights, added.ravel(), home, tables)


def _merge(
    schedule: Schedule, straights: list[Straight], added: NDArray[np.void], block: NDArray[np.int32], tables: Tables
) -> Schedule:
    """Put events into their blocks, in order of start; at the same tick they come after what was there."""
    counts = [straight.last - straight.first for straight in straights]
    events = np.concatenate([*(schedule.events[straight.first : straight.last] for straight in straights), added])
    home = np.concatenate([np.repeat(np.arange(len(straights)), counts), block])
    order = np.lexsort((events["start"], home))
    edges = np.searchsorted(home[order], np.arange(len(straights) + 1)).tolist()
    moved = iter([replace(straight, first=edges[k], last=edges[k + 1]) for k, straight in enumerate(straights)])
    return replace(
        schedule,
        ports=tables.ports,
        frames=tables.frames,
        waveforms=tables.waveforms,
        events=events[order],
        body=_rebuilt(schedule.body, moved),
    )


def _rebuilt(body: Body, straights: Iterator[Straight]) -> Body:
    """The same tree with other straight blocks, taken in playing order."""
    found: list[Block] = []
    for block in body:
        if isinstance(block, Straight):
            found.append(next(straights))
        elif isinstance(block, Branch):
            then = _rebuilt(block.then, straights)
            found.append(Branch(block.condition, then, _rebuilt(block.otherwise, straights)))
        elif isinstance(block, Repeat | While | Shots | Rows | Linear):
            found.append(replace(block, body=_rebuilt(block.body, straights)))
        else:
            found.append(block)
    return tuple(found)
