"""The file behind the store: connections, durability, and errors of the disk."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from qpu_bridge.errors import SettingsError, StoreFault
from qpu_bridge.jobs.job import now, to_microseconds
from qpu_bridge.jobs.tables import SCHEMA, metadata, revisions

BUSY_S = 20.0
"""How long a transaction waits for another process, s."""


class Database:
    """One SQLite file in WAL mode: many readers beside one writer, in any number of processes.

    Args:
        path: The file; it and its folder are made if needed, for their owner only.

    Raises:
        SettingsError: If the file belongs to another schema.
        StoreFault: If it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.Lock()
        make_private(path)
        self._reader = _engine(path, "BEGIN", "NORMAL")
        self._writer = _engine(path, "BEGIN IMMEDIATE", "FULL")
        self._noter = _engine(path, "BEGIN IMMEDIATE", "NORMAL")
        with lock(path.with_name(f"{path.name}.lock")):
            self._lay_tables()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view."""
        with _said_clearly(self.path), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is on the disk when this returns, and absent if it raises."""
        with self._turn, _said_clearly(self.path), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def note(self) -> Iterator[Connection]:
        """A transaction that survives the death of every process but is not worth a flush: a power cut may lose it."""
        with self._turn, _said_clearly(self.path), self._noter.begin() as connection:
            yield connection

    def watch(self) -> Watch:
        """Notices commits of others; for one thread."""
        return Watch(self.path)

    def close(self) -> None:
        """Let go of the file."""
        for engine in (self._reader, self._writer, self._noter):
            engine.dispose()

    def _lay_tables(self) -> None:
        with _said_clearly(self.path):
            raw = sqlite3.connect(self.path, timeout=BUSY_S)
            try:
                raw.execute("PRAGMA journal_mode = WAL")
            except sqlite3.Error as error:
                raise _fault(error, self.path) from error
            finally:
                raw.close()
        with self.write() as connection:
            if not inspect(connection).get_table_names():
                metadata.create_all(connection)
                connection.execute(insert(revisions).values(number=SCHEMA, made_at=to_microseconds(now())))
            number = (
                connection.execute(select(revisions.c.number)).scalar()
                if "revisions" in inspect(connection).get_table_names()
                else None
            )
        if number != SCHEMA:
            raise SettingsError(f"the job store must have schema number {SCHEMA}", given=str(number), where=str(self.path))


class Watch:
    """Tells whether anybody else changed the store since the last time it was asked; costs microseconds.

    SQLite's ``PRAGMA data_version`` changes when another connection, of this or another process, has committed.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=BUSY_S)
        self._seen = -1

    def changed(self) -> bool:
        """Whether there was a commit since the last call; True at the first."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        fresh = bool(version != self._seen)
        self._seen = version
        return fresh

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


@contextmanager
def lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a file lock that the kernel releases even after ``kill -9``.

    Raises:
        BlockingIOError: If somebody else holds it and ``wait`` is False.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def make_private(path: Path) -> None:
    """Make a file that only its owner can read, and its folder, if they are missing.

    Raises:
        StoreFault: If that is not possible.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreFault("the data folder must be writable", given=error.strerror, where=str(path)) from None


def _engine(path: Path, begin: str, synchronous: str) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": BUSY_S}, pool_size=8, max_overflow=56, pool_timeout=BUSY_S
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions start late and without a mode: a reader that turns writer would fail at once as busy.
        connection.isolation_level = None
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def _said_clearly(path: Path) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.OperationalError | sqlite3.DatabaseError) and not isinstance(
            error.orig, sqlite3.IntegrityError | sqlite3.ProgrammingError
        ):
            raise _fault(error.orig, path) from error
        raise
    except PoolTimeout as error:
        raise StoreFault("the job store must have a free connection", given="all are busy", where=str(path)) from error


def _fault(error: BaseException, path: Path) -> StoreFault:
    name = str(getattr(error, "sqlite_errorname", "") or "")
    remedies = {
        "SQLITE_FULL": "The disk is full: make room.",
        "SQLITE_BUSY": "Another process holds it: try again.",
        "SQLITE_CORRUPT": "The file is damaged: restore a backup.",
        "SQLITE_NOTADB": "The file is damaged: restore a backup.",
    }
    remedy = next((text for key, text in remedies.items() if name.startswith(key)), "")
    return StoreFault("the job store must be usable", given=f"{name} {error}".strip(), where=str(path), remedy=remedy)
