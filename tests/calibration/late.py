"""A device at a later time: its clock and its age go where a test wants them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qpu_bridge.driver import Capabilities, Chunk, Driver, Run, Status
from qpu_bridge.schedule import Schedule


@dataclass
class Late:
    """An emulated device that has been on for some hours more than it was played.

    Attributes:
        driver: The emulator's.
        hours: Passed between runs.
        shots: Played so far.
    """

    driver: Driver
    hours: float = 0.0
    shots: int = 0
    _last_ns: int = 0

    def capabilities(self) -> Capabilities:
        return self.driver.capabilities()

    def load(self, schedule: Schedule) -> None:
        self.driver.load(schedule)

    def run(self, run: Run) -> Iterator[Chunk]:
        passed_ns = int(self.hours * 3.6e12)
        # the emulator's own clock counts what it played; how the device is hangs on all that has passed
        aged = replace(run, settings={**run.settings, "age_h": self.hours + self._last_ns / 3.6e12})
        for chunk in self.driver.run(aged):
            self._last_ns = chunk.stopped_ns
            self.shots += chunk.rows * run.shots
            yield replace(chunk, started_ns=chunk.started_ns + passed_ns, stopped_ns=chunk.stopped_ns + passed_ns)

    def abort(self) -> None:
        self.driver.abort()

    def status(self) -> Status:
        return self.driver.status()

    def close(self) -> None:
        self.driver.close()
