"""Tokens open the door for one user, and only their hashes are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from qpu_bridge.errors import BadRequest, NotFound
from qpu_bridge.jobs import Owner, Store


def test_a_token_tells_who_comes(store: Store) -> None:
    token = store.tokens.create("alice")
    found = store.tokens.check(token)
    assert found is not None
    assert found.owner == Owner("alice", "lab")
    assert store.tokens.valid(found.id) == found
    assert token.startswith(f"qb-{found.id}-")


def test_the_secret_is_nowhere_on_the_disk(store: Store, path: Path) -> None:
    token = store.tokens.create("alice")
    secret = token.split("-", 2)[2]
    assert len(secret) == 43
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", lambda t: "", lambda t: t.upper(), lambda t: "qb-" + t])
def test_a_changed_token_is_nobodys(store: Store, change: object) -> None:
    token = store.tokens.create("alice")
    assert store.tokens.check(change(token)) is None  # type: ignore[operator]


def test_a_revoked_token_is_nobodys(store: Store) -> None:
    token = store.tokens.create("alice")
    identifier = token.split("-")[1]
    store.tokens.revoke(identifier)
    assert store.tokens.check(token) is None
    assert store.tokens.valid(identifier) is None
    assert store.tokens.all()[0].revoked is not None
    with pytest.raises(NotFound):
        store.tokens.revoke(identifier)


@pytest.mark.parametrize("name", ["", "a:b", "a/b", "a b", "x" * 129, "-a", "é"])
def test_names_fit_into_an_address(store: Store, name: str) -> None:
    with pytest.raises(BadRequest):
        store.tokens.create(name)
    with pytest.raises(BadRequest):
        store.tokens.create("alice", name)
