"""The keeper's commands: each does its act on the store, and each act is in the audit log under the machine's account."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from qpu_bridge.cli.rack import open_store, read_rack
from qpu_bridge.errors import NotFound, SettingsError, WrongState
from qpu_bridge.jobs import Mode, Opening, Owner, Request, Role, Store, os_user

Say = Callable[..., Result]


@pytest.fixture
def store(home: Path) -> Store:
    return open_store(read_rack(home / "rack.toml"))


def listed(say: Say, *command: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(say(*command, "--json").stdout)
    return found


def acts(store: Store) -> list[str]:
    """What was done, oldest first; all of it by this account."""
    entries = store.audit.entries()[::-1]
    assert {entry.actor for entry in entries} <= {os_user()}
    return [entry.act for entry in entries]


def test_users(say: Say, store: Store) -> None:
    assert say("user", "add", "grace", "--role", "administrator", "--instance", "ops").exit_code == 0
    assert say("user", "join", "grace", "lab").exit_code == 0
    assert say("user", "leave", "grace", "ops").exit_code == 0
    assert say("user", "role", "grace", "monitor").exit_code == 0
    assert say("user", "disable", "grace").exit_code == 0
    (row,) = listed(say, "user", "list")
    assert (row["user"], row["role"], row["instances"]) == ("grace", "monitor", ["lab"])
    assert row["disabled"].endswith("Z")
    assert say("user", "enable", "grace").exit_code == 0
    assert store.users.user("grace").role is Role.MONITOR
    assert isinstance(say("user", "add", "grace").exception, WrongState)
    assert isinstance(say("user", "role", "nobody", "user").exception, NotFound)
    assert acts(store) == [
        "user.add", "user.join", "user.join", "user.leave", "user.role", "user.disable", "user.enable"
    ]  # fmt: skip


def test_the_first_token_makes_a_user_who_may_come_in(say: Say, store: Store) -> None:
    token = say("token", "create", "ada").stdout.strip()
    found = store.tokens.check(token)
    assert found is not None
    assert (found.user, found.role, found.instances, found.expires) == ("ada", Role.USER, ("lab",), None)


def test_tokens_last_as_long_as_the_rack_says_unless_their_maker_does(say: Say, store: Store, home: Path) -> None:
    rack = home / "rack.toml"
    rack.write_text(rack.read_text().replace("port = 18080", "port = 18080\ntoken_days = 30"))
    for more, days in (((), 30), (("--days", "2"), 2)):
        found = store.tokens.check(say("token", "create", "ada", *more).stdout.strip())
        assert found is not None
        assert found.expires is not None
        assert abs(found.expires - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=1)
    assert len(listed(say, "token", "list", "ada")) == 2
    assert listed(say, "token", "list", "bob") == []


def test_devices_are_paused_and_resumed(say: Say, store: Store) -> None:
    assert say("devices", "pause", "loop_five", "--reason", "helium [bold]").exit_code == 0
    assert "helium [bold]" in say("devices").stdout
    (row,) = listed(say, "devices")
    assert (row["device"], row["state"], row["reason"]) == ("loop_five", "paused", "helium [bold]")
    assert say("devices", "resume", "loop_five").exit_code == 0
    assert isinstance(say("devices", "pause", "moon_one").exception, SettingsError)
    assert acts(store) == ["device.pause", "device.resume"]


def test_quotas(say: Say, store: Store) -> None:
    store.users.add("ada", actor=os_user())
    assert say("quota", "set", "lab", "--user", "ada", "--seconds", "10", "--jobs", "3").exit_code == 0
    assert say("quota", "set", "lab", "--seconds", "20").exit_code == 0
    for words in (("quota", "set", "lob"), ("quota", "set", "lab", "--user", "bda"), ("queue", "user", "bda", "lab")):
        refused = say(*words)
        assert refused.exit_code != 0
        assert "must work in the instance" in str(refused.exception)
    rows = {row["user"]: row for row in listed(say, "quota", "show")}
    assert (rows["ada"]["seconds"], rows["ada"]["jobs"], rows[""]["seconds"]) == (10, 3, 20)
    assert acts(store)[-2:] == ["quota.set", "quota.set"]


def test_maintenance(say: Say, store: Store) -> None:
    number = say("maintenance", "plan", "loop_five", "2099-01-01T08:00", "2099-01-01T12:00", "--reason", "fridge").stdout.strip()
    (row,) = listed(say, "maintenance", "list")
    assert (str(row["number"]), row["device"], row["starts"]) == (number, "loop_five", "2099-01-01T08:00:00Z")
    assert say("maintenance", "remove", number).exit_code == 0
    assert listed(say, "maintenance", "list") == []
    assert isinstance(say("maintenance", "remove", number).exception, NotFound)
    assert acts(store) == ["maintenance.plan", "maintenance.remove"]


def test_the_queue_and_cancelling(say: Say, store: Store) -> None:
    jobs = [store.accept(Owner(user, "lab"), Request("sampler", "loop_five", b"{}")) for user in ("ada", "bob", "cleo")]
    store.users.add("ada", actor=os_user())
    assert say("queue", "first", jobs[2].id[:10]).exit_code == 0
    assert say("queue", "user", "ada", "lab", "--priority", "-1").exit_code == 0
    line = listed(say, "queue", "show", "loop_five")
    assert [row["user"] for row in line] == ["cleo", "bob", "ada"]
    assert [row["next"] for row in line] == [True, False, False]
    assert say("jobs", "cancel", jobs[1].id).exit_code == 0
    assert [row["user"] for row in listed(say, "jobs", "list", "--user", "bob")] == ["bob"]
    assert acts(store)[2:] == ["job.priority", "owner.priority", "job.cancel"]


def test_sessions(say: Say, store: Store) -> None:
    session = store.sessions.create(Owner("ada", "lab"), Opening("loop_five", Mode.DEDICATED, 60, 60))
    assert [row["session"] for row in listed(say, "session", "list")] == [session.id]
    assert "closed" in say("session", "close", session.id).stdout
    assert listed(say, "session", "list") == []
    assert acts(store) == ["session.close"]


def test_the_audit_log_is_listed_by_time_and_actor(say: Say, store: Store) -> None:
    store.users.add("ada", actor="grace")
    say("user", "disable", "ada")
    assert [row["act"] for row in listed(say, "audit")] == ["user.disable", "user.join", "user.add"]
    assert [row["act"] for row in listed(say, "audit", "--actor", "grace", "--act", "user.add")] == ["user.add"]
    assert len(listed(say, "audit", "--since", "2020-01-01")) == 3
    assert listed(say, "audit", "--until", "2020-01-01") == []
    assert "user.disable" in say("audit").stdout


def test_texts_of_users_command_no_terminal(say: Say, store: Store) -> None:
    job = store.accept(Owner("ada", "lab"), Request("sampler", "loop_five", b"{}", tags=("\x1b]0;mine\x07",)))
    store.log(job, "a line\n\x1b[2Janother", "WARNING")
    store.devices.pause("loop_five", "\x1b[31mred")
    for command in (("jobs", "show", job.id), ("jobs", "list"), ("devices",), ("audit",), ("queue", "show", "loop_five")):
        shown = say(*command).stdout
        assert not any(letter < " " and letter != "\n" for letter in shown), command
    assert r"\x1b[31mred" in say("devices").stdout
