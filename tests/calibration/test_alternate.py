"""Works that alternate at a device: each is played for in turn, and computes while the device plays for the other."""

from __future__ import annotations

import sys
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
    """A device: returns what was asked of it, in capitals.

    Attributes:
        asked: What.
        told: What it was told will come, None for nothing any more.
        busy: Whether it plays.
        during: Called while it plays.
        called_back: Set if somebody wants it back.
        halted: Set when it is stopped.
    """

    asked: list[str] = field(default_factory=list)
    told: list[str | None] = field(default_factory=list)
    busy: bool = False
    during: Callable[[str], None] = lambda routine: None
    called_back: Event = field(default_factory=Event)
    halted: Event = field(default_factory=Event)

    def prepare(self, order: Order) -> Order:
        return order

    def then(self, prepared: Order | None) -> None:
        self.told.append(None if prepared is None else prepared.routine)

    def play(self, order: Order, stopped: Callable[[], bool]) -> Played:
        assert not self.busy
        self.busy = True
        self.asked.append(order.routine)
        self.during(order.routine)
        self.busy = False
        return Played(np.array([order.routine.upper()]), 1, 1.0)

    def wanted(self) -> bool:
        return self.called_back.is_set()

    def stop(self) -> None:
        self.halted.set()


def test_the_device_plays_for_two_in_turn_and_for_the_next_when_one_is_done() -> None:
    player = Player()
    works = (work(name, orders) for name, orders in (("a", 2), ("b", 3), ("c", 0), ("d", 1)))
    found = list(alternate(in_turn(works), player))
    assert found == ["a: A0 A1", "c: ", "b: B0 B1 B2", "d: D0"]
    assert player.asked == ["a0", "b0", "a1", "b1", "b2", "d0"]
    # all but the first, and those that must be waited for
    assert player.told == ["b0", "a1", "b1", "d0", None]


def test_a_work_that_must_wait_for_another_begins_when_that_is_done_though_the_device_plays() -> None:
    done: set[str] = set()
    began = Event()

    def until_it_began(routine: str) -> None:
        assert routine != "b1" or began.wait(LONG_S)

    player = Player(during=until_it_began)

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
    assert player.asked == ["a0", "b0", "a1", "b1", "after a0", "after a1", "after both0", "after both1"]


def test_one_alone() -> None:
    assert alone(work("a", 3), Player()) == "a: A0 A1 A2"
    assert list(alternate(in_turn([]), Player())) == []


def test_a_work_computes_while_the_device_plays_for_another() -> None:
    """The device ends the second order only when the first work has gone on."""
    first_went_on = Event()

    def until_it_went_on(routine: str) -> None:
        assert routine != "b0" or first_went_on.wait(LONG_S)

    def going_on() -> Work[str]:
        yield ordered("a0")
        first_went_on.set()
        return "a"

    assert list(alternate(in_turn([going_on(), work("b", 1)]), Player(during=until_it_went_on))) == ["a", "b: B0"]


def test_while_the_caller_has_a_result_no_work_begins_and_what_the_device_was_told_of_is_called_back_if_he_leaves() -> None:
    log: list[str] = []
    player = Player()
    found = alternate(in_turn(work(name, orders, log) for name, orders in (("a", 1), ("b", 3), ("c", 1), ("d", 1))), player)
    assert next(found) == "a: A0"
    seen, begun = list(player.asked), list(log)
    assert seen == ["a0", "b0"]
    assert begun == ["a0", "b0", "c0"]
    assert not player.busy
    told = list(player.told)
    assert told[-1] is not None
    found.close()
    assert player.asked == seen
    assert log == begun
    assert player.told == [*told, None]


@pytest.mark.parametrize("where", ["device", "work"])
def test_what_fails_is_raised_after_what_was_done_before(where: str) -> None:
    closed = []

    def failing_device(routine: str) -> None:
        if where == "device" and routine == "b1":
            raise Cancelled("the driver was stopped")

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

    found = alternate(in_turn([work("a", 1), failing(), waiting()]), Player(during=failing_device))
    assert next(found) == "a: A0"
    with pytest.raises(Cancelled):
        next(found)
    assert sorted(closed) == ["b", "c"]


def halts(player: Player, at: str) -> None:
    """Have the device play one order until it is stopped."""

    def until_it_is_halted(routine: str) -> None:
        if routine == at:
            assert player.halted.wait(LONG_S)
            raise Cancelled("the driver was stopped")

    player.during = until_it_is_halted


def test_a_work_that_fails_stops_the_device() -> None:
    """It would play for the other one for a long time."""
    player = Player()
    halts(player, "b0")

    def failing() -> Work[str]:
        yield ordered("a0")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(alternate(in_turn([failing(), work("b", 1)]), player))


def test_a_device_that_somebody_wants_back_is_stopped() -> None:
    player = Player()
    halts(player, "b0")

    def calling() -> Work[str]:
        yield ordered("a0")
        player.called_back.set()
        yield ordered("a1")
        return "a"

    with pytest.raises(Cancelled):
        list(alternate(in_turn([calling(), work("b", 1)]), player))
    assert player.asked == ["a0", "b0"]


def test_nothing_is_called_back_before_the_device_has_ended() -> None:
    """Somebody may press Ctrl-C at any moment."""

    class Interrupted(Player):
        begun = Event()

        def then(self, prepared: Order | None) -> None:
            super().then(prepared)
            if prepared is not None:
                assert self.begun.wait(LONG_S)
                raise KeyboardInterrupt
            assert not self.busy

        def play(self, order: Order, stopped: Callable[[], bool]) -> Played:
            self.busy = True
            self.begun.set()
            while not stopped():
                pass
            # long enough for whoever does not wait
            assert all(stopped() for _ in range(100_000))
            self.busy = False
            raise Cancelled("the driver was stopped")

    player = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        list(alternate(in_turn([work("a", 1), work("b", 1)]), player))
    assert player.told == ["b0", None]


def test_an_error_of_who_is_asked_whether_it_is_wanted_stops_it() -> None:
    class Asked(Player):
        def wanted(self) -> bool:
            raise ZeroDivisionError

    player = Asked()
    halts(player, "a0")
    with pytest.raises(ZeroDivisionError):
        alone(work("a", 1), player)


def test_the_interpreter_changes_hands_as_often_as_before_when_it_is_done() -> None:
    before = sys.getswitchinterval()
    during = []
    alone(work("a", 1), Player(during=lambda routine: during.append(sys.getswitchinterval())))
    assert sys.getswitchinterval() == before
    assert during[0] < before
