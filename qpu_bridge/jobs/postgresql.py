"""The store in a PostgreSQL database: the bridges of several machines, each with its devices, may share it."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import Format
from sqlalchemy import URL, Connection, Engine, create_engine, event

from qpu_bridge.errors import SettingsError, StoreFault
from qpu_bridge.lock import Held

BUSY_S = 20.0
"""How long a transaction waits for another process or for a free connection, s."""

PATIENCE_S = 5.0
"""How long a server that answered before may be away before that is an error, s: PostgreSQL restarts in less."""

LOOK_S = 1.0
"""How often a watch that has lost its server says that something may have changed, and looks for the server, s."""

CHANNEL = "qpu_bridge"
"""Where commits are announced (NOTIFY)."""

TURN = 0x7170_7562_7269_6467
"""Key of the advisory lock that writers take in turn: "qpubridg"."""

SESSION = {
    "lock_timeout": f"{BUSY_S:.0f}s",
    # a machine that vanishes in the middle of a transaction holds up the others no longer than this
    "idle_in_transaction_session_timeout": f"{2 * BUSY_S:.0f}s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""What the server is asked to do for each of our connections."""

LINK: dict[str, Any] = {
    "application_name": "qpu-bridge",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""What libpq is told unless the URL says otherwise."""

QUICK = (
    "SELECT set_config(name, 'lz4', false) FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
)
"""Large values are compressed by LZ4 where the server has it: most are compressed already, and PGLZ is slow to find that out."""

READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
    f"SELECT pg_advisory_xact_lock({TURN}), pg_notify('{CHANNEL}', ''),"
    " CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END"
)
NOTE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
    f"SELECT pg_advisory_xact_lock({TURN}), pg_notify('{CHANNEL}', ''), set_config('synchronous_commit', 'off', true)"
)

REMEDIES = {
    "53100": "The disk of the database is full: make room.",
    "53200": "The database has no memory left.",
    "53300": "The database has too many connections: raise its max_connections, or close other programs.",
    "55P03": "Another process holds it: try again.",
    "25P03": "This process was silent in the middle of a transaction: try again.",
    "25006": "The database is read-only: name the primary server.",
    "40": "Two processes were in each other's way: try again.",
    "57P01": "The database is being shut down.",
    "57P02": "The database has crashed: look at its messages.",
    "57P03": "The database is starting or stopping: try again.",
    "28": "The database does not let this user in: look at user, password and pg_hba.conf.",
    "3D000": "There is no such database: make it with createdb.",
    "42501": "The database's user may not do this: make it the owner of its database.",
    "XX001": "The database is damaged: restore a backup.",
    "XX002": "An index of the database is damaged: REINDEX, or restore a backup.",
    "58030": "The disk of the database does not read or write: look at its messages.",
    "08": "The database cannot be reached: look whether it runs, and at host and port.",
}
"""Beginning of an SQLSTATE (appendix A of PostgreSQL's manual) -> what to do about it."""

REFUSALS = {
    "too many": "53300",
    "connection slots": "53300",
    "authentication failed": "28",
    "no pg_hba.conf entry": "28",
    "no password supplied": "28",
    "role ": "28",
    'database "': "3D000",
    "database system is": "57P03",
}
"""Words of a refused connection -> SQLSTATE, for libpq does not pass on the server's own."""

logger = logging.getLogger(__name__)


class BinaryCursor(psycopg.Cursor[Any]):
    """Receives values as they are: as text a result would be sent at twice its length, and one above 512 MB not at all."""

    def __init__(self, connection: psycopg.Connection[Any], **options: Any) -> None:
        super().__init__(connection, **options)
        self.format = Format.BINARY


class PostgreSQL:
    """A database at a server. Connections go to it directly: a pooler that shares sessions breaks its locks.

    Writers take turns, by a lock that each takes at its first statement: a transaction then sees everything that was committed
    before it, none fails because of another, and jobs are numbered in the order in which they are committed.

    Attributes:
        where: Host, port and database, for messages.
        reader: Transactions that see a consistent view.
        writer: Transactions that are flushed to the disk; one at a time.
        noter: The same without the flush.

    Raises:
        SettingsError: If the URL has an option that libpq does not know.
    """

    def __init__(self, url: URL) -> None:
        url = url.set(drivername="postgresql+psycopg")
        self.where = f"postgresql://{url.host or url.query.get('host') or 'local'}:{url.port or 5432}/{url.database or ''}"
        try:
            self._conninfo = make_conninfo(**(LINK | dict(url.get_dialect()().create_connect_args(url)[1])))
        except psycopg.ProgrammingError as error:
            raise SettingsError("the URL of the database must have options of libpq only", given=str(error).strip()) from None
        self._reached = False
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            pool_size=4,
            max_overflow=12,
            pool_timeout=BUSY_S,
            pool_pre_ping=True,
            use_native_hstore=False,
            hide_parameters=True,  # they are our users' jobs, which no message may show
        )

        @event.listens_for(self._engine, "begin")
        def _begin(connection: Connection) -> None:
            text = connection.get_execution_options().get("begin", READ)
            # several statements in one message: a plain cursor sends them so
            psycopg.Cursor(connection.connection.driver_connection).execute(text)  # type: ignore[arg-type]

        self.reader: Engine = self._engine.execution_options(begin=READ)
        self.writer: Engine = self._engine.execution_options(begin=WRITE)
        self.noter: Engine = self._engine.execution_options(begin=NOTE)

    def watch(self) -> Listener:
        """Notices commits of others; for one thread."""
        return Listener(self)

    @contextmanager
    def alone(self, name: str, *, wait: bool) -> Iterator[Held]:
        """An advisory lock of a session that does nothing else: it ends with the connection, or with the server."""
        key = int.from_bytes(hashlib.sha256(f"{CHANNEL} {name}".encode()).digest()[:8], "big", signed=True)
        with self.connect() as connection:
            if wait:
                connection.execute("SET lock_timeout = 0")
                connection.execute("SELECT pg_advisory_lock(%s)", (key,))
            elif not connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()[0]:  # type: ignore[index]
                raise BlockingIOError(f"somebody else holds {name}")
            try:
                yield _Session(connection)
            finally:
                # now, and not some time after the server has noticed that the connection has ended
                with suppress(psycopg.Error):
                    connection.execute("SELECT pg_advisory_unlock(%s)", (key,))

    def fault(self, error: BaseException | None) -> StoreFault | None:
        """What an error of the driver means for whoever runs the bridge; None if it is a mistake in our own code."""
        if not isinstance(error, psycopg.Error):
            return None
        # a missing right counts among the mistakes of syntax there, and a read-only database among those of the transaction
        code = error.sqlstate or ""
        if not isinstance(error, psycopg.OperationalError) and not any(map(code.startswith, REMEDIES)):
            return None
        said = error.diag.message_primary or " ".join(str(error).split())
        code = code or next((number for words, number in REFUSALS.items() if words in said), "08")
        remedy = next((text for key, text in REMEDIES.items() if code.startswith(key)), "")
        return StoreFault("the job store must be usable", given=said, where=self.where, remedy=remedy)

    def connect(self) -> psycopg.Connection[Any]:
        """A connection of one's own, in autocommit.

        Raises:
            StoreFault: If there is none to be had.
        """
        try:
            return self._connect()
        except psycopg.Error as error:
            raise self.fault(error) or error from error

    def shrink(self) -> bool:
        """The server's autovacuum does that."""
        return False

    def close(self) -> None:
        """Let go of the server."""
        self._engine.dispose()

    def _connect(self) -> psycopg.Connection[Any]:
        deadline_s = time.monotonic() + (PATIENCE_S if self._reached else 0.0)
        while True:
            try:
                connection = psycopg.connect(self._conninfo, autocommit=True, cursor_factory=BinaryCursor)
            except psycopg.OperationalError as error:
                away = error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
                if not away or time.monotonic() >= deadline_s:
                    raise
                threading.Event().wait(0.1)
            else:
                connection.execute(f"SELECT {', '.join('set_config(%s, %s, false)' for _ in SESSION)}", _flat(SESSION))
                connection.execute(QUICK)
                self._reached = True
                return connection


class Listener:
    """Hears of commits (LISTEN); while the server is away it says once a second that something may have changed."""

    def __init__(self, server: PostgreSQL) -> None:
        self._server = server
        self._connection: psycopg.Connection[Any] | None = None
        self._looked_s = -LOOK_S

    def changed(self) -> bool:
        """Whether there was a commit since the last call; True at the first."""
        if self._connection is None:
            return self._look()
        try:
            return len(list(self._connection.notifies(timeout=0))) > 0
        except psycopg.OperationalError as error:
            logger.warning("the database no longer says when something changes; it is asked every second: %s", error)
            self.close()
            return True

    def close(self) -> None:
        """Let go of the server."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look(self) -> bool:
        moment_s = time.monotonic()
        if moment_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = moment_s
        try:
            self._connection = self._server.connect()
            self._connection.execute(f"LISTEN {CHANNEL}")
        except (StoreFault, psycopg.OperationalError):
            self.close()
        return True


class _Session:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def holds(self) -> bool:
        try:
            self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _flat(pairs: dict[str, str]) -> list[str]:
    return [word for pair in pairs.items() for word in pair]
