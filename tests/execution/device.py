"""A device for these tests: bits tell row, shot and seed; it can be told to die, to dawdle, and to stop."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import numpy as np

from qpu_bridge.driver import Capabilities, Chunk, Run, State, Status
from qpu_bridge.errors import Cancelled, DriverLost
from qpu_bridge.schedule import Limits, Schedule


class Scripted:
    """Yields ``chunk_rows`` rows at a time; dies once after each number of chunks in ``deaths``."""

    def __init__(self, limits: Limits, chunk_rows: int = 2, deaths: tuple[int, ...] = (), patience_s: float = 0.0) -> None:
        self.limits = limits
        self.chunk_rows = chunk_rows
        self.deaths = list(deaths)
        self.patience_s = patience_s
        self.death = DriverLost("the driver must be alive")
        self.loaded: dict[bytes, Schedule] = {}
        self.loads = 0
        self.runs: list[Run] = []
        self.aborted = Event()
        self.clock_ns = 7_000
        self.notes: dict[str, object] = {"engine": "none"}

    def capabilities(self) -> Capabilities:
        return Capabilities(
            device="test_one",
            driver="scripted",
            version="1",
            simulated=True,
            source="test",
            limits=self.limits,
            deterministic=True,
        )

    def load(self, schedule: Schedule) -> None:
        self.loads += 1
        self.loaded[schedule.digest] = schedule

    def run(self, run: Run) -> Iterator[Chunk]:
        self.runs.append(run)
        schedule = self.loaded[run.digest]
        columns = len(schedule.columns_returning("bits"))
        for number, first in enumerate(range(0, len(run.table), self.chunk_rows)):
            if self.aborted.wait(self.patience_s):
                raise Cancelled("the run was aborted")
            if self.deaths and self.deaths[0] == number:
                self.deaths.pop(0)
                self.loaded.clear()
                raise self.death
            rows = min(self.chunk_rows, len(run.table) - first)
            absolute = run.first_row + first + np.arange(rows)
            words = absolute[:, None, None] * 31 + np.arange(run.shots)[:, None] * 7 + np.arange(columns) + (run.seed or 0)
            started = self.clock_ns
            self.clock_ns += 1000 * rows * run.shots
            yield Chunk(first, rows, bits=(words % 3 == 0), started_ns=started, stopped_ns=self.clock_ns, notes=self.notes)

    def abort(self) -> None:
        self.aborted.set()

    def status(self) -> Status:
        return Status(state=State.IDLE)

    def close(self) -> None:
        self.loaded.clear()
