"""What a driver elsewhere was told of, and is not wanted any more."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from qpu_bridge.errors import Cancelled, RanTooLong
from qpu_bridge.execution import Execution
from qpu_bridge.schedule import Schedule
from qpu_bridge.transport import DriverServer, RemoteDriver
from tests.transport.spy import FIRST, LONG_S, NAMES, SECOND, THIRD, Spy, asked, rows, run_of, series, template, told, until


def busy_with_second_load(spy: Spy) -> tuple[Event, Event]:
    """Says that the device has begun to load what comes after the first run, and is told when to go on."""
    loading, go_on = Event(), Event()

    def in_load() -> None:
        if len(spy.asked) > 1:
            loading.set()
            go_on.wait(LONG_S)

    spy.in_load = in_load
    return loading, go_on


@pytest.mark.parametrize("wanted", [SECOND, THIRD])
def test_what_is_not_wanted_after_all_is_called_back(spy: Spy, spied: RemoteDriver, wanted: Schedule) -> None:
    """By another run, be it of the same template."""
    spied.load(FIRST)
    spied.load(wanted)
    waiting, go_on = Event(), Event()
    spy.in_load = lambda: (waiting.set(), go_on.wait(LONG_S))
    told(spied, (template(52), run_of(template(52))), (SECOND, run_of(SECOND)))
    assert rows(spied.run(run_of(FIRST))) == 1
    assert waiting.wait(LONG_S)
    found: list[int] = []
    thread = Thread(target=lambda: found.append(rows(spied.run(run_of(wanted)))))
    thread.start()
    while spied._queue.runs:
        assert thread.is_alive()
    go_on.set()
    thread.join()
    assert found == [1]
    runs = [one for one in spy.asked if one.startswith("run")]
    assert runs == ["run first", f"run {NAMES[wanted.digest]}"]


def test_an_abort_stops_all_of_it(spy: Spy, spied: RemoteDriver) -> None:
    spied.load(FIRST)
    second, third = run_of(SECOND), run_of(THIRD)
    told(spied, (SECOND, second), (THIRD, third))
    spy.hold.clear()

    def abort() -> None:
        assert spy.begun.wait(LONG_S)
        until(lambda: len(spied._queue) >= 4)
        spied.abort()

    thread = Thread(target=abort)
    thread.start()
    with pytest.raises(Cancelled):
        list(spied.run(run_of(FIRST)))
    thread.join()
    spy.stopped.clear()
    # what is asked for afterwards is played
    spied.load(SECOND)
    assert rows(spied.run(second)) == 1
    assert [one for one in spy.asked if one.startswith("run")] == ["run first", "run second"]


@pytest.mark.parametrize("how", ["closed", "failed"])
def test_who_does_not_go_on_leaves_nothing_behind(spy: Spy, spied: RemoteDriver, how: str) -> None:
    """The device is busy with the load of the second: its run, and all that follows, is not begun."""
    loading, go_on = busy_with_second_load(spy)
    limit = None if how == "closed" else 1e-12
    flow = Execution(spied, spy.capabilities(), usage_limit_s=limit).run_all(series(FIRST, SECOND, THIRD))
    if how == "closed":
        next(flow)
        assert loading.wait(LONG_S)
        flow.close()
    else:
        with pytest.raises(RanTooLong):
            next(flow)
    go_on.set()
    # whoever comes next finds an idle device
    assert rows(spied.run(run_of(FIRST))) == 1
    assert [one for one in spy.asked if one.startswith("run")] == ["run first", "run first"]


def test_an_abort_finds_a_run_that_waits_behind_a_load(spy: Spy, spied: RemoteDriver) -> None:
    """One abort is enough: the run has been sent, and the server does not know of it yet."""
    spied.load(FIRST)
    second = run_of(SECOND)
    told(spied, (SECOND, second))
    loading, go_on = Event(), Event()
    spy.in_load = lambda: (loading.set(), go_on.wait(LONG_S))
    assert rows(spied.run(run_of(FIRST))) == 1
    assert loading.wait(LONG_S)
    spied.abort()
    go_on.set()
    spied.load(SECOND)
    assert spy.asked == ["load first", "run first", "load second"]
    assert rows(spied.run(second)) == 1
    assert spy.asked == asked("first second")


def test_an_abort_between_two_runs_hits_nobody_else(spy: Spy, spied: RemoteDriver, endpoint: str) -> None:
    other = RemoteDriver(endpoint)
    spied.load(FIRST)
    assert rows(spied.run(run_of(FIRST))) == 1
    spy.hold.clear()
    found: list[int] = []
    other.load(FIRST)
    spy.begun.clear()
    thread = Thread(target=lambda: found.append(rows(other.run(run_of(FIRST)))))
    thread.start()
    assert spy.begun.wait(LONG_S)
    spied.abort()
    assert not spy.stopped.is_set()
    spy.hold.set()
    thread.join()
    other.close()
    assert found == [1]


@pytest.mark.parametrize("how", ["closed", "thrown"])
def test_a_flow_that_ends_early_takes_along_its_own_runs_only(spy: Spy, spied: RemoteDriver, endpoint: str, how: str) -> None:
    """Another client's, which waits behind, is played."""
    flow = Execution(spied, spy.capabilities()).run_all(series(FIRST, SECOND, THIRD))
    loading, go_on = busy_with_second_load(spy)
    next(flow)
    assert loading.wait(LONG_S)
    other = RemoteDriver(endpoint)
    found: list[int] = []
    thread = Thread(
        target=lambda: found.extend(number for number, _ in Execution(other, spy.capabilities()).run_all(series(FIRST)))
    )
    thread.start()
    if how == "closed":
        flow.close()
    else:
        with pytest.raises(KeyError):
            flow.throw(KeyError)
    go_on.set()
    thread.join()
    other.close()
    assert found == [0]
    assert [one for one in spy.asked if one.startswith("run")] == ["run first", "run first"]


def test_a_run_that_was_told_of_ends_with_its_flow_though_it_is_its_turn(spy: Spy, spied: RemoteDriver) -> None:
    stop = Event()
    flow = Execution(spied, spy.capabilities()).run_all(series(FIRST, SECOND), cancelled=stop.is_set, watched=True)
    spy.in_load = lambda: spy.hold.clear() if len(spy.asked) > 1 else None
    next(flow)
    until(lambda: spy.asked[-1] == "run second")
    stop.set()
    with pytest.raises(Cancelled):
        next(flow)
    assert spy.stopped.wait(LONG_S)


def test_an_abort_finds_a_run_whose_template_is_sent_again(spy: Spy, endpoint: str) -> None:
    with DriverServer(spy, endpoint, templates=1):
        remote = RemoteDriver(endpoint)
        remote.load(FIRST)
        remote.load(SECOND)
        spy.in_load = remote.abort
        with pytest.raises(Cancelled):
            list(remote.run(run_of(FIRST)))
        spy.in_load = lambda: None
        assert rows(remote.run(run_of(FIRST))) == 1
        remote.close()
