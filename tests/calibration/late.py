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
        before_ns: What its clock said when the driver started.
    """

    driver: Driver
    hours: float = 0.0
    shots: int = 0
    before_ns: int = 0

    def capabilities(self) -> Capabilities:
        return self.driver.capabilities()

    def load(self, schedule: Schedule) -> None:
        self.driver.load(schedule)

    def run(self, run: Run) -> Iterator[Chunk]:
        passed_ns = self.before_ns + int(self.hours * 3.6e12)
        # it stands still while it is played: else every schedule would have pulses of its own to be solved
        for chunk in self.driver.run(replace(run, settings={**run.settings, "age_h": self.hours})):
            self.shots += chunk.rows * run.shots
            yield replace(chunk, started_ns=chunk.started_ns + passed_ns, stopped_ns=chunk.stopped_ns + passed_ns)

    def abort(self) -> None:
        self.driver.abort()

    def status(self) -> Status:
        return self.driver.status()

    def close(self) -> None:
        self.driver.close()
