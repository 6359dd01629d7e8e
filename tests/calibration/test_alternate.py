"""Works that alternate at a device: each is played for in turn, and computes while the device plays for the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event

import numpy as np
import pytest

from qpu_bridge.errors import Cancelled
from qpu_calibration.alternate import More, Order, Played, Work, alone, alternate

LONG_S = 20.0


def ordered(name: str) -> Order:
    """An order that this file's devices know by its routine only."""
    return Order(name, None, None)  # type: ignore[arg-type]


def work(name: str, orders: int, log: list[str] | None = None) -> Work[str]:
    """Wants so many orders played, and comes to what it was sent."""
    heard = []
    for number in range(orders):
        if log is not None:
            log.append(f"{name}{number}")
        played = yield ordered(f"{name}{number}")
        heard.append(f"{played.numbers[0]}")
    return f"{name}: {' '.join(heard)}"


def in_turn(works: Iterable[Work[str]]) -> More[str]:
    """One after the other."""
    left = iter(works)
    return lambda: next(left, None)


@dataclass
class Player:
    """A device: returns what was asked of it, in capitals."""

    asked: list[str] = field(default_factory=list)
    busy: bool = False

    def __call__(self, order: Order, stopped: Callable[[], bool]) -> Played:
        assert not self.busy
        self.busy = True
        self.asked.append(order.routine)
        self.busy = False
        return Played(np.array([order.routine.upper()]), 1, 1.0)


def test_the_device_plays_for_two_in_turn_and_for_the_next_when_one_is_done() -> None:
    player = Player()
    works = (work(name, orders) for name, orders in (("a", 2), ("b", 3), ("c", 0), ("d", 1)))
    found = list(alternate(in_turn(works), player))
    assert found == ["a: A0 A1", "c: ", "b: B0 B1 B2", "d: D0"]
    assert player.asked == ["a0", "b0", "a1", "b1", "b2", "d0"]


def test_a_work_that_must_wait_for_another_begins_when_that_is_done_though_the_device_plays() -> None:
    asked: list[str] = []
    done: set[str] = set()
    began = Event()

    def player(order: Order, stopped: Callable[[], bool]) -> Played:
        asked.append(order.routine)
        assert order.routine != "b1" or began.wait(LONG_S)
        return Played(np.array([order.routine.upper()]), 1, 1.0)

    def noted(name: str, orders: int) -> Work[str]:
        if name == "after a":
            began.set()
        found = yield from work(name, orders)
        done.add(name)
        return found

    left = ["a", "b", "after a", "after both"]

    def more() -> Work[str] | None:
        for name, needs in (("a", set()), ("b", set()), ("after a", {"a"}), ("after both", {"a", "b", "after a"})):
            if name in left and needs <= done:
                left.remove(name)
                return noted(name, 2)
        return None

    found = list(alternate(more, player))
    assert found == ["a: A0 A1", "b: B0 B1", "after a: AFTER A0 AFTER A1", "after both: AFTER BOTH0 AFTER BOTH1"]
    assert asked == ["a0", "b0", "a1", "b1", "after a0", "after a1", "after both0", "after both1"]


def test_one_alone() -> None:
    assert alone(work("a", 3), Player()) == "a: A0 A1 A2"
    assert list(alternate(in_turn([]), Player())) == []


def test_a_work_computes_while_the_device_plays_for_another() -> None:
    """The device ends the second order only when the first work has gone on."""
    first_went_on = Event()

    def player(order: Order, stopped: Callable[[], bool]) -> Played:
        if order.routine == "b0":
            assert first_went_on.wait(LONG_S)
        return Played(np.array([order.routine]), 1, 1.0)

    def going_on() -> Work[str]:
        yield ordered("a0")
        first_went_on.set()
        return "a"

    assert list(alternate(in_turn([going_on(), work("b", 1)]), player)) == ["a", "b: b0"]


def test_while_the_caller_has_a_result_the_device_is_idle_and_no_work_begins() -> None:
    log: list[str] = []
    player = Player()
    found = alternate(in_turn(work(name, orders, log) for name, orders in (("a", 1), ("b", 3), ("c", 1), ("d", 1))), player)
    assert next(found) == "a: A0"
    seen, begun = list(player.asked), list(log)
    assert seen == ["a0", "b0"]
    assert begun == ["a0", "b0", "c0"]
    assert not player.busy
    found.close()
    assert player.asked == seen
    assert log == begun


@pytest.mark.parametrize("where", ["device", "work"])
def test_what_fails_is_raised_after_what_was_done_before(where: str) -> None:
    closed = []

    def player(order: Order, stopped: Callable[[], bool]) -> Played:
        if where == "device" and order.routine == "b1":
            raise Cancelled("somebody wanted it back")
        return Played(np.array([order.routine]), 1, 1.0)

    def failing() -> Work[str]:
        try:
            yield ordered("b0")
            if where == "work":
                raise Cancelled("by itself")
            yield ordered("b1")
        finally:
            closed.append("b")
        return "b"

    def waiting() -> Work[str]:
        try:
            for _ in range(9):
                yield ordered("c0")
        finally:
            closed.append("c")
        return "c"

    found = alternate(in_turn([work("a", 1), failing(), waiting()]), player)
    assert next(found) == "a: a0"
    with pytest.raises(Cancelled):
        next(found)
    assert sorted(closed) == ["b", "c"]


def test_a_work_that_fails_stops_the_device() -> None:
    """It would play for the other one for a long time."""

    def player(order: Order, stopped: Callable[[], bool]) -> Played:
        if order.routine == "b0":
            rest = Event()
            while not stopped():
                rest.wait(1e-3)
        return Played(np.array([order.routine]), 1, 1.0)

    def failing() -> Work[str]:
        yield ordered("a0")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(alternate(in_turn([failing(), work("b", 1)]), player))
