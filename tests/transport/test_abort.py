"""An abort stops the run that it means, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread

import numpy as np
import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Chunk, Run
from qpu_bridge.errors import Cancelled
from qpu_bridge.schedule import Schedule, Table
from qpu_bridge.transport import DriverServer, RemoteDriver
from qpu_drivers.loopback import LoopbackDriver

LONG_S = 60.0


def run_of(schedule: Schedule, rows: int, row_s: float) -> Run:
    return Run(schedule.digest, Table(np.zeros((rows, 1))), shots=3, seed=1, settings={"row_seconds": row_s})


class LateToStop(LoopbackDriver):
    """Its first run ends by itself while its abort is under way, which takes until the second plays, or a while."""

    def __init__(self) -> None:
        super().__init__("lab_five", plugins.open_snapshot("five"), {})
        self.begun, self.told, self.second = Event(), Event(), Event()

    def run(self, run: Run) -> Iterator[Chunk]:
        if not self.begun.is_set():
            self.begun.set()
            assert self.told.wait(LONG_S)
            yield from super().run(run)
            return
        for chunk in super().run(run):
            yield chunk
            self.second.set()

    def abort(self) -> None:
        self.told.set()
        self.second.wait(0.3)
        super().abort()


def test_a_run_that_follows_one_which_ended_while_it_was_aborted_is_whole(endpoint: str, schedule: Schedule) -> None:
    driver = LateToStop()
    with DriverServer(driver, endpoint):
        hasty, other = RemoteDriver(endpoint, patience_s=LONG_S), RemoteDriver(endpoint, patience_s=LONG_S)
        for remote in (hasty, other):
            remote.capabilities()
            remote.load(schedule)

        def play() -> None:
            with pytest.raises(Cancelled):
                list(hasty.run(run_of(schedule, 1, 0.0)))

        threads = [Thread(target=play), Thread(target=hasty.abort)]
        threads[0].start()
        assert driver.begun.wait(LONG_S)
        threads[1].start()
        assert driver.told.wait(LONG_S)
        assert sum(chunk.rows for chunk in other.run(run_of(schedule, 5, 0.02))) == 5
        for thread in threads:
            thread.join(LONG_S)
        hasty.close()
        other.close()
