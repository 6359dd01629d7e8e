"""A driver that notes what it is asked, and what it may be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from threading import Event
from time import monotonic

import numpy as np

from qpu_bridge.driver import Capabilities, Chunk, Driver, Run, Status
from qpu_bridge.errors import Cancelled, ScheduleError, SettingsError
from qpu_bridge.execution import Series
from qpu_bridge.schedule import Builder, Column, Output, PortKind, Schedule, Table, shapes
from qpu_bridge.transport import DriverServer, RemoteDriver
from qpu_bridge.units import Clock

LONG_S = 60.0


def template(ticks: int) -> Schedule:
    builder = Builder(Clock(Fraction(1, 10**9)))
    qubit = builder.frame("q0", builder.port("d0", PortKind.DRIVE), 5.0e9)
    heard = builder.frame("a0", builder.port("a", PortKind.ACQUIRE), 7.0e9)
    builder.play(qubit, shapes.drag(ticks, 8.0, 0.5), 0.2)
    builder.barrier()
    builder.capture(heard, builder.column(Column("c[0]", output=Output.IQ)), 400)
    return builder.build()


FIRST, SECOND, THIRD = template(40), template(44), template(48)


def run_of(schedule: Schedule, rows: int = 1) -> Run:
    return Run(schedule.digest, Table(np.zeros((rows, 0))), shots=3, seed=1)


@dataclass
class Spy:
    """A driver that notes what it is asked.

    Attributes:
        asked: In which order.
        bad: A template that it cannot play.
        hold: A run goes on only when this is set, ``begun`` says that it has begun.
        in_load: Called in each load.
        ended: How many runs have come to their end.
    """

    driver: Driver
    asked: list[str] = field(default_factory=list)
    bad: bytes = b""
    hold: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)
    stopped: Event = field(default_factory=Event)
    in_load: Callable[[], object] = lambda: None
    ended: int = 0

    def capabilities(self) -> Capabilities:
        return self.driver.capabilities()

    def load(self, schedule: Schedule) -> None:
        self.asked.append(f"load {NAMES[schedule.digest]}")
        self.in_load()
        if schedule.digest == self.bad:
            raise ScheduleError("a template must be playable")
        self.driver.load(schedule)

    def run(self, run: Run) -> Iterator[Chunk]:
        self.asked.append(f"run {NAMES[run.digest]}")
        self.begun.set()
        assert self.hold.wait(LONG_S)
        if self.stopped.is_set():
            raise Cancelled("the run was stopped")
        yield from self.driver.run(run)
        self.ended += 1

    def abort(self) -> None:
        self.stopped.set()
        self.hold.set()

    def status(self) -> Status:
        return self.driver.status()

    def close(self) -> None:
        pass


NAMES = {FIRST.digest: "first", SECOND.digest: "second", THIRD.digest: "third", template(52).digest: "fourth"}


def told(remote: RemoteDriver, *upcoming: tuple[Schedule, Run]) -> None:
    """Beside the next run."""
    remote.ahead(lambda: upcoming)


def rows(chunks: Iterator[Chunk]) -> int:
    return sum(chunk.rows for chunk in chunks)


def asked(names: str) -> list[str]:
    """What is asked for a row of templates, each once."""
    return [f"{what} {name}" for name in names.split() for what in ("load", "run")]


def series(*schedules: Schedule) -> list[Series]:
    return [Series(schedule, [Table(np.zeros((1, 0)))], 3, seed=1) for schedule in schedules]


def until(happened: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = monotonic() + LONG_S
    while not happened():
        assert monotonic() < end


@contextmanager
def started(server: DriverServer) -> Iterator[None]:
    """The address is given back a moment after the server before has stopped."""
    end = monotonic() + LONG_S
    while True:
        try:
            server.start()
            break
        except SettingsError:
            assert monotonic() < end
    yield
    server.stop()
