"""Private jobs leave nothing behind, however they end."""

from __future__ import annotations

import pytest
from sqlalchemy import Table, func, select

from qpu_bridge.jobs import Job, Owner, Reason, Store
from qpu_bridge.jobs.opening import Mode, Opening
from qpu_bridge.jobs.private import forget_inputs, give_away
from qpu_bridge.jobs.queue import Queue
from qpu_bridge.jobs.states import Move
from qpu_bridge.jobs.tables import jobs, params, results
from tests.jobs.conftest import Accept


def count(store: Store, table: Table, job: Job) -> int:
    with store.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table).where(table.c.job == job.number)).scalar_one()


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("end", ["finish", "fail", "overrun", "cancel"])
def test_parameters_go_when_it_ends_and_not_before(store: Store, accept: Accept, end: str, private: bool) -> None:
    job = accept(private=private)
    queue = Queue(store.database, "lab_two", "r1")
    if end == "cancel":
        store.cancel(job.id)
    else:
        taken = queue.take()
        assert taken is not None
        assert count(store, params, job) == 1
        if end == "finish":
            queue.finish(taken.job, "{}", 0.0)
        else:
            queue.end(taken.job, Move.FAIL if end == "fail" else Move.OVERRUN, Reason("x", 1), 0.0)
    assert count(store, params, job) == (0 if private else 1)


def test_parameters_stay_while_a_job_is_put_back(store: Store, accept: Accept) -> None:
    job = accept(private=True)
    queue = Queue(store.database, "lab_two", "r1")
    taken = queue.take()
    assert taken is not None
    queue.put_back(taken.job)
    again = queue.take()
    assert again is not None
    assert again.params == "{}"
    assert count(store, params, job) == 1


def test_parameters_go_with_a_session_that_is_closed(store: Store, accept: Accept, alice: Owner) -> None:
    session = store.sessions.create(alice, Opening("lab_two", Mode.DEDICATED, 60, 60))
    private, plain = (accept(private=value, session_id=session.id) for value in (True, False))
    store.sessions.cancel(session.id, alice)
    assert (count(store, params, private), count(store, params, plain)) == (0, 1)


def test_only_the_result_of_a_private_job_is_given_away(store: Store, accept: Accept) -> None:
    queue = Queue(store.database, "lab_two", "r1")
    for private in (True, False):
        job = accept(private=private)
        taken = queue.take()
        assert taken is not None
        queue.finish(taken.job, '"kilo"', 0.0)
        give_away(store.database, job)
        assert count(store, results, job) == (0 if private else 1)
    with store.database.write() as connection:
        forget_inputs(connection, jobs.c.backend == "lab_two")
    assert count(store, results, job) == count(store, params, job) == 1
