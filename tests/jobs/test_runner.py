"""Each job is seen to exactly one end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from qpu_bridge.errors import (
    BadRequest,
    Cancelled,
    DriverFault,
    DriverLost,
    OperatorError,
    RanTooLong,
    SettingsError,
    StoreFault,
    WrongState,
)
from qpu_bridge.jobs import Job, Owner, Runner, State, Store, Word, Work
from qpu_bridge.jobs.job import now
from qpu_bridge.jobs.queue import Queue

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept

Run = Callable[[Job, Work], str]


def echo(job: Job, work: Work) -> str:
    return work.params


@contextmanager
def serving(store: Store, run: Run) -> Iterator[Runner]:
    runner = Runner(store, "lab_two", run)
    thread = threading.Thread(target=runner.serve)
    thread.start()
    try:
        yield runner
    finally:
        runner.stop()
        thread.join(60)
        assert not thread.is_alive()


def until(done: Callable[[], bool]) -> None:
    pause, until_s = threading.Event(), time.monotonic() + 60
    while not done():
        assert time.monotonic() < until_s, "it never came to that"
        pause.wait(0.002)


def test_first_come_first_served(store: Store, accept: Accept) -> None:
    order: list[str] = []

    def run(job: Job, work: Work) -> str:
        order.append(job.id)
        return "{}"

    made = [accept().id for _ in range(4)]
    accept(backend="lab_six")
    runner = Runner(store, "lab_two", run)
    while runner.step():
        pass
    assert order == made
    assert store.devices.condition("lab_six").queue == 1


def test_a_result_is_stored_with_its_state(store: Store, accept: Accept, alice: Owner) -> None:
    def run(job: Job, work: Work) -> str:
        used = iter([1.0, 3.5, 3.5, 3.5, 3.5])
        work.meter(lambda: next(used))
        return "ünd"

    job = accept()
    assert Runner(store, "lab_two", run).step()
    ended = store.job(job.id)
    assert (ended.state, ended.usage_s, ended.attempts) == (State.COMPLETED, 2.5, 1)
    assert store.result(ended) == "ünd".encode()
    assert store.usage_s(alice, now() - timedelta(hours=1)) == 2.5
    store.delete(job.id)
    assert store.usage_s(alice, now() - timedelta(hours=1)) == 2.5


@pytest.mark.parametrize(
    ("error", "state", "code", "says"),
    [
        (BadRequest("a must hold", remedy="Do b."), State.FAILED, 1001, "a must hold. Do b."),
        (DriverFault("the arm must move"), State.FAILED, 3100, "the arm must move."),
        (
            RanTooLong("what is left"),
            State.CANCELLED,
            1305,
            "at most 60 s of device time; got 0.000 s (max_execution_time). Raise",
        ),
        (Cancelled("nobody asked"), State.FAILED, 2000, "nobody asked."),
        (KeyError("x"), State.FAILED, 5000, "nobody foresaw"),
        (RecursionError(), State.FAILED, 5000, "nobody foresaw"),
    ],
)
def test_errors_become_reasons(store: Store, accept: Accept, error: Exception, state: State, code: int, says: str) -> None:
    def run(job: Job, work: Work) -> str:
        raise error

    job = accept(cost=60)
    assert Runner(store, "lab_two", run).step()
    ended = store.job(job.id)
    assert (ended.state, ended.reason_code) == (state, code)
    assert says in str(ended.reason)
    assert store.result(ended) is None


def test_an_unforeseen_error_is_told_whole_to_the_operator_only(
    store: Store, accept: Accept, caplog: pytest.LogCaptureFixture
) -> None:
    def run(job: Job, work: Work) -> str:
        raise KeyError("the lost key")

    job = accept(log_level="CRITICAL")
    Runner(store, "lab_two", run).step()
    ((_, level, text),) = store.log_lines(job)
    assert level == "ERROR"
    assert "KeyError" in text
    assert "Traceback" not in text
    assert "the lost key" not in text
    assert "the lost key" in caplog.text
    assert job.id in caplog.text


@pytest.mark.parametrize("kind", [StoreFault, SettingsError, DriverLost])
def test_a_user_is_told_nothing_of_the_operators_files(
    store: Store, accept: Accept, caplog: pytest.LogCaptureFixture, kind: type[OperatorError]
) -> None:
    def run(job: Job, work: Work) -> str:
        raise kind("it must be there", given="/srv/secret: gone", where="ipc:///srv/lab.ipc", remedy="Ask.")

    job = accept()
    Runner(store, "lab_two", run).step()
    assert store.job(job.id).reason == "it must be there. Ask."
    assert "/srv" not in "".join(text for _, _, text in store.log_lines(job))
    assert "/srv/lab.ipc" in caplog.text


def test_lines_below_the_wanted_level_are_not_kept(store: Store, accept: Accept) -> None:
    def run(job: Job, work: Work) -> str:
        for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
            work.log(level.lower(), level)
        work.log("plain")
        return "{}"

    job = accept(log_level="WARNING")
    Runner(store, "lab_two", run).step()
    assert [text for _, _, text in store.log_lines(job)] == ["warning", "error", "plain"]


def test_a_limit_holds_even_if_nobody_asks(store: Store, accept: Accept) -> None:
    def run(job: Job, work: Work) -> str:
        used = iter([0.0] + [5.0] * 10)
        work.meter(lambda: next(used))
        return "{}"

    short, long = accept(cost=4), accept(cost=5)
    runner = Runner(store, "lab_two", run)
    while runner.step():
        pass
    assert (store.job(short.id).state, store.job(short.id).reason_code) == (State.CANCELLED, 1305)
    assert store.job(long.id).state is State.COMPLETED


def test_a_result_that_is_too_large(store: Store, accept: Accept) -> None:
    job = accept()
    Runner(store, "lab_two", lambda job, work: "x" * 11, max_result_bytes=10).step()
    ended = store.job(job.id)
    assert (ended.state, ended.reason_code) == (State.FAILED, 1002)


def test_a_result_that_does_not_fit_on_the_disk(store: Store, accept: Accept, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*ignored: object) -> None:
        raise StoreFault("the job store must be usable", remedy="The disk is full: make room.")

    monkeypatch.setattr(Queue, "finish", full)
    job = accept()
    Runner(store, "lab_two", echo).step()
    assert store.job(job.id).state is State.FAILED
    assert "make room" in str(store.job(job.id).reason)


def test_new_jobs_are_noticed(store: Store, accept: Accept) -> None:
    with serving(store, echo):
        until(lambda: store.devices.condition("lab_two").word is Word.ONLINE)
        jobs = [accept(params=b"%d" % n) for n in range(20)]
        until(lambda: all(store.job(job.id).state is State.COMPLETED for job in jobs))
    assert [store.result(job) for job in jobs] == [b"%d" % n for n in range(20)]
    assert store.devices.condition("lab_two").word is Word.OFFLINE


def test_a_running_job_is_cancelled(store: Store, accept: Accept) -> None:
    started = threading.Event()

    def run(job: Job, work: Work) -> str:
        started.set()
        until(work.cancelled)
        raise Cancelled("it must not be stopped")

    with serving(store, run):
        job = accept()
        assert started.wait(60)
        assert store.cancel(job.id).state is State.RUNNING
        until(lambda: store.job(job.id).state is State.CANCELLED)
    assert store.job(job.id).reason_code == 2000


def test_a_job_that_ends_before_it_hears_of_its_cancellation_keeps_its_result(store: Store, accept: Accept) -> None:
    job = accept()

    def run(taken: Job, work: Work) -> str:
        store.cancel(taken.id)
        return "{}"

    Runner(store, "lab_two", run).step()
    assert store.job(job.id).state is State.COMPLETED


def test_a_runner_that_stops_puts_its_job_back(store: Store, accept: Accept) -> None:
    started = threading.Event()

    def run(job: Job, work: Work) -> str:
        started.set()
        until(work.cancelled)
        raise Cancelled("it must not be stopped")

    job = accept()
    with serving(store, run) as runner:
        assert started.wait(60)
        runner.stop()
    waiting = store.job(job.id)
    assert (waiting.state, waiting.attempts, waiting.running) == (State.QUEUED, 0, None)
    Runner(store, "lab_two", echo).step()
    assert store.job(job.id).state is State.COMPLETED


@pytest.mark.parametrize("told", [KeyboardInterrupt(), SystemExit(0)])
def test_a_process_told_to_leave_puts_its_job_back(store: Store, accept: Accept, told: BaseException) -> None:
    def run(job: Job, work: Work) -> str:
        raise told

    job = accept()
    with pytest.raises(type(told)):
        Runner(store, "lab_two", run).serve()
    assert (store.job(job.id).state, store.job(job.id).attempts) == (State.QUEUED, 0)
    assert store.devices.condition("lab_two").word is Word.OFFLINE


def test_a_paused_device_starts_nothing(store: Store, accept: Accept) -> None:
    store.devices.pause("lab_two", "helium")
    job = accept()
    runner = Runner(store, "lab_two", echo)
    assert not runner.step()
    store.devices.resume("lab_two")
    assert runner.step()
    assert store.job(job.id).state is State.COMPLETED


def test_a_faulted_device_does_not_burn_the_queue(store: Store, accept: Accept) -> None:
    store.devices.fault("lab_two", "the driver does not answer")
    job = accept()
    runner = Runner(store, "lab_two", echo)
    assert not runner.step()
    store.devices.fault("lab_two", "")
    assert runner.step()
    assert store.job(job.id).state is State.COMPLETED


def test_two_runners_never_take_the_same_job(store: Store, accept: Accept) -> None:
    """The lock aside: taking is atomic."""
    made = {accept().id for _ in range(30)}
    taken: list[str] = []

    def take(name: str) -> None:
        queue = Queue(store.database, "lab_two", name)
        while (one := queue.take()) is not None:
            taken.append(one.job.id)

    threads = [threading.Thread(target=take, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(made)


def test_a_runner_thought_dead_cannot_write(store: Store, accept: Accept) -> None:
    accept()
    old, new = (Queue(store.database, "lab_two", name) for name in ("old", "new"))
    first = old.take()
    assert first is not None
    new.recover()
    second = new.take()
    assert second is not None
    assert second.job.attempts == 2
    with pytest.raises(WrongState):
        old.finish(first.job, "old", 0.0)
    assert store.result(first.job) is None
    new.finish(second.job, "new", 0.0)
    assert store.result(second.job) == b"new"


class TestRecovery:
    """What a dead runner leaves behind."""

    def left(self, store: Store, times: int) -> None:
        for n in range(times):
            queue = Queue(store.database, "lab_two", f"r{n}")
            queue.recover()
            assert queue.take() is not None

    def test_once_is_tried_again(self, store: Store, accept: Accept) -> None:
        job = accept()
        self.left(store, 1)
        with serving(store, echo):
            until(lambda: store.job(job.id).state is State.COMPLETED)
        assert store.job(job.id).attempts == 2
        assert "died during attempt 1" in store.log_lines(job)[0][2]

    def test_twice_is_poison(self, store: Store, accept: Accept) -> None:
        job, healthy = accept(), accept()
        self.left(store, 2)
        with serving(store, echo):
            until(lambda: store.job(healthy.id).state is State.COMPLETED)
        assert store.job(job.id).state is State.FAILED
        assert "died 2 times" in str(store.job(job.id).reason)

    def test_a_wish_to_cancel_is_kept(self, store: Store, accept: Accept) -> None:
        job = accept()
        self.left(store, 1)
        store.cancel(job.id)
        with serving(store, echo):
            until(lambda: store.job(job.id).state is State.CANCELLED)
