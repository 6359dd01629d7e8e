"""A branch as one sequencer plays it: the instructions of both arms in one list, each under its condition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Body, Branch, Repeat, Straight
from qpu_drivers.qblox.compile.arms import merge
from qpu_drivers.qblox.compile.latch import SILENT, Fork, Guarded, Latch
from qpu_drivers.qblox.hardware import SHORTEST


@dataclass(frozen=True, slots=True)
class Gate:
    """What a sequencer asks before it plays an arm.

    Attributes:
        address: Of the trigger network.
        wanted: The bit for which the first arm is played.
        room: Ticks before the branch from which the bit is known and nothing else is to be done.
        where: The line and the branch, for errors.
    """

    address: int
    wanted: bool
    room: int
    where: str


def fork(arms: tuple[tuple[Latch, ...], tuple[Latch, ...]], duration: int, gate: Gate) -> tuple[int, Fork]:
    """Put the instructions of both arms into one list.

    Args:
        arms: Instructions where the condition holds, and where it does not; ticks count from the start of the branch.
        duration: Ticks of either arm.
        gate: What is asked.

    Returns:
        How many ticks before the branch the list begins, and the list.

    Raises:
        ScheduleError: If there is no such list; names the line and a tick.
    """
    tuned = next((latch for arm in arms for latch in arm if latch.reset or latch.frequency is not None), None)
    if tuned is not None and all(arms):  # a reset that was skipped must not take effect with the other arm
        raise ScheduleError(
            "a carrier that changes its frequency within a shot must play in one arm of a branch only, on this device",
            given="both arms",
            where=f"{gate.where}, tick {tuned.at} of the branch",
        )
    merged = merge(([latch.at for latch in arms[0]], [latch.at for latch in arms[1]]), duration, gate.room)
    if merged is None:
        raise ScheduleError(
            "the arms of a branch must leave 8 ns between what one sequencer does, and 12 ns before the branch where both "
            "begin at once, for what is skipped takes 4 ns",
            given=f"instructions at ticks {_ticks(arms[0])} and {_ticks(arms[1])} of {duration}, {max(gate.room, 0)} ns before",
            where=f"{gate.where}, tick {min(latch.at for arm in arms for latch in arm)} of the branch",
            remedy="Let the arms wait longer between their pulses, or wait longer before the branch.",
        )
    lead, steps = merged
    explicit = tuple(tuple(_explicit(arm)) for arm in arms)
    guarded = (
        Guarded(None if step.item is None else explicit[step.arm][step.item], step.arm == 0, step.length) for step in steps
    )
    return lead, Fork(tuple(guarded), gate.address, gate.wanted, duration)


def flat(body: Body) -> list[Straight]:
    """The straight blocks of an arm, its loops written out.

    Raises:
        ScheduleError: If a branch stands in it.
    """
    found: list[Straight] = []
    for block in body:
        if isinstance(block, Straight) and block.duration_slot == NONE:
            found.append(block)
        elif isinstance(block, Repeat) and block.variable == NONE:
            found += flat(block.body) * block.count
        else:
            what = "another branch" if isinstance(block, Branch) else type(block).__name__.lower()
            raise ScheduleError("an arm of a branch must hold pulses, captures and fixed waits on this device", given=what)
    return found


def cleared(latches: tuple[Latch, ...], first: int, last: int, end: int, where: str) -> tuple[Latch, ...]:
    """Instructions with one more between two ticks, at which the counts of triggers are set to 0.

    Args:
        latches: The others.
        first: First tick at which it may be.
        last: Last one.
        end: Ticks of the stretch.
        where: The line, for the error.

    Raises:
        ScheduleError: If there is no room.
    """
    taken = [latch.at for latch in latches]
    for tick in range(min(last, end - SHORTEST), first - 1, -1):
        if all(abs(tick - at) >= SHORTEST for at in taken):
            return tuple(sorted((*latches, Latch(tick, clears=True)), key=lambda latch: latch.at))
    raise ScheduleError(
        f"a sequencer whose pulses depend on a bit must be free for {SHORTEST} ns while the bit is measured",
        given="none",
        where=f"{where}, ticks {first} to {last} of the block",
    )


def _explicit(arm: tuple[Latch, ...]) -> Iterator[Latch]:
    """Instructions that name all settings: nobody tells what becomes of those of one that is skipped."""
    phase, gain, level = None, None, SILENT
    for latch in arm:
        phase, gain, level = latch.phase or phase, latch.gain or gain, latch.level or level
        yield replace(latch, phase=phase, gain=gain, level=level)


def _ticks(arm: tuple[Latch, ...]) -> str:
    return ", ".join(str(latch.at) for latch in arm[:8]) + (" ..." if len(arm) > 8 else "") if arm else "none"
