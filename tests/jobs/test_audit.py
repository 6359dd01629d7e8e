"""The audit log: an entry for each act, in the act's own transaction."""

from __future__ import annotations

import os
import pwd
from datetime import timedelta

import pytest

from qpu_bridge.jobs import Role, Store, os_user
from qpu_bridge.jobs import users as users_file


def test_each_act_leaves_an_entry(store: Store) -> None:
    token = store.tokens.create("ada", "physics", days=1.5, actor="grace").split("-")[1]
    store.tokens.revoke(token, actor="grace")
    store.users.set_role("ada", Role.MONITOR, actor="os:root")
    store.users.join("ada", "lab", actor="os:root")
    store.users.leave("ada", "lab", actor="os:root")
    store.users.disable("ada", actor="os:root")
    store.users.enable("ada")
    entries = store.audit.entries()[::-1]
    assert [(entry.actor, entry.act, entry.object, entry.details) for entry in entries] == [
        ("grace", "user.add", "ada", "user"),
        ("grace", "user.join", "ada", "physics"),
        ("grace", "token.create", "ada", f"{token} for physics, 1.5 days"),
        ("grace", "token.revoke", "ada", token),
        ("os:root", "user.role", "ada", "user to monitor"),
        ("os:root", "user.join", "ada", "lab"),
        ("os:root", "user.leave", "ada", "lab"),
        ("os:root", "user.disable", "ada", ""),
        ("bridge", "user.enable", "ada", ""),
    ]


def test_an_act_that_fails_leaves_none_and_an_entry_that_fails_undoes_the_act(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.users.add("ada")
    before = store.audit.entries()

    def broken(*ignored: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(users_file, "record", broken)
    with pytest.raises(ZeroDivisionError):
        store.users.disable("ada")
    assert store.users.user("ada").disabled is None
    assert store.audit.entries() == before


def test_it_is_filtered_and_read_page_by_page(store: Store) -> None:
    for name in ("ada", "bob", "cleo"):
        store.users.add(name, instances=(), actor=name)
    every = store.audit.entries()
    assert [entry.object for entry in every] == ["cleo", "bob", "ada"]
    assert store.audit.entries(limit=2) == every[:2]
    assert store.audit.entries(limit=2, before=every[1].number) == every[2:]
    assert store.audit.entries(actor="bob") == every[1:2]
    assert store.audit.entries(act="user.join") == ()
    assert store.audit.entries(since=every[1].at) == every[:2]
    assert store.audit.entries(until=every[1].at) == every[1:]
    assert store.audit.entries(since=every[0].at + timedelta(seconds=1)) == ()


def test_the_account_of_the_machine_is_not_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody_else")
    monkeypatch.setenv("LOGNAME", "somebody_else")
    assert os_user() == f"os:{pwd.getpwuid(os.getuid()).pw_name}"
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    assert os_user() == "os:3999999999"
