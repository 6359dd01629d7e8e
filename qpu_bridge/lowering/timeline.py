"""When each step of a straight run starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qpu_bridge.errors import NotNative


def asap(
    resources: Sequence[tuple[int, ...]], durations: Sequence[int], width: int, boxes: Mapping[int, tuple[int, int]]
) -> tuple[list[int], int]:
    """Start every step as soon as all it occupies is free.

    Args:
        resources: What each step occupies, as numbers below ``width``.
        durations: Ticks of each step.
        width: Number of resources.
        boxes: Step -> (earlier step, ticks): the step starts no sooner than those ticks after the earlier one's start.

    Returns:
        Start of each step, and the end of the last, ticks.
    """
    free = [0] * width
    starts: list[int] = []
    push = starts.append
    for index, (where, duration) in enumerate(zip(resources, durations, strict=True)):
        if len(where) == 1 and index not in boxes:
            (only,) = where
            start = free[only]
            free[only] = start + duration
        else:
            start = 0
            for one in where:
                if free[one] > start:
                    start = free[one]
            if index in boxes:
                opened, ticks = boxes[index]
                start = max(start, starts[opened] + ticks)
            stop = start + duration
            for one in where:
                free[one] = stop
        push(start)
    return starts, max(free, default=0)


def alap(
    resources: Sequence[tuple[int, ...]], durations: Sequence[int], width: int, boxes: Mapping[int, tuple[int, int]]
) -> tuple[list[int], int]:
    """Start every step as late as the end of the run allows; the mirror image of `asap`."""
    last = len(durations) - 1
    mirrored = {last - opened: (last - closed, ticks) for closed, (opened, ticks) in boxes.items()}
    backwards, total = asap(resources[::-1], durations[::-1], width, mirrored)
    backwards.reverse()
    return [total - start - duration for start, duration in zip(backwards, durations, strict=True)], total


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
