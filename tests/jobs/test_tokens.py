"""Tokens open the door for one user, and only their hashes are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qpu_bridge.errors import BadRequest, NotFound, StoreFault, WrongState
from qpu_bridge.jobs import Role, Store
from qpu_bridge.jobs import tokens as tokens_file
from tests.jobs.conftest import SQLITE_ONLY


def id_of(token: str) -> str:
    return token.split("-")[1]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time that tokens go by; tests move it."""
    at = [datetime(2026, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr(tokens_file, "now", lambda: at[0])
    return at


def test_a_token_tells_who_comes(store: Store) -> None:
    token = store.tokens.create("alice")
    found = store.tokens.check(token)
    assert found is not None
    assert (found.user, found.instances, found.role) == ("alice", ("lab",), Role.USER)
    assert store.tokens.valid(found.token) == found
    assert token.startswith(f"qb-{found.token}-")


@SQLITE_ONLY
def test_the_secret_is_nowhere_on_the_disk(store: Store, path: Path) -> None:
    token = store.tokens.create("alice")
    secret = token.split("-", 2)[2]
    assert len(secret) == 43
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    "change",
    [lambda t: t[:-1], lambda t: t + "x", lambda t: "", lambda t: t.upper(), lambda t: "qb-" + t, lambda t: "qb-\x00-\ud800"],
)
def test_a_changed_token_is_nobodys(store: Store, change: object) -> None:
    token = store.tokens.create("alice")
    assert store.tokens.check(change(token)) is None  # type: ignore[operator]


def test_a_revoked_token_is_nobodys(store: Store) -> None:
    token = store.tokens.create("alice")
    store.tokens.revoke(id_of(token))
    assert store.tokens.check(token) is None
    assert store.tokens.valid(id_of(token)) is None
    assert store.tokens.all()[0].revoked is not None
    with pytest.raises(NotFound):
        store.tokens.revoke(id_of(token))


def test_a_token_ends_by_itself(store: Store, clock: list[datetime]) -> None:
    token = store.tokens.create("alice", days=2)
    endless = store.tokens.create("alice")
    clock[0] += timedelta(days=2, microseconds=-1)
    assert store.tokens.check(token) is not None
    clock[0] += timedelta(microseconds=1)
    assert store.tokens.check(token) is None
    assert store.tokens.valid(id_of(token)) is None
    assert store.tokens.token(id_of(token)).expires == clock[0]
    clock[0] += timedelta(days=9999)
    assert store.tokens.check(endless) is not None


@pytest.mark.parametrize("days", [0, -1, float("nan"), float("inf"), 1e9])
def test_days_that_make_no_sense(store: Store, days: float) -> None:
    with pytest.raises(BadRequest, match="days"):
        store.tokens.create("alice", days=days)
    assert store.users.all() == ()


def test_the_last_use_is_noted_once_a_minute(store: Store, clock: list[datetime]) -> None:
    token = store.tokens.create("alice")
    assert store.tokens.token(id_of(token)).last_used is None
    begin = clock[0]
    for seconds in (0, 30, 60):
        clock[0] = begin + timedelta(seconds=seconds)
        assert store.tokens.check(token)
    assert store.tokens.token(id_of(token)).last_used == begin
    clock[0] = begin + timedelta(seconds=61)
    assert store.tokens.check(token)
    assert store.tokens.token(id_of(token)).last_used == clock[0]
    clock[0] = begin - timedelta(days=1)  # somebody set the clock right
    assert store.tokens.check(token)
    assert store.tokens.token(id_of(token)).last_used == clock[0]


def test_who_cannot_be_noted_comes_in_all_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    token = store.tokens.create("alice")

    def full() -> None:
        raise StoreFault("the job store must be usable", given="SQLITE_FULL")

    monkeypatch.setattr(store.database, "note", full)
    assert store.tokens.check(token) is not None


def test_a_token_opens_one_instance_or_all(store: Store) -> None:
    everywhere = store.tokens.create("alice")
    only = store.tokens.create("alice", "physics")
    found = [store.tokens.check(token) for token in (everywhere, only)]
    assert [caller and caller.instances for caller in found] == [("lab", "physics"), ("physics",)]
    store.users.leave("alice", "physics")
    found = [store.tokens.check(token) for token in (everywhere, only)]
    assert [caller and caller.instances for caller in found] == [("lab",), ()]


def test_the_tokens_of_a_disabled_user_end_and_begin_again(store: Store) -> None:
    token = store.tokens.create("alice")
    store.users.disable("alice")
    assert store.tokens.check(token) is None
    assert store.tokens.valid(id_of(token)) is None
    with pytest.raises(WrongState, match="not disabled"):
        store.tokens.create("alice")
    store.users.enable("alice")
    assert store.tokens.check(token) is not None


@pytest.mark.parametrize("name", ["", "a:b", "a/b", "a b", "x" * 129, "-a", "é", "a\n"])
def test_names_fit_into_an_address(store: Store, name: str) -> None:
    with pytest.raises(BadRequest):
        store.tokens.create(name)
    with pytest.raises(BadRequest):
        store.tokens.create("alice", name or "-")
    assert store.users.all() == ()
    assert store.audit.entries() == ()
