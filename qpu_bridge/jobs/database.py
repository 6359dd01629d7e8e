"""What the store lies in, whichever database that is: read, write, note, watch, be alone. Nobody else knows which one it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, Table, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from qpu_bridge.errors import BridgeError, SettingsError, StoreFault
from qpu_bridge.jobs import migrations
from qpu_bridge.jobs.job import now, to_microseconds
from qpu_bridge.jobs.sqlite import SQLite
from qpu_bridge.lock import Held

__all__ = ["Database", "Watch", "upsert"]


class Watch(Protocol):
    """Tells whether anybody changed the store since the last time it was asked; cheap. For one thread."""

    def changed(self) -> bool:
        """Whether there was a commit since the last call; True at the first."""

    def close(self) -> None:
        """Let go of the database."""


class Kind(Protocol):
    """A kind of database: `sqlite.SQLite`, `postgresql.PostgreSQL`."""

    where: str
    reader: Engine
    writer: Engine
    noter: Engine

    def watch(self) -> Watch:
        """Notices commits."""

    def alone(self, name: str, *, wait: bool) -> AbstractContextManager[Held]:
        """A lock by name."""

    def fault(self, error: BaseException | None) -> StoreFault | None:
        """What an error of the driver means for whoever runs the bridge."""

    def shrink(self) -> bool:
        """Give some room of deleted rows back; returns whether there is more."""

    def close(self) -> None:
        """Let go of it."""


class Database:
    """Where the tables are, and what time it is there.

    Args:
        address: A SQLite file, made for its owner only if it is missing; or the URL of a PostgreSQL database.
        clock: What time it is.

    Raises:
        SettingsError: If the URL cannot be read, or what is there is not a job store of this version.
        StoreFault: If it cannot be used.
    """

    def __init__(self, address: Path | str, clock: Callable[[], datetime] = now) -> None:
        self.clock = clock
        self._kind = _kind(address)
        self._turn = threading.Lock()
        try:
            self._lay_tables()
        except BaseException:
            self._kind.close()
            raise

    @property
    def where(self) -> str:
        """The place, for messages: never with a password."""
        return self._kind.where

    def at(self) -> int:
        """Now, µs since 1970."""
        return to_microseconds(self.clock())

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view."""
        with self._said_clearly(), self._kind.reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is on the disk when this returns, and absent if it raises.

        Writers, of all processes and machines, go one after the other: what a transaction has read stays true until its end.
        """
        with self._turn, self._said_clearly(), self._kind.writer.begin() as connection:
            yield connection

    @contextmanager
    def note(self) -> Iterator[Connection]:
        """A `write` that survives the death of every process but is not worth a flush: a power cut may lose it."""
        with self._turn, self._said_clearly(), self._kind.noter.begin() as connection:
            yield connection

    def watch(self) -> Watch:
        """Notices commits of others; for one thread."""
        return self._kind.watch()

    @contextmanager
    def alone(self, name: str, *, wait: bool = False) -> Iterator[Held]:
        """Be the only one, of all who share this database, who holds a name.

        Raises:
            BlockingIOError: If somebody else holds it and ``wait`` is False.
            StoreFault: If the database cannot be reached.
        """
        with self._kind.alone(name, wait=wait) as held:
            yield held

    def shrink(self) -> None:
        """Give the room of deleted rows back, a little at a time, beside the work of others."""
        with self._said_clearly():
            while self._kind.shrink():
                pass

    def close(self) -> None:
        """Let go of the database."""
        self._kind.close()

    @contextmanager
    def _said_clearly(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise StoreFault("the job store must have a free connection", given="all are busy", where=self.where) from error
        except Exception as error:
            if isinstance(error, StatementError) and isinstance(error.orig, BridgeError):
                raise error.orig from None
            fault = self._kind.fault(error.orig if isinstance(error, DBAPIError) else error)
            if fault is None:
                raise
            raise fault from error

    def _lay_tables(self) -> None:
        with self.read() as connection:
            if migrations.revision(connection) == migrations.HEAD:
                return
        # one process does it; the others wait for their turn to write, and find it done
        with self.write() as connection:
            migrations.migrate(connection, self.where)


def upsert(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Make a row, or change the one that has this key already.

    Args:
        connection: Of `Database.write` or `Database.note`.
        table: The table.
        key: Columns of its primary key, or of a unique constraint.
        values: The other columns; those of an existing row that are not named stay.
    """
    query = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    query = query.values(**key, **values)
    connection.execute(query.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def _kind(address: Path | str) -> Kind:
    if isinstance(address, Path) or "://" not in address:
        return SQLite(Path(address))
    url = _url(address)
    if url.drivername == "sqlite":
        return SQLite(Path(url.database or ""))
    try:
        from qpu_bridge.jobs.postgresql import PostgreSQL
    except ImportError as error:
        raise SettingsError(
            "a store in PostgreSQL must have psycopg", given=error.msg, remedy="pip install 'qpu-bridge[postgresql]'"
        ) from None
    return PostgreSQL(url)


def _url(text: str) -> URL:
    remedy = "Write a password's @ : / # ? % in hexadecimal, such as %40 for @, or leave it to ~/.pgpass."
    must = "the database must be postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:////FILE"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # of the text nothing is repeated: it may hold a password, and not where one would look for it
        raise SettingsError(must, remedy=remedy) from None
    usable = {"sqlite": bool(url.database), "postgresql": not set("@/") & set(url.database or "")}
    if not usable.get(url.drivername.removesuffix("+psycopg"), False):
        raise SettingsError(must, remedy=remedy)
    return url
