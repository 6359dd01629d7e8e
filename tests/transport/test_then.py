"""What a driver elsewhere is told of that comes after all that is played now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from weakref import ref

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.execution import Execution, Series
from qpu_bridge.schedule import Table
from qpu_bridge.transport import RemoteDriver
from tests.transport.spy import FIRST, LONG_S, SECOND, THIRD, Spy, asked, rows, run_of, series, template, until


@contextmanager
def held(spy: Spy, act: Callable[[], None]) -> Iterator[None]:
    """While the device plays the first run, which does not end before, somebody acts."""

    def meanwhile() -> None:
        assert spy.begun.wait(LONG_S)
        act()
        spy.hold.set()

    spy.hold.clear()
    thread = Thread(target=meanwhile)
    thread.start()
    yield
    thread.join()


def test_it_is_told_while_the_last_run_is_played_and_played_before_it_is_asked_for(spy: Spy, spied: RemoteDriver) -> None:
    execution = Execution(spied, spy.capabilities())
    following = execution.prepare(series(SECOND, THIRD, template(52)))

    def tell() -> None:
        execution.then(following)
        until(lambda: len(spied._queue) == 4)

    with held(spy, tell):
        assert [number for number, _ in execution.run_all(series(FIRST))] == [0]
    until(lambda: spy.asked == asked("first second third"))
    assert [number for number, _ in execution.run_all(following)] == [0, 1, 2]
    assert spy.asked == asked("first second third fourth")


def test_what_will_not_be_asked_for_is_called_back(spy: Spy, spied: RemoteDriver) -> None:
    execution = Execution(spied, spy.capabilities())
    following = execution.prepare(series(SECOND))
    go_on = Event()

    def tell() -> None:
        execution.then(following)
        until(lambda: len(spied._queue) == 2)
        spy.in_load = lambda: go_on.wait(LONG_S)

    with held(spy, tell):
        list(execution.run_all(series(FIRST)))
    execution.then(None)
    go_on.set()
    assert rows(spied.run(run_of(FIRST))) == 1
    assert "run second" not in spy.asked
    # and whoever changes his mind again has it as ever
    assert [number for number, _ in execution.run_all(following)] == [0]


def test_it_does_not_overtake_what_is_not_known_yet(spy: Spy, spied: RemoteDriver) -> None:
    """Rows that are still to be made, or a template that is refused in its turn."""
    execution = Execution(spied, spy.capabilities())
    following = execution.prepare(series(SECOND))
    making = (Table(np.zeros((1, 0))) for _ in range(2))
    flow = execution.run_all([Series(FIRST, making, 3, seed=1)])
    execution.then(following)
    next(flow)
    assert not spied._queue
    assert len(list(flow)) == 1
    narrow = spy.capabilities()
    narrow = narrow.model_copy(update={"limits": narrow.limits.model_copy(update={"max_duration": FIRST.duration})})
    careful = Execution(spied, narrow)
    flow = careful.run_all(series(FIRST, THIRD))
    careful.then(careful.prepare(series(FIRST)))
    next(flow)
    assert not spied._queue
    with pytest.raises(ScheduleError):
        next(flow)
    assert list(dict.fromkeys(spy.asked)) == asked("first")


def test_something_else_may_be_asked_for_before(spy: Spy, spied: RemoteDriver) -> None:
    execution = Execution(spied, spy.capabilities())
    following = execution.prepare(series(SECOND))

    def tell() -> None:
        execution.then(following)
        until(lambda: len(spied._queue) == 2)

    with held(spy, tell):
        list(execution.run_all(series(FIRST)))
    assert [number for number, _ in execution.run_all(series(THIRD))] == [0]
    assert "run third" in spy.asked
    assert [number for number, _ in execution.run_all(following)] == [0]


def test_a_driver_in_this_process_is_asked_in_turn(spy: Spy) -> None:
    execution = Execution(spy, spy.capabilities())
    following = execution.prepare(series(SECOND))
    flow = execution.run_all(series(FIRST))
    execution.then(following)
    assert len(list(flow)) == 1
    assert spy.asked == asked("first")
    assert len(list(execution.run_all(following))) == 1
    execution.then(None)
    assert spy.asked == asked("first second")


def test_of_an_execution_that_has_done_nothing_is_kept(spy: Spy, spied: RemoteDriver) -> None:
    """It knows the job, whose parameters may be large."""
    execution = Execution(spied, spy.capabilities())
    assert len(list(execution.run_all(series(FIRST, SECOND)))) == 2
    gone = ref(execution)
    del execution
    assert gone() is None
