"""What a driver elsewhere is told of while it plays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.driver import Driver, TakesAhead
from qpu_bridge.errors import NotLoaded, ProtocolError, ScheduleError
from qpu_bridge.execution import Execution, Series
from qpu_bridge.schedule import Table
from qpu_bridge.transport import DriverServer, RemoteDriver
from tests.transport.spy import FIRST, LONG_S, SECOND, THIRD, Spy, asked, rows, run_of, series, started, template, told, until


def test_it_is_sent_with_the_run_before_and_once(spy: Spy, spied: RemoteDriver) -> None:
    assert isinstance(spied, TakesAhead)
    assert not isinstance(spy, TakesAhead)
    spied.load(FIRST)
    second, third = run_of(SECOND), run_of(THIRD)
    told(spied, (SECOND, second), (THIRD, third))
    # nothing goes out before there is a run
    assert spy.asked == ["load first"]
    assert rows(spied.run(run_of(FIRST))) == 1
    spied.load(SECOND)
    assert rows(spied.run(second)) == 1
    spied.load(THIRD)
    assert rows(spied.run(third)) == 1
    assert spy.asked == asked("first second third")
    # a template that is held is not sent again, one that is on its way is not sent twice
    again, once_more = run_of(FIRST), run_of(FIRST)
    told(spied, (FIRST, again), (FIRST, once_more))
    for run in (run_of(SECOND), again, once_more):
        assert rows(spied.run(run)) == 1
    assert spy.asked[6:] == ["run second", "run first", "run first"]


def test_it_is_played_though_nobody_reads_the_answers_yet(spy: Spy, spied: RemoteDriver) -> None:
    spied.load(FIRST)
    second = run_of(SECOND, rows=3)
    told(spied, (SECOND, second))
    assert rows(spied.run(run_of(FIRST, rows=3))) == 3
    until(lambda: spy.ended >= 2)
    spied.load(SECOND)
    assert rows(spied.run(second)) == 3
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
        until(lambda: not server._ledger._pending)
        remote.close()


def test_what_is_wrong_with_it_is_said_in_its_turn(spy: Spy, spied: RemoteDriver) -> None:
    spy.bad = SECOND.digest
    spied.load(FIRST)
    second = run_of(SECOND)
    told(spied, (SECOND, second))
    assert rows(spied.run(run_of(FIRST))) == 1
    with pytest.raises(ScheduleError, match="playable"):
        spied.load(SECOND)
    with pytest.raises(NotLoaded):
        list(spied.run(second))
    assert rows(spied.run(run_of(FIRST))) == 1


def test_a_server_that_has_started_anew_gets_it_again(spy: Spy, loopback: Driver, endpoint: str) -> None:
    other = Spy(loopback, hold=spy.hold)
    remote = RemoteDriver(endpoint)
    execution = Execution(remote, spy.capabilities(), retry_pause_s=0.01)
    flow = execution.run_all(series(FIRST, SECOND, THIRD))
    # what it was told of does not end before the server is stopped, which is no reason to give it up
    spy.in_load = lambda: spy.hold.clear() if spy.asked[-1] == "load second" else None
    with DriverServer(spy, endpoint):
        assert next(flow)[0] == 0
    with started(DriverServer(other, endpoint)):
        assert [number for number, _ in flow] == [1, 2]
        remote.close()
    # a template more than once, if the loss is noticed after it was sent
    assert set(other.asked) == {"load second", "run second", "load third", "run third"}
    assert [one for one in other.asked if one.startswith("run")] == ["run second", "run third"]


def test_a_server_that_remembers_no_template_gets_it_again(spy: Spy, endpoint: str) -> None:
    """The runs behind are called back: they would be played before their turn."""
    with DriverServer(spy, endpoint, templates=1):
        remote = RemoteDriver(endpoint)
        execution = Execution(remote, spy.capabilities(), retry_pause_s=0.01)
        found = [number for number, _ in execution.run_all(series(FIRST, SECOND, FIRST, SECOND))]
        remote.close()
    assert found == [0, 1, 2, 3]
    # what stands behind a run that is refused may come before its turn, and is played again in it
    assert len([one for one in spy.asked if one.startswith("run")]) <= 5


def test_an_execution_tells_of_the_next_while_one_is_played(spy: Spy, spied: RemoteDriver) -> None:
    flow = Execution(spied, spy.capabilities()).run_all(series(FIRST, SECOND, THIRD, template(52)))
    assert next(flow)[0] == 0
    # of two at most
    until(lambda: spy.asked == asked("first second third"))
    assert [number for number, _ in flow] == [1, 2, 3]
    assert spy.asked == asked("first second third fourth")
    # a driver in this process is asked for one after the other, as ever
    near = Spy(spy.driver, hold=spy.hold)
    flow = Execution(near, spy.capabilities()).run_all(series(FIRST, SECOND))
    next(flow)
    assert near.asked == asked("first")
    assert [number for number, _ in flow] == [1]


def test_the_runs_of_one_template_follow_each_other(spy: Spy, spied: RemoteDriver) -> None:
    execution = Execution(spied, spy.capabilities())
    table = Table(np.zeros((5, 0)))
    chunks = list(execution.run(FIRST, [table], 3, seed=1, max_rows=2))
    assert [chunk.first_row for chunk in chunks] == [0, 2, 4]
    assert spy.asked == ["load first", "run first", "run first", "run first"]
    whole = list(execution.run(FIRST, [table], 3, seed=1))
    assert np.array_equal(np.concatenate([chunk.iq for chunk in chunks]), whole[0].iq)
    # rows that are still to be made are not known before their turn
    assert sum(chunk.rows for chunk in execution.run(FIRST, iter([table]), 3, max_rows=2)) == 5


def test_what_the_device_may_not_play_is_not_given_to_it_and_is_refused_in_its_turn(spy: Spy, spied: RemoteDriver) -> None:
    known = spy.capabilities()
    narrow = known.model_copy(update={"limits": known.limits.model_copy(update={"max_duration": FIRST.duration})})
    flow = Execution(spied, narrow).run_all(series(FIRST, THIRD))
    assert next(flow)[0] == 0
    with pytest.raises(ScheduleError):
        next(flow)
    assert spy.asked == asked("first")


def test_what_cannot_be_sent_is_said_in_its_turn(spy: Spy, spied: RemoteDriver) -> None:
    spied.load(FIRST)
    much = replace(run_of(SECOND), settings={"words": "x" * 200_000})
    told(spied, (SECOND, much))
    assert rows(spied.run(run_of(FIRST))) == 1
    spied.load(SECOND)
    with pytest.raises(ProtocolError):
        list(spied.run(much))
    assert rows(spied.run(run_of(SECOND))) == 1


def test_acks_of_ended_runs_fill_no_places(spy: Spy, endpoint: str) -> None:
    """Of as many chunks as may be under way there may be as many acks as requests may wait."""
    with DriverServer(spy, endpoint, slow_s=LONG_S):
        remote = RemoteDriver(endpoint, window=64)
        execution = Execution(remote, spy.capabilities())
        table = Table(np.zeros((200, 0)))
        each = [Series(FIRST, [table], 3, seed=1, settings={"row_seconds": 1e-9}) for _ in range(3)]
        assert sum(chunk.rows for _, chunk in execution.run_all(each)) == 600
        assert execution.resumed == 0
        remote.close()
