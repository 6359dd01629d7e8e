"""When each step of a straight run starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qpu_bridge.errors import NotNative
from qpu_bridge.lowering.program import Step


def asap(steps: Sequence[Step], width: int, boxes: Mapping[int, tuple[int, int]]) -> tuple[list[int], int]:
    """Start every step as soon as all it occupies is free.

    Args:
        steps: What is to be done, in order.
        width: Number of things that can be occupied.
        boxes: Step -> (earlier step, ticks): the step starts no sooner than those ticks after the earlier one's start.

    Returns:
        Start of each step, and the end of the last, ticks.
    """
    free = [0] * width
    starts: list[int] = []
    push = starts.append
    for _, where, duration in steps:
        if len(where) == 1 and not boxes:
            (only,) = where
            start = free[only]
            push(start)
            if duration:
                free[only] = start + duration
            continue
        start = 0
        for one in where:
            if free[one] > start:
                start = free[one]
        if boxes and len(starts) in boxes:
            opened, ticks = boxes[len(starts)]
            start = max(start, starts[opened] + ticks)
        stop = start + duration
        for one in where:
            free[one] = stop
        push(start)
    return starts, max(free, default=0)


def alap(steps: Sequence[Step], width: int, boxes: Mapping[int, tuple[int, int]]) -> tuple[list[int], int]:
    """Start every step as late as the end of the run allows; the mirror image of `asap`."""
    last = len(steps) - 1
    mirrored = {last - opened: (last - closed, ticks) for closed, (opened, ticks) in boxes.items()}
    backwards, total = asap(steps[::-1], width, mirrored)
    backwards.reverse()
    return [total - start - step[2] for start, step in zip(backwards, steps, strict=True)], total


def check_boxes(starts: Sequence[int], boxes: Mapping[int, tuple[int, int]]) -> None:
    """Boxes of stated length must hold what is in them.

    Raises:
        NotNative: If a box is longer than it says.
    """
    for closed, (opened, ticks) in boxes.items():
        if starts[closed] - starts[opened] > ticks:
            raise NotNative(
                "the body of a box must fit into the box's duration",
                given=f"{starts[closed] - starts[opened]} dt in a box of {ticks} dt",
            )
