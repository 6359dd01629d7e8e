"""Prune, backup and restore from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import Result

from qpu_bridge.cli.rack import STORE, only_bridge, open_store, read_rack
from qpu_bridge.errors import SettingsError
from qpu_bridge.jobs import Filter, Owner, Request, os_user
from qpu_bridge.jobs.tables import jobs

Say = Callable[..., Result]


@pytest.fixture
def rack(home: Path) -> Path:
    return home / "rack.toml"


def accept_one(rack: Path, *, ended: bool = False) -> str:
    """A job; one that ended in 1970 if it has ended."""
    with closing(open_store(read_rack(rack))) as store:
        job = store.accept(Owner("ada", "lab"), Request("sampler", "loop_five", b"{}"))
        if ended:
            store.cancel(job.id)
            with store.database.write() as connection:
                connection.execute(update(jobs).where(jobs.c.id == job.id).values(created=0, finished=0))
    return job.id


def count(rack: Path) -> int:
    with closing(open_store(read_rack(rack))) as store:
        return store.page(Filter(None)).count


def test_prune_shows_first_and_deletes_when_told(say: Say, rack: Path) -> None:
    accept_one(rack, ended=True)
    accept_one(rack)
    rack.write_text(rack.read_text() + "\n[bridge.retention]\njobs_days = 30\n")
    shown = say("prune")
    assert "--yes deletes them" in shown.stdout
    assert count(rack) == 2
    rows = json.loads(say("prune", "--json").stdout)
    assert {row["what"]: row["expired"] for row in rows} == {"jobs": 1, "sessions": 0, "parameters": 0, "results": 0, "logs": 0}
    assert say("prune", "--yes").exit_code == 0
    assert count(rack) == 1
    with closing(open_store(read_rack(rack))) as store:
        (entry,) = store.audit.entries(act="store.prune")
    assert (entry.actor, entry.details) == (os_user(), "jobs 1")


def test_without_a_policy_prune_says_so(say: Say) -> None:
    error = say("prune").exception
    assert isinstance(error, SettingsError)
    assert "nothing ever expires" in error.sentence


def test_backup_and_restore(say: Say, rack: Path, tmp_path: Path) -> None:
    kept = accept_one(rack)
    file = tmp_path / "backups" / "jobs.sqlite"
    with only_bridge(tmp_path / "data"):
        assert "checked" in say("backup", str(file)).stdout, "while a bridge runs"
    accept_one(rack)
    with only_bridge(tmp_path / "data"):
        assert isinstance(say("restore", str(file)).exception, SettingsError)
    assert count(rack) == 2
    said = say("restore", str(file)).stdout
    assert f"{STORE}.replaced: what was there before" in said
    with closing(open_store(read_rack(rack))) as store:
        assert [job.id for job in store.page(Filter(None)).jobs] == [kept]
        (entry,) = store.audit.entries(act="store.restore")
    assert (entry.actor, entry.object) == (os_user(), "jobs.sqlite")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_postgresql_has_its_own_tools(say: Say, rack: Path, tmp_path: Path, command: str) -> None:
    rack.write_text(rack.read_text().replace("port =", 'database = "postgresql://ada:geheim@nowhere/bridge"\nport ='))
    error = say(command, str(tmp_path / "file")).exception
    assert isinstance(error, SettingsError)
    assert {"backup": "pg_dump", "restore": "pg_restore"}[command] in error.remedy
    assert "geheim" not in error.sentence


@pytest.mark.parametrize("url", ["mysql://ada:geheim@h/d", "ada:geheim@h", "postgresql+asyncpg://ada:geheim@h/d"])
def test_a_password_is_not_shown(say: Say, rack: Path, url: str) -> None:
    rack.write_text(rack.read_text().replace("port =", f'database = "{url}"\nport ='))
    error = say("jobs", "list").exception
    assert isinstance(error, SettingsError)
    assert "bridge.database" in error.sentence
    assert "geheim" not in error.sentence + repr(read_rack(None))


def test_a_rack_does_not_show_its_password(rack: Path) -> None:
    rack.write_text(rack.read_text().replace("port =", 'database = "postgresql://ada:geheim@nowhere/bridge"\nport ='))
    assert "geheim" not in repr(read_rack(rack))
