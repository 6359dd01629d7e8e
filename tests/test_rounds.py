"""Looks come one after the other until the end, whatever goes wrong in one of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from qpu_bridge.errors import StoreFault
from qpu_bridge.rounds import rounds

SOON_S, NEVER_S = 0.001, 3600.0


class Looks:
    """Counts looks; each does what it is told first."""

    def __init__(self, *told: Callable[[], object]) -> None:
        self.told = list(told)
        self.number = 0
        self.thread = ""
        self._more = threading.Condition()

    def __call__(self) -> None:
        self.thread = threading.current_thread().name
        with self._more:
            self.number += 1
            self._more.notify_all()
        if self.told:
            self.told.pop(0)()

    def wait_for(self, number: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: self.number >= number, 60)


def fail(error: Exception) -> Callable[[], object]:
    def raised() -> None:
        raise error

    return raised


def test_it_looks_until_the_end_and_no_longer() -> None:
    looks = Looks()
    with rounds("looking", looks, SOON_S):
        looks.wait_for(3)
        assert looks.thread == "looking"
    assert "looking" not in {thread.name for thread in threading.enumerate()}
    seen = looks.number
    assert not threading.Event().wait(5 * SOON_S)
    assert looks.number == seen


def test_the_end_does_not_wait_for_the_next_look() -> None:
    looks = Looks()
    with rounds("looking", looks, NEVER_S):
        pass
    assert looks.number == 0
    with rounds("looking", looks, NEVER_S, at_once=True):
        looks.wait_for(1)
    assert looks.number == 1


def test_the_end_waits_for_a_look_that_has_begun() -> None:
    begun, go, done = threading.Event(), threading.Event(), threading.Event()

    def look() -> None:
        begun.set()
        assert go.wait(60)
        done.set()

    with rounds("looking", look, SOON_S):
        assert begun.wait(60)
        threading.Timer(0.01, go.set).start()
    assert done.is_set()


def test_a_failure_is_said_once_and_the_next_look_comes(caplog: pytest.LogCaptureFixture) -> None:
    away = fail(StoreFault("the job store must be usable", given="it is away"))
    looks = Looks(away, away, away, lambda: None, away, fail(ValueError("a bug")), fail(ValueError("a bug")))
    with caplog.at_level(logging.ERROR), rounds("looking", looks, SOON_S):
        looks.wait_for(9)
    # of nothing else that may still be going on in this process
    records = [record for record in caplog.records if record.name == "qpu_bridge.rounds"]
    assert [record.getMessage() for record in records] == [
        "looking: the job store must be usable; got it is away.",
        "looking: the job store must be usable; got it is away.",
        "looking failed in a way that nobody foresaw",
    ]
    assert records[2].exc_info is not None


def test_what_goes_wrong_inside_ends_it_too() -> None:
    with pytest.raises(KeyError), rounds("looking", Looks(), SOON_S):
        raise KeyError("inside")
    assert "looking" not in {thread.name for thread in threading.enumerate()}
