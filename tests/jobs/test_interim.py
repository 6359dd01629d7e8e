"""Finished rows: kept as they come, taken up again by the next attempt, and gone at the end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from samplomatic import Twirl, build
from sqlalchemy import func, select

from qpu_bridge import plugins
from qpu_bridge.driver import Driver
from qpu_bridge.errors import Cancelled, DriverLost, StoreFault, WrongState
from qpu_bridge.execution import Execution
from qpu_bridge.jobs import Job, Owner, Runner, State, Store, Work, deaf, interim
from qpu_bridge.jobs import runner as module
from qpu_bridge.jobs.job import now
from qpu_bridge.jobs.queue import Queue
from qpu_bridge.jobs.states import Move
from qpu_bridge.jobs.tables import chunks
from qpu_bridge.programs import Context, DeviceView, ExecuteOptions, execute
from qpu_bridge.programs.finished import Finished, Page

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept

DEVICE = "lab_two"
ROWS = 6


class Died(BaseException):
    """Stands for kill -9: nothing of the runner catches it."""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interim, "FIRST_S", 0.0)
    monkeypatch.setattr(interim, "SHARE", float("inf"))


@contextmanager
def device(name: str = "emulator") -> Iterator[tuple[Driver, DeviceView]]:
    snapshot = plugins.open_snapshot("five", DEVICE)
    driver = plugins.open_driver(name, DEVICE, snapshot, {})
    try:
        yield driver, DeviceView(DEVICE, snapshot, driver.capabilities(), True)
    finally:
        driver.close()


def program(settings: int = ROWS) -> QuantumProgram:
    """Two items: a sweep, and a twirled pair of qubits."""
    angle = Parameter("angle")
    sweep = QuantumCircuit(1, 1)
    sweep.sx(0)
    sweep.rz(angle, 0)
    sweep.sx(0)
    sweep.measure(0, 0)
    pair = QuantumCircuit(2, 2)
    with pair.box([Twirl()]):
        pair.cz(0, 1)
    with pair.box([Twirl()]):
        pair.measure([0, 1], [0, 1])
    wanted = QuantumProgram(shots=40)
    wanted.append_circuit_item(sweep, circuit_arguments=np.linspace(0, 3, settings)[:, None])
    template, samplex = build(pair)
    wanted.append_samplex_item(template, samplex=samplex, shape=(ROWS,))
    return wanted


def as_run(
    driver: Driver, view: DeviceView, *, dies_at: int | None = None, what: QuantumProgram | None = None, seed: int | None = None
) -> Callable[[Job, Work], str]:
    """A program that plays one row at a time, and dies when so many are done."""

    def run(job: Job, work: Work) -> str:
        execution = Execution(driver, view.capabilities, usage_limit_s=work.allowance_s, lost=work.driver_died)
        work.meter(lambda: execution.usage_seconds)

        def progress(done: int, total: int) -> None:
            if done == dies_at:
                raise Died

        wanted = what or program()
        for item in wanted.items:
            item.chunk_size = 1
        context = Context(view, execution, job.seed if seed is None else seed, work.log, work.cancelled, progress, work.notebook)
        found = execute(wanted, ExecuteOptions(), context)
        return json.dumps(as_lists(found))

    return run


def as_lists(found: Any) -> list[dict[str, Any]]:
    return [{name: np.asarray(array).tolist() for name, array in item.items()} for item in found]


def kept(store: Store, job: Job) -> int:
    with store.database.read() as connection:
        return int(connection.execute(select(func.count()).where(chunks.c.job == job.number)).scalar_one())


def die(store: Store, run: Callable[[Job, Work], str]) -> None:
    runner = Runner(store, DEVICE, run)
    runner._queue.recover()
    with pytest.raises(Died):
        runner.step()


def finish(store: Store, job: Job, run: Callable[[Job, Work], str]) -> tuple[Any, str]:
    runner = Runner(store, DEVICE, run)
    runner._queue.recover()
    assert runner.step()
    ended = store.job(job.id)
    assert ended.state is State.COMPLETED, ended.reason
    assert kept(store, job) == 0
    return json.loads(store.result(ended) or b""), "\n".join(text for _, _, text in store.log_lines(job))


@pytest.mark.parametrize("dies_at", [3, ROWS, ROWS + 2, 2 * ROWS])
def test_a_job_taken_up_again_gives_the_same_bits(store: Store, accept: Accept, dies_at: int) -> None:
    job = accept()
    with device() as (driver, view):
        die(store, as_run(driver, view, dies_at=dies_at))
        lost = store.job(job.id)
        # the row in hand when it died was not kept
        assert kept(store, job) == dies_at - 1
        found, log = finish(store, job, as_run(driver, view))
        assert lost.seed is not None
        whole = execute(program(), ExecuteOptions(), Context(view, Execution(driver, view.capabilities), lost.seed))
    assert found == as_lists(whole)
    assert f"attempt 2: {dies_at - 1} rows were taken over, {2 * ROWS - dies_at + 1} measured, 0 discarded" in log
    assert store.job(job.id).usage_s > lost.usage_s > 0 or dies_at == 3


def test_rows_of_another_program_are_discarded(store: Store, accept: Accept) -> None:
    job = accept()
    with device() as (driver, view):
        die(store, as_run(driver, view, dies_at=8))
        _, log = finish(store, job, as_run(driver, view, what=program(ROWS + 1)))
    assert "0 rows were taken over, 13 measured, 7 discarded" in log


def test_rows_drawn_from_another_seed_are_discarded(store: Store, accept: Accept) -> None:
    job = accept()
    with device() as (driver, view):
        die(store, as_run(driver, view, dies_at=8))
        _, log = finish(store, job, as_run(driver, view, seed=5))
    assert "0 rows were taken over" in log


def test_the_seed_is_drawn_once(store: Store, accept: Accept) -> None:
    job = accept()
    assert store.job(job.id).seed is None
    drawn = set()
    for name in ("one", "two"):
        queue = Queue(store.database, DEVICE, name)
        queue.recover()
        assert queue.take() is not None
        drawn.add(store.job(job.id).seed)
    assert len(drawn) == 1
    assert None not in drawn


def test_a_job_put_back_in_good_order_keeps_its_rows_and_its_account(store: Store, accept: Accept) -> None:
    job = accept()
    with device("loopback") as (driver, view):
        runner = Runner(store, DEVICE, as_run(driver, view))
        play = driver.run

        def stopping(order: Any) -> Any:
            for number, chunk in enumerate(play(order)):
                yield chunk
                if order.first_row == 3 and number == 0:
                    runner.stop()

        driver.run = stopping  # type: ignore[method-assign]
        assert runner.step()
        waiting = store.job(job.id)
        assert (waiting.state, waiting.attempts) == (State.QUEUED, 0)
        assert waiting.usage_s > 0
        _, log = finish(store, job, as_run(driver, view))
    assert "attempt 1: 4 rows were taken over" in log


def test_a_job_cancelled_after_it_was_put_back_leaves_no_rows_and_pays(store: Store, accept: Accept, alice: Owner) -> None:
    job = accept()
    with device("loopback") as (driver, view):
        runner = Runner(store, DEVICE, as_run(driver, view))
        play = driver.run

        def stopping(order: Any) -> Any:
            for chunk in play(order):
                yield chunk
                runner.stop()

        driver.run = stopping  # type: ignore[method-assign]
        assert runner.step()
    waiting = store.job(job.id)
    assert (waiting.state, kept(store, job) > 0, waiting.usage_s > 0) == (State.QUEUED, True, True)
    store.cancel(job.id)
    assert kept(store, job) == 0
    assert store.usage_s(alice, now() - timedelta(hours=1)) == pytest.approx(waiting.usage_s)


def test_a_driver_that_dies_twice_ends_its_job_and_no_other(store: Store, accept: Accept) -> None:
    poison, healthy = accept(), accept()
    with device("loopback") as (driver, view):
        play = driver.run

        def deadly(order: Any) -> Any:
            if store.job(poison.id).state is State.RUNNING:
                raise DriverLost("a driver must be there to answer")
            return play(order)

        driver.run = deadly  # type: ignore[method-assign]
        runner = Runner(store, DEVICE, as_run(driver, view))
        while runner.step():
            pass
    ended = store.job(poison.id)
    assert (ended.state, ended.reason_code, ended.driver_deaths) == (State.FAILED, 3103, 2)
    assert "2 times" in str(ended.reason)
    assert store.job(healthy.id).state is State.COMPLETED


def test_deaths_of_the_driver_count_across_attempts(store: Store, accept: Accept) -> None:
    job = accept()
    with device("loopback") as (driver, view):
        play = driver.run
        deadly = [1, 4]

        def mortal(order: Any) -> Any:
            if order.first_row == deadly[0]:
                del deadly[0]
                raise DriverLost("a driver must be there to answer")
            return play(order)

        driver.run = mortal  # type: ignore[method-assign]
        die(store, as_run(driver, view, dies_at=3))
        assert store.job(job.id).driver_deaths == 1
        runner = Runner(store, DEVICE, as_run(driver, view))
        runner._queue.recover()
        assert runner.step()
    ended = store.job(job.id)
    assert (ended.state, ended.reason_code) == (State.FAILED, 3103)
    assert kept(store, job) == 0


def test_a_disk_that_is_full_costs_the_interim_results_only(
    store: Store, accept: Accept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: object, pending: object) -> None:
        raise StoreFault("the job store must be usable", remedy="The disk is full: make room.")

    monkeypatch.setattr(interim.JobNotebook, "_write", full)
    job = accept()
    with device("loopback") as (driver, view):
        finish(store, job, as_run(driver, view))
    assert caplog.text.count("not kept any more") == 1


def test_a_short_job_keeps_nothing(store: Store, accept: Accept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interim, "FIRST_S", 60)
    notes: list[object] = []
    insert = interim.JobNotebook._write
    monkeypatch.setattr(interim.JobNotebook, "_write", lambda self, pending: notes.append(pending) or insert(self, pending))
    job = accept()
    with device("loopback") as (driver, view):
        finish(store, job, as_run(driver, view))
    assert not notes


def test_a_runner_thought_dead_keeps_nothing(store: Store, accept: Accept) -> None:
    job = accept()
    with device("loopback") as (driver, view):

        def run(taken: Job, work: Work) -> str:
            Queue(store.database, DEVICE, "successor").recover()
            return as_run(driver, view)(taken, work)

        with pytest.raises(Exception, match="only while this runner runs it"):
            Runner(store, DEVICE, run).step()
    assert kept(store, job) == 0


def test_a_runner_thought_dead_discards_nothing_and_counts_no_death(store: Store, accept: Accept) -> None:
    job = accept()
    old, new = (Queue(store.database, DEVICE, name) for name in ("old", "new"))
    lost = old.take()
    assert lost is not None
    work = Work(store, old, lost.job, lost.params, threading.Event(), "old")
    new.recover()
    taken = new.take()
    assert taken is not None
    page, moment = Page(0, "k", (2,), lambda first, stop: {"c": np.zeros((stop - first, 1), bool)}), now()
    interim.JobNotebook(store.database, taken.job, "new", float).add(page, 0, 1, moment, moment)
    assert kept(store, job) == 1
    assert list(work.notebook.recall(0, "another key")) == []
    assert kept(store, job) == 1
    with pytest.raises(WrongState, match="only while this runner runs it"):
        work.driver_died()
    assert store.job(job.id).driver_deaths == 0


def test_a_store_that_is_away_for_a_moment_ends_no_job(store: Store, accept: Accept, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: Queue, job: Job) -> bool:
        raise StoreFault("the job store must be usable", remedy="The database is starting or stopping: try again.")

    def run(job: Job, work: Work) -> str:
        monkeypatch.setattr(Queue, "cancel_requested", away)
        assert not work.cancelled()
        monkeypatch.undo()
        store.cancel(job.id)
        until_s = time.monotonic() + 60
        while not work.cancelled():
            assert time.monotonic() < until_s
        raise Cancelled("as you wish")

    job = accept()
    assert Runner(store, DEVICE, run).step()
    assert store.job(job.id).state is State.CANCELLED


@pytest.mark.parametrize("dtype", ["bool", "complex64", "float32", "int16"])
def test_rows_survive_their_packing(rng: np.random.Generator, dtype: str) -> None:
    array = rng.integers(0, 2, (3, 7, 5)).astype(dtype)
    whole = Finished("k", (3, 2), 4, 3, now(), now(), {"c": array, "flips": array[:, :1].copy()})
    again = Finished.from_bytes(whole.to_bytes())
    assert (again.key, again.shape, again.first_row, again.start) == ("k", (3, 2), 4, whole.start)
    for name in ("c", "flips"):
        assert again.arrays[name].dtype == whole.arrays[name].dtype
        assert np.array_equal(again.arrays[name], whole.arrays[name])
    for damaged in (b"", whole.to_bytes()[:-3], b'{"format": 2}\n', whole.to_bytes().replace(b'"rows": 3', b'"rows": 2')):
        with pytest.raises((ValueError, LookupError)):
            Finished.from_bytes(damaged)


def test_kept_rows_that_are_damaged_are_measured_again(store: Store, accept: Accept) -> None:
    job = accept()
    with device() as (driver, view):
        die(store, as_run(driver, view, dies_at=5))
        with store.database.write() as connection:
            connection.execute(chunks.update().where(chunks.c.first_row == 2).values(data=b"rubbish"))
        _, log = finish(store, job, as_run(driver, view))
    assert "2 rows were taken over, 10 measured, 2 discarded" in log


def test_a_program_that_does_not_hear_is_ended(store: Store, accept: Accept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 0.01)
    monkeypatch.setattr(deaf, "STOP_S", dict.fromkeys(Move, 0.1))
    ended = threading.Event()

    def run(job: Job, work: Work) -> str:
        store.cancel(job.id)
        assert ended.wait(60)
        raise Died

    job = accept()
    with pytest.raises(Died):
        Runner(store, DEVICE, run, exit=ended.set).serve()
    assert store.job(job.id).state is State.CANCELLED
    assert "did not stop" in store.log_lines(job)[-1][2]
