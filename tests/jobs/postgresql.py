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
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

from qpu_bridge.jobs import Store


class Server:
    """A PostgreSQL server that makes empty databases and copies of a store that nobody has used yet."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._names = (f"qpu_bridge_{os.getpid()}_{n}" for n in itertools.count())
        self._template: str | None = None

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of an empty database."""
        with self._database("") as name:
            yield self._at(name)

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a store without jobs."""
        with self._database(f"TEMPLATE {self.template()}") as name:
            yield self._at(name)

    def template(self) -> str:
        """Name of the store that is copied: to lay tables anew for every test would take longer."""
        if self._template is None:
            self._template = next(self._names)
            self._do(f"CREATE DATABASE {self._template}")
            Store(self._at(self._template)).close()
        return self._template

    def close(self) -> None:
        if self._template is not None:
            self._do(f"DROP DATABASE {self._template}")

    @contextmanager
    def _database(self, like: str) -> Iterator[str]:
        name = next(self._names)
        self._do(f"CREATE DATABASE {name} {like}")
        try:
            yield name
        finally:
            self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _do(self, text: str) -> None:
        with psycopg.connect(
            self._at(self._url.database or "postgres").replace("+psycopg", "", 1), autocommit=True
        ) as connection:
            connection.execute(text)  # type: ignore[call-overload]

    def _at(self, database: str) -> str:
        return self._url.set(database=database).render_as_string(hide_password=False)


@contextmanager
def own_server(binaries: Path) -> Iterator[URL]:
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
        make = [binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **who)  # type: ignore[call-overload]
        command = [binaries / "postgres", "-D", data, "-k", folder, "-clisten_addresses=", *quick]
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
