"""What is accepted stays, belongs to its owner, and is found again."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qpu_bridge.errors import BadRequest, NotFound, StoreFault, WrongState
from qpu_bridge.jobs import Filter, Owner, Request, State, Store
from qpu_bridge.jobs.job import now
from tests.jobs.conftest import SQLITE_ONLY

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept


def test_what_is_accepted_is_there_after_opening_again(store: Store, address: Path | str, alice: Owner) -> None:
    request = Request("sampler", "lab_two", '{"ü": 1.50}'.encode(), ("b", "a", "b"), "INFO", 7, "cal-1", digest=b"d" * 32)
    job = store.accept(alice, request)
    again = Store(address)
    try:
        found = again.job(job.id, alice)
        assert found == job
        assert (found.state, found.tags, found.cost, found.log_level) == (State.QUEUED, ("b", "a"), 7, "INFO")
        assert again.params(found) == request.params
        assert again.result(found) is None
    finally:
        again.close()


@SQLITE_ONLY
def test_accepted_jobs_are_flushed_to_the_disk(store: Store) -> None:
    with store.database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    with store.database.note() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1


@SQLITE_ONLY
def test_only_the_owner_can_read_the_files(store: Store, path: Path, accept: Accept) -> None:
    accept()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_a_job_of_somebody_else_does_not_exist(store: Store, accept: Accept, bob: Owner) -> None:
    job = accept()
    for stranger in (bob, Owner("alice", "other")):
        with pytest.raises(NotFound):
            store.job(job.id, stranger)
        with pytest.raises(NotFound):
            store.cancel(job.id, stranger)
        with pytest.raises(NotFound):
            store.delete(job.id, stranger)


def test_a_request_key_belongs_to_its_owner(accept: Accept, bob: Owner) -> None:
    assert accept(key="k").id == accept(key="k").id
    assert accept(bob, key="k").id != accept(key="k").id
    assert accept().id != accept().id
    with pytest.raises(BadRequest, match="a key must stand for one request"):
        accept(key="k", digest=b"d" * 32)


def test_unanswered_jobs_are_known(store: Store, accept: Accept, alice: Owner) -> None:
    job = accept(digest=b"d" * 32)
    assert store.repeats.unanswered() == {(alice, b"d" * 32): job.id}
    store.repeats.answered(job.id)
    assert store.repeats.unanswered() == {}


def test_cancel_of_a_queued_job_is_final(store: Store, accept: Accept) -> None:
    job = store.cancel(accept().id)
    assert job.state is State.CANCELLED
    assert job.finished is not None
    with pytest.raises(WrongState):
        store.cancel(job.id)


def test_delete_takes_everything_but_the_account(store: Store, accept: Accept, alice: Owner) -> None:
    job = accept(tags=("a",))
    with pytest.raises(WrongState, match="Cancel it first"):
        store.delete(job.id)
    store.log(job, "line", "INFO")
    store.cancel(job.id)
    store.delete(job.id)
    with store.database.read() as connection:
        for table in ("jobs", "params", "tags", "logs"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
    assert store.usage_s(alice, now() - timedelta(days=1)) == 0.0


def test_a_number_is_never_given_twice(store: Store, accept: Accept) -> None:
    first = store.cancel(accept().id)
    store.delete(first.id)
    assert accept().number > first.number


def test_tags(store: Store, accept: Accept, alice: Owner, bob: Owner) -> None:
    job = accept(tags=("night", "50%"))
    store.set_tags(job, ("day_1", "50%"))
    assert store.job(job.id).tags == ("day_1", "50%")
    assert store.tags(alice) == ("50%", "day_1")
    assert store.tags(alice, "%") == ("50%",)
    assert store.tags(bob) == ()
    store.delete(store.cancel(job.id).id)
    with pytest.raises(NotFound):
        store.set_tags(job, ("day_2",))


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "poem.db"
    path.write_text("not a database, but long enough to be taken for one " * 100)
    with pytest.raises(StoreFault, match="restore a backup"):
        Store(path)


@SQLITE_ONLY
def test_a_full_disk_is_a_clear_stop_and_leaves_nothing_half(store: Store, accept: Accept, alice: Owner) -> None:
    accept()
    with store.database.write() as connection:
        # The pool gives the same connection again, and SQLite answers as it does on a full disk.
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFault, match="make room"):
        accept(params=b"x" * 1_000_000)
    assert store.page(Filter(alice)).count == 1


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFault, match="data folder must be writable"):
        Store(tmp_path / "file" / "jobs.db")
