"""Where in a schedule a rule is broken, in words; and the block that each event belongs to."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.event import Operation
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule

LONGEST = 2**48
"""Ticks that any start or duration may have, so that sums of them stay far from 64 bits."""

TEMPLATES = 256
"""Templates of which is remembered what was found: of a measurement that is played, and of one that is planned meanwhile."""


def place(schedule: Schedule, row: int) -> str:
    """Say where an event is; survives events whose indices are wrong."""
    event = schedule.events[row]
    port, frame = int(event["port"]), int(event["frame"])
    line = schedule.ports[port].name if port < len(schedule.ports) else f"#{port}"
    carrier = schedule.frames[frame].name if frame < len(schedule.frames) else f"#{frame}"
    what = "capture" if event["operation"] == Operation.CAPTURE else "play"
    text = f"{what} on port {line}, frame {carrier}, at tick {int(event['start'])}, event {row}"
    column = int(event["column"])
    return f"{text}, column {schedule.columns[column].name}" if 0 <= column < len(schedule.columns) else text


def refuse_where(
    schedule: Schedule,
    broken: NDArray[np.bool_],
    must: str | Callable[[int], str],
    given: Callable[[int], object],
    remedy: str = "",
) -> None:
    """Raise for the first event that breaks a rule.

    Args:
        schedule: What is checked.
        broken: ``bool[events]``.
        must: What must hold, or a function of the event that says it.
        given: What the event has instead.
        remedy: What to do about it.

    Raises:
        ScheduleError: If any is broken.
    """
    if not np.count_nonzero(broken):  # a third of the time of any()
        return
    row = int(np.argmax(broken))
    must = must if isinstance(must, str) else must(row)
    raise ScheduleError(must, given=given(row), where=place(schedule, row), remedy=remedy)


def own_lines(schedule: Schedule, limits: Limits) -> Limits:
    """Limits of the schedule's own lines only, in the order of its ports: as all other rules want them.

    Raises:
        ScheduleError: If a port is none of the device.
    """
    return _own(Same(limits), tuple(port.name for port in schedule.ports))


class Lines(dict[str, NDArray[Any]]):
    """Each limit of every line, by its name: read-only, made when it is first asked for."""

    def __init__(self, limits: Limits) -> None:
        self._ports = limits.ports

    def __missing__(self, name: str) -> NDArray[Any]:
        found = self[name] = np.array([getattr(port, name) for port in self._ports])
        found.setflags(write=False)
        return found


def of_lines(limits: Limits) -> Lines:
    """The limits of every line, kept for a device."""
    return _of_lines(Same(limits))


class Same:
    """A device's limits as a key: themselves, since to hash what they say would take longer than what is kept."""

    __slots__ = ("limits",)

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def __hash__(self) -> int:
        return id(self.limits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.limits is other.limits


@lru_cache(256)
def _own(device: Same, names: tuple[str, ...]) -> Limits:
    known = {port.name: port for port in device.limits.ports}
    strange = next((name for name in names if name not in known), None)
    if strange is not None:
        raise ScheduleError(f"a port must be one of {', '.join(sorted(known))}", given=strange)
    return device.limits.model_copy(update={"ports": tuple(known[name] for name in names)})


@lru_cache(256)
def _of_lines(device: Same) -> Lines:
    return Lines(device.limits)
