"""A backup is whole and checked, or it is not there; a restored store goes on where the backup was made."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from qpu_bridge.errors import SettingsError, StoreFault
from qpu_bridge.jobs import Filter, Job, Owner, Request, Runner, State, Store
from qpu_bridge.jobs.backup import back_up, restore
from tests.jobs.conftest import SQLITE_ONLY
from tests.jobs.postgresql import Server, binaries
from tests.jobs.test_database import POSTGRESQL_ONLY, flip

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "jobs.sqlite"


@pytest.fixture
def jobs(store: Store, accept: Accept) -> list[Job]:
    """A completed job and a queued one."""
    made = [accept(params=b"one" * 1000, tags=("a",)), accept(params=b"two")]
    Runner(store, "lab_two", lambda job, work: work.params).step()
    return [store.job(job.id) for job in made]


@SQLITE_ONLY
class TestSQLite:
    def test_a_backup_of_a_store_in_use(self, store: Store, path: Path, backup: Path, jobs: list[Job], accept: Accept) -> None:
        with store.database.read(), store.database.alone("runner of lab_two"):
            back_up(path, backup)
        assert [file.name for file in backup.parent.iterdir()] == [backup.name], "one file, without journals"
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        later = accept()
        store.close()
        assert restore(backup, path) == path.with_name("jobs.db.replaced")
        with closing(Store(path)) as again:
            assert [again.job(job.id) for job in jobs] == jobs
            assert (again.params(jobs[0]), again.result(jobs[0])) == (b"one" * 1000, b"one" * 1000)
            assert again.page(Filter(None)).count == 2
            Runner(again, "lab_two", lambda job, work: "{}").step()
            assert again.job(jobs[1].id).state is State.COMPLETED
        with closing(Store(path.with_name("jobs.db.replaced"))) as old:
            assert old.job(later.id) == later, "with what was in its journal"

    def test_into_an_empty_folder(self, path: Path, backup: Path, jobs: list[Job], tmp_path: Path) -> None:
        back_up(path, backup)
        assert restore(backup, tmp_path / "other" / "jobs.db") is None
        with closing(Store(tmp_path / "other" / "jobs.db")) as again:
            assert again.job(jobs[0].id) == jobs[0]

    def test_a_damaged_backup_replaces_nothing(
        self, store: Store, path: Path, backup: Path, jobs: list[Job], alice: Owner
    ) -> None:
        back_up(path, backup)
        whole = backup.read_bytes()
        places = [whole.index(b"oneoneone") + 50, whole.index(b"CREATE TABLE jobs"), 8192 + 3]
        for place in places:
            backup.write_bytes(whole)
            flip(backup, place)
            with pytest.raises((StoreFault, SettingsError)):
                restore(backup, path)
            assert store.page(Filter(alice)).count == 2
        backup.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(StoreFault):
            restore(backup, path)
        assert store.job(jobs[0].id) == jobs[0]
        assert {file.name for file in path.parent.iterdir()} <= {"jobs.db", "jobs.db-wal", "jobs.db-shm", "jobs.db.journal.lock"}

    def test_a_damaged_store_makes_no_backup(self, store: Store, path: Path, backup: Path, jobs: list[Job]) -> None:
        store.close()
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        flip(path, path.read_bytes().index(b"oneoneone") + 50)
        with pytest.raises(StoreFault, match=r"a store must be undamaged; got params of job number 1"):
            back_up(path, backup)
        assert list(backup.parent.iterdir()) == []

    def test_a_damaged_store_is_replaced(self, store: Store, path: Path, backup: Path, jobs: list[Job]) -> None:
        back_up(path, backup)
        store.close()
        path.write_bytes(os.urandom(20_000))
        restore(backup, path)
        with closing(Store(path)) as again:
            assert again.job(jobs[0].id) == jobs[0]

    def test_what_is_refused(self, store: Store, path: Path, backup: Path, tmp_path: Path) -> None:
        back_up(path, backup)
        with pytest.raises(SettingsError, match="must not replace a file"):
            back_up(path, backup)
        with pytest.raises(SettingsError, match="job store must exist"):
            back_up(tmp_path / "nowhere.db", tmp_path / "copy")
        with pytest.raises(SettingsError, match="backup must be a file"):
            restore(tmp_path / "nowhere", path)
        poem = tmp_path / "poem"
        poem.write_text("not a database, but long enough to be taken for one " * 100)
        with pytest.raises(StoreFault, match="not a database"):
            restore(poem, path)
        with closing(sqlite3.connect(backup)) as raw:
            raw.execute("UPDATE alembic_version SET version_num = '9999'")
            raw.commit()
        with pytest.raises(SettingsError, match="newer bridge"):
            restore(backup, path)


@POSTGRESQL_ONLY
def test_pg_dump_and_pg_restore(store: Store, address: str, jobs: list[Job], postgresql: Server, tmp_path: Path) -> None:
    """The two commands that are described for PostgreSQL."""
    if not binaries():
        pytest.skip("no pg_dump here")
    file = tmp_path / "jobs.dump"
    where = make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run([binaries()[-1] / "pg_dump", "--format=custom", f"--file={file}", where], check=True)
    with postgresql.empty() as other:
        for _ in range(2):  # into nothing, and over what is there
            command = [binaries()[-1] / "pg_restore", "--clean", "--if-exists", "--exit-on-error", f"--dbname={other}", file]
            subprocess.run(command, check=True)
            with closing(Store(other)) as again:
                assert [again.job(job.id) for job in jobs] == jobs
                assert again.result(jobs[0]) == b"one" * 1000
                Runner(again, "lab_two", lambda job, work: "{}").step()
                assert again.job(jobs[1].id).state is State.COMPLETED
                assert again.accept(jobs[0].owner, Request("sampler", "lab_two", b"{}")).number > jobs[1].number
