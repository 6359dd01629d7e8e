"""A PostgreSQL server for tests."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

from qpu_bridge.jobs import Store
from qpu_bridge.jobs.tables import metadata


class Server:
    """A PostgreSQL server that makes databases: empty ones, and stores without jobs."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._names = (f"qpu_bridge_{os.getpid()}_{n}" for n in itertools.count())
        self._held = ExitStack()
        self._store: str | None = None

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of an empty database."""
        name = next(self._names)
        self._do(f"CREATE DATABASE {name}")
        try:
            yield self._at(name).render_as_string(hide_password=False)
        finally:
            self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def store(self) -> str:
        """The URL of a store without jobs: always the same one, for to make a database takes longer than to empty it."""
        if self._store is None:
            self._store = self._held.enter_context(self.empty())
            Store(self._store).close()
        else:
            self._clear(self._store)
        return self._store

    def close(self) -> None:
        self._held.close()

    def _clear(self, url: str) -> None:
        names = [f'"{table.name}"' for table in reversed(metadata.sorted_tables)]
        with psycopg.connect(url, autocommit=True) as connection:
            # those that the test before has left, killed in the middle of a transaction; their locks are free when they are gone
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE {others}")
            connection.execute(";".join(f"DELETE FROM {name}" for name in names))
            connection.execute("SELECT setval(c.oid, 1, false) FROM pg_class c WHERE relkind = 'S'")

    def _do(self, text: str) -> None:
        with psycopg.connect(self._at(self.url.database).render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(text)  # type: ignore[call-overload]

    def _at(self, database: str | None) -> URL:
        return self.url.set(drivername="postgresql", database=database)


def binaries() -> list[Path]:
    """Folders of PostgreSQL's programs, as Debian installs them; the newest is the last."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))


@contextmanager
def own_server(programs: Path) -> Iterator[URL]:
    """A server of our own, on a local socket, which forgets everything; PostgreSQL refuses to run as root."""
    # not pytest's folder, which another user cannot enter, and whose path is too long for a socket
    folder = Path(tempfile.mkdtemp(prefix="qpu-bridge-postgresql-"))
    root = os.geteuid() == 0
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if root else {}
    if root:
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    quick = [f"-c{name}=off" for name in ("fsync", "full_page_writes", "autovacuum")]
    try:
        make = [programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **who)  # type: ignore[call-overload]
        command = [programs / "postgres", "-D", data, "-k", folder, "-clisten_addresses=", *quick]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **who)  # type: ignore[call-overload]
        try:
            _wait_for(folder, process)
            yield URL.create("postgresql+psycopg", "postgres", database="postgres", query={"host": str(folder)})
        finally:
            process.send_signal(signal.SIGINT)  # a fast shutdown
            process.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(folder: Path, process: subprocess.Popen[bytes]) -> None:
    pause = threading.Event()
    while process.poll() is None:
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            pause.wait(0.02)
        else:
            return
    pytest.fail(f"PostgreSQL must start; it said: {(folder / 'log').read_text()}")
