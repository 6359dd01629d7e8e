"""A template that is given to a driver elsewhere while it plays another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from threading import Event, Thread
from time import monotonic

import numpy as np
import pytest

from qpu_bridge.driver import Capabilities, Chunk, Driver, LoadsAhead, Run, Status
from qpu_bridge.errors import Cancelled, ScheduleError, SettingsError
from qpu_bridge.execution import Execution
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
    """

    driver: Driver
    asked: list[str] = field(default_factory=list)
    bad: bytes = b""
    hold: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)
    stopped: Event = field(default_factory=Event)
    in_load: Callable[[], object] = lambda: None

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

    def abort(self) -> None:
        self.stopped.set()
        self.hold.set()

    def status(self) -> Status:
        return self.driver.status()

    def close(self) -> None:
        pass


NAMES = {FIRST.digest: "first", SECOND.digest: "second", THIRD.digest: "third"}


@pytest.fixture
def spy(loopback: Driver) -> Spy:
    spy = Spy(loopback)
    spy.hold.set()
    return spy


@pytest.fixture
def remote(spy: Spy, endpoint: str) -> Iterator[RemoteDriver]:
    with DriverServer(spy, endpoint):
        driver = RemoteDriver(endpoint)
        yield driver
        driver.close()


def test_it_is_sent_with_the_run_before_and_once(spy: Spy, remote: RemoteDriver) -> None:
    assert isinstance(remote, LoadsAhead)
    assert not isinstance(spy, LoadsAhead)
    remote.load(FIRST)
    remote.load_ahead(SECOND)
    # nothing goes out before there is a run
    assert spy.asked == ["load first"]
    assert len(list(remote.run(run_of(FIRST)))) == 1
    remote.load(SECOND)
    assert len(list(remote.run(run_of(SECOND)))) == 1
    assert spy.asked == ["load first", "run first", "load second", "run second"]
    # what is held is not sent ahead
    remote.load_ahead(FIRST)
    list(remote.run(run_of(SECOND)))
    list(remote.run(run_of(FIRST)))
    assert spy.asked[4:] == ["run second", "run first"]


def test_it_is_loaded_though_nobody_reads_the_answer(spy: Spy, remote: RemoteDriver) -> None:
    remote.load(FIRST)
    remote.load_ahead(SECOND)
    list(remote.run(run_of(FIRST)))
    # another one is wanted after all; then it again
    remote.load(THIRD)
    list(remote.run(run_of(THIRD)))
    remote.load(SECOND)
    assert len(list(remote.run(run_of(SECOND)))) == 1
    assert spy.asked == ["load first", "run first", "load second", "load third", "run third", "load second", "run second"]


def test_what_was_not_sent_is_forgotten(spy: Spy, remote: RemoteDriver) -> None:
    remote.load(FIRST)
    remote.load_ahead(SECOND)
    remote.load(THIRD)
    list(remote.run(run_of(THIRD)))
    list(remote.run(run_of(FIRST)))
    assert spy.asked == ["load first", "load third", "run third", "run first"]


def test_what_is_wrong_with_it_is_said_when_it_is_asked_for(spy: Spy, remote: RemoteDriver) -> None:
    spy.bad = SECOND.digest
    remote.load(FIRST)
    remote.load_ahead(SECOND)
    assert len(list(remote.run(run_of(FIRST)))) == 1
    with pytest.raises(ScheduleError, match="playable"):
        remote.load(SECOND)
    assert len(list(remote.run(run_of(FIRST)))) == 1


def test_an_aborted_run_does_not_take_it_along(spy: Spy, remote: RemoteDriver) -> None:
    remote.load(FIRST)
    remote.load_ahead(SECOND)
    spy.hold.clear()

    def abort() -> None:
        assert spy.begun.wait(LONG_S)
        remote.abort()

    thread = Thread(target=abort)
    thread.start()
    with pytest.raises(Cancelled):
        list(remote.run(run_of(FIRST)))
    thread.join()
    spy.stopped.clear()
    remote.load(SECOND)
    assert len(list(remote.run(run_of(SECOND)))) == 1
    assert spy.asked == ["load first", "run first", "load second", "run second"]


def test_a_server_that_has_started_anew_gets_it_again(spy: Spy, loopback: Driver, endpoint: str) -> None:
    other = Spy(loopback, hold=spy.hold)
    remote = RemoteDriver(endpoint)
    execution = Execution(remote, spy.capabilities(), retry_pause_s=0.01)
    with DriverServer(spy, endpoint):
        played(execution, FIRST, following=SECOND)
    # noticed later, what was sent meanwhile would be sent once more
    assert remote._pulse.wait(2**62, 0, LONG_S)
    with started(DriverServer(other, endpoint)):
        played(execution, SECOND)
        remote.close()
    # once more for the run, which is meant for the server before until the new one has said who it is
    assert other.asked == ["load second", "load second", "run second"]


@contextmanager
def started(server: DriverServer) -> Iterator[None]:
    """The address is given back a moment after the server before has stopped."""
    until = monotonic() + LONG_S
    while True:
        try:
            server.start()
            break
        except SettingsError:
            assert monotonic() < until
    yield
    server.stop()


def test_an_execution_gives_the_next_one_while_it_plays(spy: Spy, remote: RemoteDriver) -> None:
    execution = Execution(remote, spy.capabilities())
    for one, following in ((FIRST, SECOND), (SECOND, THIRD), (THIRD, None)):
        played(execution, one, following)
    assert spy.asked == [f"{what} {name}" for name in ("first", "second", "third") for what in ("load", "run")]
    # a driver in this process is asked for one after the other, as ever
    near = Spy(spy.driver, hold=spy.hold)
    played(Execution(near, spy.capabilities()), FIRST, SECOND)
    assert near.asked == ["load first", "run first"]


def test_of_a_template_that_is_cut_the_next_goes_out_behind_the_last_run(spy: Spy, remote: RemoteDriver) -> None:
    execution = Execution(remote, spy.capabilities())
    tables = [Table(np.zeros((4, 0)))]
    assert sum(chunk.rows for chunk in execution.run(FIRST, tables, 3, max_rows=2, following=SECOND)) == 4
    played(execution, SECOND)
    assert spy.asked == ["load first", "run first", "run first", "load second", "run second"]


def test_an_abort_finds_a_run_that_waits_behind_a_load(spy: Spy, remote: RemoteDriver) -> None:
    """One abort is enough: the run has been sent, and the server does not know of it yet."""
    remote.load(FIRST)
    remote.load_ahead(SECOND)
    loading, go_on = Event(), Event()
    spy.in_load = lambda: (loading.set(), go_on.wait(LONG_S))
    list(remote.run(run_of(FIRST)))
    assert loading.wait(LONG_S)
    found: list[BaseException] = []

    def play() -> None:
        try:
            list(remote.run(run_of(FIRST)))
        except Cancelled as error:
            found.append(error)

    thread = Thread(target=play)
    thread.start()
    until = monotonic() + LONG_S
    while not remote._current.strip(b"\0"):
        assert monotonic() < until
    remote.abort()
    go_on.set()
    thread.join()
    assert len(found) == 1
    assert spy.asked == ["load first", "run first", "load second"]


def test_what_the_device_may_not_play_is_not_given_to_it(spy: Spy, remote: RemoteDriver) -> None:
    known = spy.capabilities()
    narrow = known.model_copy(update={"limits": known.limits.model_copy(update={"max_duration": FIRST.duration})})
    with pytest.raises(ScheduleError):
        played(Execution(remote, narrow), FIRST, THIRD)
    assert spy.asked == ["load first"]


def played(execution: Execution, one: Schedule, following: Schedule | None = None) -> None:
    chunks = execution.run(one, [Table(np.zeros((1, 0)))], 3, following=following)
    assert sum(chunk.rows for chunk in chunks) == 1
