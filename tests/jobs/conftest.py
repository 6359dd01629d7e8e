from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import make_url

from qpu_bridge.jobs import Job, Owner, Request, Store
from tests.jobs.postgresql import Server, binaries, own_server
from tests.jobs.room import Room

ALICE = Owner("alice", "lab")
BOB = Owner("bob", "lab")

POSTGRESQL = "QPU_BRIDGE_TEST_POSTGRESQL"
"""URL of a server where databases can be made and dropped; without it, Debian's binaries, if there, start a private one."""


SQLITE_ONLY = pytest.mark.parametrize("address", ["sqlite"], indirect=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A SQLite file, for what only SQLite has."""
    return tmp_path / "data" / "jobs.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> Path | str:
    """Where a store may be made: once for each kind of database, unless a test is parametrized with `SQLITE_ONLY`."""
    name = "path" if request.param == "sqlite" else "url"
    found: Path | str = request.getfixturevalue(name)
    return found


@pytest.fixture
def store(address: Path | str) -> Iterator[Store]:
    made = Store(address)
    yield made
    made.close()


@pytest.fixture
def room(address: Path | str) -> Iterator[Room]:
    made = Room(address)
    yield made
    made.store.close()


@pytest.fixture
def alice() -> Owner:
    return ALICE


@pytest.fixture
def bob() -> Owner:
    return BOB


class Accept:
    """Accepts jobs with few words."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, owner: Owner = ALICE, backend: str = "lab_two", **fields: object) -> Job:
        request = Request(**{"program_id": "sampler", "backend": backend, "params": b"{}"} | fields)  # type: ignore[arg-type]
        return self._store.accept(owner, request)


@pytest.fixture
def accept(store: Store) -> Accept:
    return Accept(store)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server for this session, or the reason why there is none."""
    with ExitStack() as held:
        given = os.environ.get(POSTGRESQL)
        if given:
            url = make_url(given).set(drivername="postgresql+psycopg")
        elif binaries():
            url = held.enter_context(own_server(binaries()[-1]))
        else:
            pytest.skip(f"no PostgreSQL: install Debian's postgresql, or name a server in {POSTGRESQL}")
        server = Server(url)
        held.callback(server.close)
        yield server


@pytest.fixture
def url(postgresql: Server) -> str:
    """The URL of a store without jobs, in PostgreSQL."""
    return postgresql.store()
