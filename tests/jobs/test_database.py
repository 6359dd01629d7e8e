"""What both databases promise alike, and how each of them says that it cannot."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import Connection, insert, select, text

from qpu_bridge.errors import BadRequest, SettingsError, StoreFault
from qpu_bridge.jobs import Filter, Owner, Request, Store
from qpu_bridge.jobs.database import Database, upsert
from qpu_bridge.jobs.sqlite import REMEDIES, SQLite
from qpu_bridge.jobs.tables import devices, logs
from tests.jobs.conftest import SQLITE_ONLY
from tests.jobs.postgresql import Server

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept

POSTGRESQL_ONLY = pytest.mark.parametrize("address", ["postgresql"], indirect=True)


class TestTransactions:
    def test_a_write_that_raises_leaves_nothing(self, store: Store) -> None:
        for begin in (store.database.write, store.database.note):
            with pytest.raises(ZeroDivisionError), begin() as connection:
                upsert(connection, devices, {"name": "lab_two"}, {"reason": str(1 // write_first(connection))})
        with store.database.read() as connection:
            assert connection.execute(select(devices)).all() == []

    def test_a_reader_sees_one_moment(self, store: Store, accept: Accept) -> None:
        query = text("SELECT count(*) FROM jobs")
        with store.database.read() as connection:
            assert connection.execute(query).scalar() == 0
            accept()
            assert connection.execute(query).scalar() == 0

    def test_writers_of_two_processes_take_turns(self, store: Store, address: Path | str) -> None:
        """Each reads a number and writes the next: if two overlapped, one would be lost."""
        with store.database.write() as connection:
            upsert(connection, devices, {"name": "lab_two"}, {"reason": "0"})
        count = (
            "import sys\nfrom sqlalchemy import text\nfrom qpu_bridge.jobs.database import Database\n"
            "database = Database(sys.argv[1])\n"
            "for n in range(100):\n"
            "    with (database.write if n % 2 else database.note)() as connection:\n"
            "        seen = int(connection.execute(text('SELECT reason FROM devices')).scalar_one())\n"
            "        connection.execute(text(\"UPDATE devices SET reason = '%d'\" % (seen + 1)))\n"
        )
        processes = [subprocess.Popen([sys.executable, "-c", count, str(address)]) for _ in range(2)]
        assert [process.wait(300) for process in processes] == [0, 0]
        with store.database.read() as connection:
            assert connection.execute(select(devices.c.reason)).scalar_one() == "200"

    def test_upsert_makes_a_row_and_changes_it(self, store: Store) -> None:
        with store.database.write() as connection:
            upsert(connection, devices, {"name": "lab_two"}, {"reason": "a", "fault": "b"})
            upsert(connection, devices, {"name": "lab_two"}, {"reason": "c"})
            row = connection.execute(select(devices)).one()
        assert (row.name, row.reason, row.fault) == ("lab_two", "c", "b")

    @POSTGRESQL_ONLY
    def test_only_a_write_waits_for_the_disk(self, store: Store) -> None:
        with store.database.write() as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
        with store.database.note() as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "off"
            connection.execute(text("SET SESSION synchronous_commit = off"))
        with store.database.write() as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on", "whatever the server's own setting is"


class TestWatch:
    def test_every_commit_is_noticed_once(self, store: Store, address: Path | str, accept: Accept) -> None:
        with closing(store.database.watch()) as watch, closing(Store(address)) as other:
            assert watch.changed()
            assert not watch.changed()
            for change in (accept, lambda: other.devices.pause("lab_two", "x")):
                change()
                assert self.soon(watch)
                assert not watch.changed()
            with pytest.raises(KeyError), other.database.write():
                raise KeyError
            assert not watch.changed()

    @POSTGRESQL_ONLY
    def test_it_outlives_its_connection(
        self, store: Store, address: str, accept: Accept, caplog: pytest.LogCaptureFixture
    ) -> None:
        with closing(store.database.watch()) as watch:
            watch.changed()
            cut_off(address)
            assert self.soon(watch), "it cannot know, so it says yes"
            assert "asked every second" in caplog.text
            assert self.soon(watch)
            accept()
            assert self.soon(watch)

    def soon(self, watch: object) -> bool:
        pause, until_s = threading.Event(), time.monotonic() + 60
        while not (found := watch.changed()) and time.monotonic() < until_s:  # type: ignore[attr-defined]
            pause.wait(0.002)
        return found


class TestAlone:
    def test_one_holds_a_name(self, store: Store, address: Path | str) -> None:
        with closing(Store(address)) as other:
            with store.database.alone("runner of lab/two") as held:
                assert held.holds()
                with pytest.raises(BlockingIOError), other.database.alone("runner of lab/two"):
                    pass
                with other.database.alone("runner of lab_six"):
                    pass
            with other.database.alone("runner of lab/two"):
                pass

    @POSTGRESQL_ONLY
    def test_what_was_given_back_is_free_at_once(self, store: Store) -> None:
        mine = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        held = text(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {mine}")
        for _ in range(20):
            with store.database.alone("x"), store.database.read() as connection:
                assert connection.execute(held).scalar_one() == 1
            with store.database.read() as connection:
                assert connection.execute(held).scalar_one() == 0

    def test_who_waits_is_next(self, store: Store) -> None:
        order = []
        with store.database.alone("x"):
            thread = threading.Thread(target=lambda: [order.append("next") for _ in [0] if take()])

            def take() -> bool:
                with store.database.alone("x", wait=True):
                    return True

            thread.start()
            order.append("first")
        thread.join(60)
        assert order == ["first", "next"]

    def test_the_end_of_a_process_ends_it(self, store: Store, address: Path | str) -> None:
        hold = (
            "import sys, threading\nfrom qpu_bridge.jobs.database import Database\n"
            "with Database(sys.argv[1]).alone('x'):\n    print('held', flush=True)\n    threading.Event().wait()\n"
        )
        with subprocess.Popen([sys.executable, "-c", hold, str(address)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            with pytest.raises(BlockingIOError), store.database.alone("x"):
                pass
            process.kill()
        with store.database.alone("x", wait=True) as held:
            assert held.holds()

    @POSTGRESQL_ONLY
    def test_a_lost_connection_is_a_lost_lock(self, store: Store, address: str) -> None:
        with store.database.alone("x") as held:
            assert held.holds()
            cut_off(address)
            assert not held.holds()
            with store.database.alone("x"):
                pass

    @SQLITE_ONLY
    def test_a_removed_file_is_a_lost_lock(self, store: Store, path: Path) -> None:
        with store.database.alone("x") as held:
            path.with_name(f"{path.name}.x.lock").unlink()
            assert not held.holds()


class TestValues:
    def test_a_result_comes_back_byte_for_byte(self, store: Store, accept: Accept) -> None:
        params = bytes(range(256)) * 4000
        assert store.params(accept(params=params)) == params
        assert store.params(accept(params=b"")) == b""

    @pytest.mark.parametrize("wrong", ["a\0b", "a\ud800b"])
    def test_words_that_some_database_cannot_keep(self, store: Store, accept: Accept, alice: Owner, wrong: str) -> None:
        with pytest.raises(BadRequest, match="Unicode without the character zero"):
            accept(tags=(wrong,))
        assert store.page(Filter(alice)).count == 0

    @pytest.mark.parametrize("wrong", [2**63, -(2**63) - 1])
    def test_numbers_that_some_database_cannot_keep(self, accept: Accept, wrong: int) -> None:
        with pytest.raises(BadRequest, match="64 bits"):
            accept(cost=wrong)
        assert accept(cost=2**63 - 1).cost == 2**63 - 1

    def test_words_sort_by_their_code_points(self, store: Store, accept: Accept, alice: Owner) -> None:
        accept(tags=("b", "B", "ä", "a", "_", "Z"))
        assert store.tags(alice) == ("B", "Z", "_", "a", "b", "ä")
        assert store.tags(alice, "B") == ("B", "b")


class TestDamage:
    """What a disk has changed stops the bridge; it never gives a wrong answer."""

    @SQLITE_ONLY
    def test_every_flipped_bit_of_a_result_is_noticed(self, store: Store, path: Path, accept: Accept) -> None:
        marker = b"MARKER" * 2000
        job = accept(params=marker)
        store.close()
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        flip(path, path.read_bytes().index(b"MARKER") + 7)
        stopped = pytest.raises(StoreFault, match=r"what was stored must be what is read.*Restore a backup")
        with closing(Store(path)) as again, stopped:
            again.params(job)

    @SQLITE_ONLY
    def test_a_page_of_nonsense(self, store: Store, path: Path, accept: Accept, alice: Owner) -> None:
        for _ in range(100):
            accept(params=b"x" * 2000)
        store.close()
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (root,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'jobs'").fetchone()
            (size,) = raw.execute("PRAGMA page_size").fetchone()
        before = path.read_bytes()
        path.write_bytes(before[: (root - 1) * size] + os.urandom(size) + before[root * size :])
        with closing(Store(path)) as again:
            with pytest.raises(StoreFault, match="restore a backup"):
                again.page(Filter(alice))
            with pytest.raises(StoreFault, match="restore a backup"):
                again.accept(alice, Request("sampler", "lab_two", b"{}"))

    @POSTGRESQL_ONLY
    def test_a_changed_result_is_noticed_in_postgresql_too(self, store: Store, accept: Accept) -> None:
        job = accept(params=b"x" * 2000)
        with store.database.write() as connection:
            connection.execute(text("UPDATE params SET text = set_byte(text, 1000, 7)"))
        with pytest.raises(StoreFault, match="what was stored must be what is read"):
            store.params(job)

    @pytest.mark.parametrize("name", sorted(REMEDIES))
    def test_errors_of_sqlite_have_a_remedy(self, path: Path, name: str) -> None:
        error = sqlite3.OperationalError("it is so")
        error.sqlite_errorname = name
        kind = SQLite(path)
        fault = kind.fault(error)
        assert fault is not None
        assert (fault.given, fault.where, fault.remedy) == (f"{name} it is so", str(path), REMEDIES[name])
        assert kind.fault(sqlite3.IntegrityError("twice")) is None
        kind.close()

    @SQLITE_ONLY
    def test_a_file_that_became_read_only(self, store: Store, accept: Accept) -> None:
        with store.database.write() as connection:
            connection.execute(text("PRAGMA query_only = ON"))
        with pytest.raises(StoreFault, match="make it writable"):
            accept()


class TestServer:
    """How a PostgreSQL server can refuse."""

    @pytest.mark.parametrize(
        ("url", "remedy"),
        [
            ("postgresql://u:geheim@127.0.0.1:1/x", "cannot be reached"),
            ("postgresql+psycopg://u:geheim@/x?host=/nowhere", "cannot be reached"),
        ],
    )
    def test_nobody_answers(self, url: str, remedy: str) -> None:
        with pytest.raises(StoreFault, match=remedy) as caught:
            Database(url)
        assert "geheim" not in chain(caught.value)

    @pytest.mark.parametrize(
        ("change", "remedy"), [({"username": "nobody"}, "pg_hba.conf"), ({"database": "nothing"}, "createdb")]
    )
    def test_it_does_not_let_us_in(self, postgresql: Server, change: dict[str, str], remedy: str) -> None:
        url = postgresql.url.set(password="geheim", **change)  # type: ignore[arg-type]
        with pytest.raises(StoreFault, match=remedy) as caught:
            Database(url.render_as_string(hide_password=False))
        assert "geheim" not in chain(caught.value)

    @pytest.mark.parametrize(
        "url",
        [
            "mysql://u:geheim@h/d",
            "postgresql://u:geheim@h:port/d",
            "sqlite://",
            "postgresql://h/1/geheim@h/d",
            "postgresql://h/d?geh=eim",
        ],
    )
    def test_urls_that_are_refused(self, url: str) -> None:
        with pytest.raises(SettingsError) as caught:
            Database(url)
        assert "geheim" not in chain(caught.value)

    @POSTGRESQL_ONLY
    @pytest.mark.parametrize(
        ("state", "remedy"),
        [
            ("53100", "make room"),
            ("53300", "max_connections"),
            ("25006", "primary server"),
            ("40001", "try again"),
            ("55P03", "try again"),
            ("57P01", "shut down"),
            ("XX001", "restore a backup"),
            ("42501", "owner of its database"),
        ],
    )
    def test_what_it_says_has_a_remedy(self, store: Store, state: str, remedy: str) -> None:
        """The server itself raises each of them, in the middle of a transaction; the next one is well again."""
        with pytest.raises(StoreFault, match=f"it is so.*{remedy}"), store.database.write() as connection:
            connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'it is so' USING ERRCODE = '{state}'; END $$")
        store.devices.pause("lab_two", "")

    @POSTGRESQL_ONLY
    def test_a_read_only_database(self, store: Store) -> None:
        with pytest.raises(StoreFault, match="primary server"), store.database.read() as connection:
            connection.execute(insert(logs).values(job=1, at=0, level="INFO", text=""))

    @POSTGRESQL_ONLY
    def test_mistakes_of_our_own_stay_what_they_are(self, store: Store) -> None:
        with pytest.raises(Exception, match="syntax") as caught, store.database.read() as connection:
            connection.execute(text("SELEC 1"))
        assert not isinstance(caught.value, StoreFault)

    @POSTGRESQL_ONLY
    def test_connections_that_were_cut_are_made_again(self, store: Store, address: str, accept: Accept) -> None:
        accept()
        cut_off(address)
        accept()
        assert store.page(Filter(None)).count == 2

    @POSTGRESQL_ONLY
    def test_a_server_that_restarts_is_waited_for(
        self, store: Store, address: str, accept: Accept, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, refused = psycopg.connect, iter(range(3))

        def connect(*arguments: object, **options: object) -> object:
            if next(refused, None) is not None:
                raise psycopg.OperationalError("connection refused")
            return real(*arguments, **options)  # type: ignore[arg-type]

        accept()
        cut_off(address)
        monkeypatch.setattr(psycopg, "connect", connect)
        accept()
        assert next(refused, None) is None
        cut_off(address)
        refused = iter(range(10**9))
        monkeypatch.setattr("qpu_bridge.jobs.postgresql.PATIENCE_S", 0.2)
        with pytest.raises(StoreFault, match="cannot be reached"):
            accept()
        monkeypatch.undo()
        assert store.page(Filter(None)).count == 2


def write_first(connection: Connection) -> int:
    """Zero, after something was written."""
    upsert(connection, devices, {"name": "lab_two"}, {"reason": "x"})
    return 0


def flip(path: Path, at: int) -> None:
    """Change one bit of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def cut_off(url: str) -> None:
    """End every connection to a database, as a restart of its server does."""
    with psycopg.connect(url, autocommit=True) as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE {others}")


def chain(error: BaseException | None) -> str:
    """Everything that a log would show of an error, with its causes."""
    texts = []
    while error is not None:
        texts.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    return " ".join(texts)
