"""What a driver elsewhere is told of while it plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from threading import Event, Thread
from time import monotonic

import numpy as np
import pytest

from qpu_bridge.driver import Capabilities, Chunk, Driver, Run, Status, TakesAhead
from qpu_bridge.errors import Cancelled, NotLoaded, RanTooLong, ScheduleError, SettingsError
from qpu_bridge.execution import Execution, Series
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


def told(remote: RemoteDriver, *upcoming: tuple[Schedule, Run]) -> None:
    """Beside the next run."""
    items = iter(upcoming)
    remote.ahead(lambda: next(items, None))


def rows(chunks: Iterator[Chunk]) -> int:
    return sum(chunk.rows for chunk in chunks)


def asked(names: str) -> list[str]:
    """What is asked for a row of templates, each once."""
    return [f"{what} {name}" for name in names.split() for what in ("load", "run")]


def test_it_is_sent_with_the_run_before_and_once(spy: Spy, remote: RemoteDriver) -> None:
    assert isinstance(remote, TakesAhead)
    assert not isinstance(spy, TakesAhead)
    remote.load(FIRST)
    second, third = run_of(SECOND), run_of(THIRD)
    told(remote, (SECOND, second), (THIRD, third))
    # nothing goes out before there is a run
    assert spy.asked == ["load first"]
    assert rows(remote.run(run_of(FIRST))) == 1
    remote.load(SECOND)
    assert rows(remote.run(second)) == 1
    remote.load(THIRD)
    assert rows(remote.run(third)) == 1
    assert spy.asked == asked("first second third")
    # a template that is held is not sent again, one that is on its way is not sent twice
    again, once_more = run_of(FIRST), run_of(FIRST)
    told(remote, (FIRST, again), (FIRST, once_more))
    for run in (run_of(SECOND), again, once_more):
        assert rows(remote.run(run)) == 1
    assert spy.asked[6:] == ["run second", "run first", "run first"]


def test_it_is_played_though_nobody_reads_the_answers_yet(spy: Spy, remote: RemoteDriver) -> None:
    remote.load(FIRST)
    second = run_of(SECOND, rows=3)
    told(remote, (SECOND, second))
    assert rows(remote.run(run_of(FIRST, rows=3))) == 3
    until = monotonic() + LONG_S
    while spy.ended < 2:
        assert monotonic() < until
    remote.load(SECOND)
    assert rows(remote.run(second)) == 3
    assert spy.asked == asked("first second")


def test_acks_of_a_run_that_has_ended_are_no_requests(spy: Spy, endpoint: str) -> None:
    """They come behind the run that was told of meanwhile, and are read while that waits for its own."""
    with DriverServer(spy, endpoint) as server:
        remote = RemoteDriver(endpoint, window=2)
        remote.load(FIRST)
        # a chunk for each row
        first, second = (replace(run_of(FIRST, rows=6), settings={"row_seconds": 1e-9}) for _ in range(2))
        told(remote, (FIRST, second))
        assert len(list(remote.run(first))) == 6
        assert len(list(remote.run(second))) == 6
        until = monotonic() + LONG_S
        while server._ledger._pending:
            assert monotonic() < until
        remote.close()


@pytest.mark.parametrize("wanted", [SECOND, THIRD])
def test_what_is_not_wanted_after_all_is_called_back(spy: Spy, remote: RemoteDriver, wanted: Schedule) -> None:
    """By another run, be it of the same template."""
    remote.load(FIRST)
    remote.load(wanted)
    waiting, go_on = Event(), Event()
    spy.in_load = lambda: (waiting.set(), go_on.wait(LONG_S))
    told(remote, (template(52), run_of(template(52))), (SECOND, run_of(SECOND)))
    assert rows(remote.run(run_of(FIRST))) == 1
    assert waiting.wait(LONG_S)
    found: list[int] = []
    thread = Thread(target=lambda: found.append(rows(remote.run(run_of(wanted)))))
    thread.start()
    while remote._queue.runs:
        assert thread.is_alive()
    go_on.set()
    thread.join()
    assert found == [1]
    runs = [one for one in spy.asked if one.startswith("run")]
    assert runs == ["run first", f"run {NAMES[wanted.digest]}"]


def test_what_is_wrong_with_it_is_said_in_its_turn(spy: Spy, remote: RemoteDriver) -> None:
    spy.bad = SECOND.digest
    remote.load(FIRST)
    second = run_of(SECOND)
    told(remote, (SECOND, second))
    assert rows(remote.run(run_of(FIRST))) == 1
    with pytest.raises(ScheduleError, match="playable"):
        remote.load(SECOND)
    with pytest.raises(NotLoaded):
        list(remote.run(second))
    assert rows(remote.run(run_of(FIRST))) == 1


def test_an_abort_stops_all_of_it(spy: Spy, remote: RemoteDriver) -> None:
    remote.load(FIRST)
    second, third = run_of(SECOND), run_of(THIRD)
    told(remote, (SECOND, second), (THIRD, third))
    spy.hold.clear()

    def abort() -> None:
        assert spy.begun.wait(LONG_S)
        until = monotonic() + LONG_S
        while len(remote._queue) < 4:
            assert monotonic() < until
        remote.abort()

    thread = Thread(target=abort)
    thread.start()
    with pytest.raises(Cancelled):
        list(remote.run(run_of(FIRST)))
    thread.join()
    spy.stopped.clear()
    remote.load(SECOND)
    with pytest.raises(Cancelled):
        list(remote.run(second))
    # what is asked for afterwards is played
    assert rows(remote.run(run_of(SECOND))) == 1
    assert [one for one in spy.asked if one.startswith("run")] == ["run first", "run second"]


def test_a_server_that_has_started_anew_gets_it_again(spy: Spy, loopback: Driver, endpoint: str) -> None:
    other = Spy(loopback, hold=spy.hold)
    remote = RemoteDriver(endpoint)
    execution = Execution(remote, spy.capabilities(), retry_pause_s=0.01)
    flow = execution.run_all(series(FIRST, SECOND, THIRD))
    with DriverServer(spy, endpoint):
        assert next(flow)[0] == 0
    with started(DriverServer(other, endpoint)):
        assert [number for number, _ in flow] == [1, 2]
        remote.close()
    # more than once, if the loss is noticed after it was sent
    assert set(other.asked) == {"load second", "run second", "load third", "run third"}
    assert other.asked.count("run third") == 1


def test_a_server_that_remembers_no_template_gets_it_again(spy: Spy, endpoint: str) -> None:
    """The runs behind are called back: they would be played before their turn."""
    with DriverServer(spy, endpoint, templates=1):
        remote = RemoteDriver(endpoint)
        execution = Execution(remote, spy.capabilities(), retry_pause_s=0.01)
        found = [number for number, _ in execution.run_all(series(FIRST, SECOND, FIRST, SECOND))]
        remote.close()
    assert found == [0, 1, 2, 3]


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


def series(*schedules: Schedule) -> list[Series]:
    return [Series(schedule, [Table(np.zeros((1, 0)))], 3, seed=1) for schedule in schedules]


def test_an_execution_tells_of_the_next_while_one_is_played(spy: Spy, remote: RemoteDriver) -> None:
    flow = Execution(remote, spy.capabilities()).run_all(series(FIRST, SECOND, THIRD, template(52)))
    assert next(flow)[0] == 0
    until = monotonic() + LONG_S
    # of two at most
    while spy.asked != asked("first second third"):
        assert monotonic() < until
    assert [number for number, _ in flow] == [1, 2, 3]
    assert spy.asked == asked("first second third fourth")
    # a driver in this process is asked for one after the other, as ever
    near = Spy(spy.driver, hold=spy.hold)
    flow = Execution(near, spy.capabilities()).run_all(series(FIRST, SECOND))
    next(flow)
    assert near.asked == asked("first")
    assert [number for number, _ in flow] == [1]


def test_the_runs_of_one_template_follow_each_other(spy: Spy, remote: RemoteDriver) -> None:
    execution = Execution(remote, spy.capabilities())
    table = Table(np.zeros((5, 0)))
    chunks = list(execution.run(FIRST, [table], 3, seed=1, max_rows=2))
    assert [chunk.first_row for chunk in chunks] == [0, 2, 4]
    assert spy.asked == ["load first", "run first", "run first", "run first"]
    whole = list(execution.run(FIRST, [table], 3, seed=1))
    assert np.array_equal(np.concatenate([chunk.iq for chunk in chunks]), whole[0].iq)
    # rows that are still to be made are not known before their turn
    assert sum(chunk.rows for chunk in execution.run(FIRST, iter([table]), 3, max_rows=2)) == 5


@pytest.mark.parametrize("how", ["closed", "failed"])
def test_who_does_not_go_on_leaves_nothing_behind(spy: Spy, remote: RemoteDriver, how: str) -> None:
    """The device is busy with the load of the second: its run, and all that follows, is not begun."""
    loading, go_on = Event(), Event()

    def in_load() -> None:
        if len(spy.asked) > 1:
            loading.set()
            go_on.wait(LONG_S)

    spy.in_load = in_load
    limit = None if how == "closed" else 1e-12
    flow = Execution(remote, spy.capabilities(), usage_limit_s=limit).run_all(series(FIRST, SECOND, THIRD))
    if how == "closed":
        next(flow)
        assert loading.wait(LONG_S)
        flow.close()
    else:
        with pytest.raises(RanTooLong):
            next(flow)
    go_on.set()
    # whoever comes next finds an idle device
    assert rows(remote.run(run_of(FIRST))) == 1
    assert [one for one in spy.asked if one.startswith("run")] == ["run first", "run first"]


def test_an_abort_finds_a_run_that_waits_behind_a_load(spy: Spy, remote: RemoteDriver) -> None:
    """One abort is enough: the run has been sent, and the server does not know of it yet."""
    remote.load(FIRST)
    second = run_of(SECOND)
    told(remote, (SECOND, second))
    loading, go_on = Event(), Event()
    spy.in_load = lambda: (loading.set(), go_on.wait(LONG_S))
    assert rows(remote.run(run_of(FIRST))) == 1
    assert loading.wait(LONG_S)
    remote.abort()
    go_on.set()
    remote.load(SECOND)
    with pytest.raises(Cancelled):
        list(remote.run(second))
    assert spy.asked == ["load first", "run first", "load second"]


def test_what_the_device_may_not_play_is_not_given_to_it_and_is_refused_in_its_turn(spy: Spy, remote: RemoteDriver) -> None:
    known = spy.capabilities()
    narrow = known.model_copy(update={"limits": known.limits.model_copy(update={"max_duration": FIRST.duration})})
    flow = Execution(remote, narrow).run_all(series(FIRST, THIRD))
    assert next(flow)[0] == 0
    with pytest.raises(ScheduleError):
        next(flow)
    assert spy.asked == asked("first")
