"""What expires, what stays, and that no clock makes it otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, update

from qpu_bridge.errors import NotFound
from qpu_bridge.jobs import Filter, Job, Owner, Runner, Store
from qpu_bridge.jobs.job import to_microseconds
from qpu_bridge.jobs.retention import DAY, Expired, expired, prune, prune_daily
from qpu_bridge.jobs.tables import jobs, logs, params, results, sessions
from qpu_bridge.settings import Retention
from tests.jobs.conftest import SQLITE_ONLY

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept

NOW = to_microseconds(datetime(2030, 6, 1, tzinfo=UTC))


@pytest.fixture
def ended(store: Store, accept: Accept) -> list[Job]:
    """Ten completed jobs: the first ended ten days ago, the last one day ago."""
    made = [accept(params=b"p" * 100) for _ in range(10)]
    runner = Runner(store, "lab_two", lambda job, work: work.log("said") or "r" * 100)
    while runner.step():
        pass
    for age, job in zip(range(10, 0, -1), made, strict=True):
        at(store, job, NOW - age * DAY)
    return [store.job(job.id) for job in made]


def at(store: Store, job: Job, moment: int) -> None:
    """Say that a job was accepted, and ended an hour later, at another time."""
    with store.database.write() as connection:
        change = {"created": moment - DAY // 24, "finished": moment if job.finished or store.job(job.id).finished else None}
        connection.execute(update(jobs).where(jobs.c.number == job.number).values(change))


def rows(store: Store) -> tuple[int, ...]:
    with store.database.read() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (jobs, params, results, logs)
        )


def test_without_a_policy_nothing_expires(store: Store, ended: list[Job]) -> None:
    assert not prune(store.database, Retention(), NOW + 10_000 * DAY)
    assert rows(store) == (10, 10, 10, 10)


def test_each_kind_has_its_days(store: Store, ended: list[Job]) -> None:
    policy = Retention(parameters_days=2.5, results_days=4.5, logs_days=6.5, jobs_days=8.5)
    found = expired(store.database, policy, NOW)
    assert found == Expired(jobs=2, parameters=8, results=6, logs=4)
    assert rows(store) == (10, 10, 10, 10), "to ask deletes nothing"
    assert prune(store.database, policy, NOW) == found
    assert rows(store) == (8, 2, 4, 6)
    assert not prune(store.database, policy, NOW)


def test_device_time_stays_on_its_account(store: Store, ended: list[Job], alice: Owner) -> None:
    since = datetime.now(UTC) - timedelta(days=1)
    used_s = store.usage_s(alice, since)
    prune(store.database, Retention(jobs_days=1e-3), NOW)
    assert store.page(Filter(alice)).count == 0
    assert store.usage_s(alice, since) == used_s


def test_what_is_gone_is_said(store: Store, ended: list[Job]) -> None:
    prune(store.database, Retention(parameters_days=0.5, results_days=0.5), NOW)
    with pytest.raises(NotFound, match="parameters of a job must be kept still; got they have expired"):
        store.params(ended[0])
    with pytest.raises(NotFound, match="result of a job must be kept still; got it has expired"):
        store.result(ended[0])
    assert store.job(ended[0].id) == ended[0]


def test_what_waits_never_expires(store: Store, accept: Accept) -> None:
    waiting = accept()
    at(store, waiting, NOW - 1000 * DAY)
    assert not prune(store.database, Retention(jobs_days=1, parameters_days=1), NOW)
    assert store.params(waiting) == b"{}"


def test_sessions_go_with_their_last_job(store: Store, ended: list[Job]) -> None:
    with store.database.write() as connection:
        for n, used in enumerate(ended[:2]):
            values = dict.fromkeys((c.name for c in sessions.c if not c.nullable and c.name != "number"), 0)
            words = {c.name: "x" for c in sessions.c if str(c.type) == "TEXT" and not c.nullable}
            closed = {"id": f"s{n}", "closed": NOW - 9 * DAY, "digest": b"", "accepting_jobs": False, "answered": True}
            connection.execute(sessions.insert().values(values | words | closed))
            connection.execute(update(jobs).where(jobs.c.number == used.number).values(session_id=f"s{n}"))
    policy = Retention(jobs_days=9.5)
    assert expired(store.database, policy, NOW) == Expired(jobs=1)
    policy = Retention(jobs_days=8.5)
    found = expired(store.database, policy, NOW)
    assert found == Expired(jobs=2, sessions=2)
    assert prune(store.database, policy, NOW) == found


class TestClocks:
    def test_a_job_of_a_day_when_the_clock_said_1970(self, store: Store, ended: list[Job]) -> None:
        at(store, ended[8], 3 * DAY)
        assert expired(store.database, Retention(jobs_days=5.5), NOW) == Expired(jobs=5), "it was accepted after younger ones"

    def test_a_job_of_a_day_when_the_clock_said_2099(self, store: Store, ended: list[Job]) -> None:
        at(store, ended[3], NOW + 25_000 * DAY)
        assert expired(store.database, Retention(jobs_days=5.5), NOW) == Expired(jobs=5), "it goes with its neighbours"

    def test_the_line_follows_the_number(self, store: Store, accept: Accept) -> None:
        first, second = accept(), accept()
        at(store, first, NOW + 25_000 * DAY)
        at(store, second, 0)
        order: list[str] = []
        runner = Runner(store, "lab_two", lambda job, work: order.append(job.id) or "{}")
        while runner.step():
            pass
        assert order == [first.id, second.id]

    def test_a_jump_must_last_a_day_before_anything_expires(self, store: Store, ended: list[Job]) -> None:
        policy = Retention(jobs_days=5.5)
        assert prune_daily(store.database, policy, NOW) is None, "the first look begins a day"
        for moment, jump in [
            (NOW + DAY // 2, "not a day yet"),
            (NOW + 3000 * DAY, "forward"),
            (NOW + DAY // 2, "and back"),
            (NOW + DAY, "half a day later"),
            (NOW - 3000 * DAY, "back"),
            (NOW, "and forward"),
        ]:
            assert prune_daily(store.database, policy, moment) is None, jump
        assert rows(store)[0] == 10
        assert prune_daily(store.database, policy, NOW + DAY) == Expired(jobs=6)
        assert prune_daily(store.database, policy, NOW + DAY) is None


@SQLITE_ONLY
def test_the_room_is_given_back_to_the_disk(store: Store, path: Path, accept: Accept) -> None:
    made = [accept(params=b"x" * 1_000_000) for _ in range(8)]
    for job in made:
        at(store, store.cancel(job.id), NOW - 2 * DAY)
    kept = accept()
    prune(store.database, Retention(jobs_days=1), NOW)
    store.close()
    assert path.stat().st_size < 1_000_000
    assert Store(path).job(kept.id) == kept
