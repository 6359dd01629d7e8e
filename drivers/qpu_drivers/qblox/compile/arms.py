"""Two arms on one timeline: the order and the lengths that let either of them play at its ticks.

A sequencer cannot jump on a measured bit. It can skip: an instruction whose condition does not hold is replaced by a wait of
4 ns. So the instructions of both arms stand in one list, each under the condition of its arm, and whichever arm is played, the
clock runs through the same list: its own instructions at their own lengths, and 4 ns for each of the other's. Each arm's lengths
are chosen so that its instructions start at their ticks and the list ends at the branch's end. Both arms may therefore begin at
the very same tick: the list then begins a few ns before the branch, with a wait for one arm only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qpu_drivers.qblox.hardware import LONGEST, SHORTEST

Ticks = Sequence[int]
LONGEST_LEAD = 64
"""Ticks before the branch at which its list may begin."""
_FILL = LONGEST - 8 * SHORTEST
_SHIFTS = (0, *(sign * shift for shift in range(8, 65, 8) for sign in (1, -1)))
_FREE_WAITS: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1), (1, 0))


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction of the list.

    Attributes:
        arm: 0 where the condition must hold, 1 where it must not.
        item: Which instruction of the arm; None for a wait.
        length: How long it lasts if it is played, ns.
    """

    arm: int
    item: int | None
    length: int


@dataclass(frozen=True, slots=True)
class _Item:
    tick: int
    item: int | None


def merge(arms: tuple[Ticks, Ticks], end: int, room: int) -> tuple[int, list[Step]] | None:
    """Put the instructions of two arms into one list.

    Args:
        arms: Ticks at which the instructions of each arm start, from the start of the branch, increasing by 4 or more.
        end: Length of the branch.
        room: Ticks before the branch in which this sequencer has nothing else to do and knows the bit.

    Returns:
        How many ticks before the branch the list begins, and the list; None if there is none.
    """
    items = [_filled(ticks, end) for ticks in arms]
    for lead in range(0, min(room, LONGEST_LEAD) + 1, SHORTEST):
        for first in _FREE_WAITS:
            for shift in _SHIFTS:
                steps = _lengths(_order(items, first, shift), -lead, end)
                if steps is not None:
                    return lead, steps
    return None


def _filled(ticks: Ticks, end: int) -> list[_Item]:
    """Instructions, and waits where they are further apart than one instruction can last."""
    found: list[_Item] = []
    edges = [*ticks, end]
    found += [_Item(wait, None) for wait in range(_FILL, edges[0] - SHORTEST, _FILL)]
    for item, tick in enumerate(ticks):
        found.append(_Item(tick, item))
        found += [_Item(wait, None) for wait in range(tick + _FILL, edges[item + 1] - SHORTEST, _FILL)]
    return found


def _order(items: list[list[_Item]], first: tuple[int, ...], shift: int) -> list[tuple[int, _Item | None]]:
    """All instructions by their ticks, those of the second arm so much later; an arm's free wait is None.

    Free waits are `first`; an arm that holds nothing has one, at the end if not there.
    """
    merged = sorted((item.tick + shift * arm, arm, rank) for arm in (0, 1) for rank, item in enumerate(items[arm]))
    order: list[tuple[int, _Item | None]] = [(arm, None) for arm in first]
    order += [(arm, items[arm][rank]) for _, arm, rank in merged]
    order += [(arm, None) for arm in (0, 1) if not items[arm] and arm not in first]
    return order


def _lengths(order: list[tuple[int, _Item | None]], start: int, end: int) -> list[Step] | None:
    """Lengths by which each arm reaches its ticks; None where one of them would be shorter than an instruction."""
    clock, open_ = [start, start], [-1, -1]
    steps: list[Step] = []
    for arm, item in order:
        if item is not None and not _reach(steps, clock, open_, arm, item.tick):
            return None
        clock[1 - arm] += SHORTEST
        open_[arm] = len(steps)
        steps.append(Step(arm, None if item is None else item.item, 0))
    for arm in (0, 1):
        if not _reach(steps, clock, open_, arm, end):
            return None
    return steps


def _reach(steps: list[Step], clock: list[int], open_: list[int], arm: int, tick: int) -> bool:
    """Let the arm's last instruction last until a tick."""
    if open_[arm] < 0:
        return clock[arm] == tick
    length = tick - clock[arm]
    if not SHORTEST <= length <= LONGEST:
        return False
    last = steps[open_[arm]]
    steps[open_[arm]] = Step(last.arm, last.item, length)
    clock[arm] = tick
    return True


def starts(steps: Sequence[Step], lead: int, arm: int) -> Iterator[tuple[int, int]]:
    """Instructions and ticks of an arm that is played, to prove the list: the other's are skipped in 4 ns each."""
    now = -lead
    for step in steps:
        if step.arm == arm and step.item is not None:
            yield step.item, now
        now += step.length if step.arm == arm else SHORTEST
