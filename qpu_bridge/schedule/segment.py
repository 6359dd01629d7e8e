"""The straight block that a builder is writing, and the body that it will stand in."""

from __future__ import annotations

from dataclasses import dataclass, field

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Block


@dataclass(slots=True)
class Segment:
    """Where each line is in the block under way.

    Attributes:
        first: First event of the block.
        blocks: Blocks before it in the same body.
        cursors: Port -> tick at which it is free.
        floor: Tick before which no port is free.
        end: Tick at which the block ends so far.
    """

    first: int = 0
    blocks: list[Block] = field(default_factory=list)
    cursors: dict[int, int] = field(default_factory=dict)
    floor: int = 0
    end: int = 0

    def now(self, port: int) -> int:
        """Tick at which a port is free."""
        free = self.cursors.get(port, 0)
        return free if free > self.floor else self.floor

    def occupy(self, port: int, until: int) -> None:
        """A port is free from a tick on, not earlier than it was."""
        free = self.now(port)
        self.cursors[port] = until if until > free else free
        if until > self.end:
            self.end = until

    def align(self, ports: set[int] | None) -> None:
        """Line some ports up at the latest of them, or all of them at the end."""
        if ports is None:
            self.floor = self.end
            return
        latest = max(map(self.now, ports))
        for port in ports:
            self.cursors[port] = latest

    def restart(self, first: int) -> None:
        """Begin the next block."""
        self.first, self.end, self.floor, self.cursors = first, 0, 0, {}


def whole_ticks(what: str, given: object) -> int:
    """A number of ticks, refused unless it is whole and not negative."""
    if type(given) is int and given >= 0:
        return given
    if isinstance(given, bool) or not hasattr(given, "__index__") or int(given.__index__()) < 0:
        raise ScheduleError(f"{what} must be a whole number of ticks, at least 0", given=str(given))
    return int(given.__index__())
