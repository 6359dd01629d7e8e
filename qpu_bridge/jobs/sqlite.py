"""The store in one SQLite file in WAL mode: many readers beside one writer, in any number of processes of one machine."""

from __future__ import annotations

import os
import sqlite3
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import cast
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event

from qpu_bridge.errors import StoreFault
from qpu_bridge.lock import Held, lock

BUSY_S = 20.0
"""How long a transaction waits for another process, s."""

PAGES_AT_ONCE = 2000
"""Pages of 4 kB that are given back in one transaction."""

REMEDIES = {
    "SQLITE_FULL": "The disk is full: make room.",
    "SQLITE_BUSY": "Another process holds it: try again.",
    "SQLITE_LOCKED": "Another process holds it: try again.",
    "SQLITE_READONLY": "The file or its disk is read-only: make it writable.",
    "SQLITE_CANTOPEN": "The file cannot be opened: look at its folder and its permissions.",
    "SQLITE_IOERR": "The disk does not read or write: look at the system's messages.",
    "SQLITE_CORRUPT": "The file is damaged: restore a backup.",
    "SQLITE_NOTADB": "The file is damaged: restore a backup.",
}
"""Beginning of SQLite's name of an error -> what to do about it."""


class SQLite:
    """One file; it and its folder are made if needed, for their owner only.

    Attributes:
        where: The file, for messages.
        reader: Transactions that see a consistent view.
        writer: Transactions that are flushed to the disk; one at a time.
        noter: The same without the flush.

    Raises:
        StoreFault: If it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)
        make_private(path)
        try:
            self._use_wal()
        except sqlite3.Error as error:
            raise self.fault(error) or error from error
        self.reader = _engine(path, "BEGIN", "NORMAL")
        self.writer = _engine(path, "BEGIN IMMEDIATE", "FULL")
        self.noter = _engine(path, "BEGIN IMMEDIATE", "NORMAL")

    def watch(self) -> DataVersion:
        """Notices commits of others; for one thread."""
        return DataVersion(self.path)

    def alone(self, name: str, *, wait: bool) -> AbstractContextManager[Held]:
        """A lock beside the file."""
        return lock(self.path.with_name(f"{self.path.name}.{quote(name, safe='')}.lock"), wait=wait)

    def fault(self, error: BaseException | None) -> StoreFault | None:
        """What an error of the driver means for whoever runs the bridge; None if it is a mistake in our own code."""
        if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            return None
        name = str(getattr(error, "sqlite_errorname", "") or "")
        remedy = next((text for key, text in REMEDIES.items() if name.startswith(key)), "")
        return StoreFault("the job store must be usable", given=f"{name} {error}".strip(), where=self.where, remedy=remedy)

    def shrink(self) -> bool:
        """Free pages go to the end of the file and off it."""
        with self.writer.begin() as connection:
            (before,) = connection.exec_driver_sql("PRAGMA freelist_count").one()
            raw = cast(sqlite3.Connection, connection.connection.driver_connection)
            # a step per page, without a column: a result that SQLAlchemy takes for none
            raw.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})").fetchall()
            (after,) = connection.exec_driver_sql("PRAGMA freelist_count").one()
        return bool(0 < after < before)

    def _use_wal(self) -> None:
        with closing(sqlite3.connect(self.path, timeout=BUSY_S)) as raw:
            if raw.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                # two who change it at once are not made to wait for each other
                with self.alone("journal", wait=True):
                    raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
                    raw.execute("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        """Let go of the file."""
        for engine in (self.reader, self.writer, self.noter):
            engine.dispose()


class DataVersion:
    """SQLite's ``PRAGMA data_version``: it changes when another connection, of this or another process, has committed."""

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
        f"sqlite:///{path}",
        connect_args={"timeout": BUSY_S},
        pool_size=8,
        max_overflow=56,
        pool_timeout=BUSY_S,
        hide_parameters=True,  # they are our users' jobs, which no message may show
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions start late and without a mode: a reader that turns writer would fail at once as busy.
        connection.isolation_level = None
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        # a damaged page is refused when it is read, not when what it says has been believed
        connection.execute("PRAGMA cell_size_check = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # past SQLAlchemy, which would make a context and a result for a word
        cast(sqlite3.Connection, connection.connection.driver_connection).execute(begin)

    return engine
