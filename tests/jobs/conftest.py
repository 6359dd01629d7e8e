from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qpu_bridge.jobs import Job, Owner, Request, Store

ALICE = Owner("alice", "lab")
BOB = Owner("bob", "lab")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "jobs.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store(path)
    yield made
    made.close()


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
