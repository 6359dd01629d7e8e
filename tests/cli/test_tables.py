"""Tokens, devices and jobs, as whoever runs the bridge sees them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from qpu_bridge.cli.rack import open_store, read_rack
from qpu_bridge.cli.tabular import show
from qpu_bridge.errors import BadRequest, NotFound, WrongState
from qpu_bridge.jobs import Owner, Request


def test_a_token_is_listed_without_its_secret_and_can_be_taken_back(say: Callable[..., Result], home: Path) -> None:
    token = say("token", "create", "ada").stdout.strip()
    listed = say("token", "list").stdout
    assert "ada" in listed
    assert token not in listed
    assert token.split("-", 2)[2] not in listed
    assert say("token", "revoke", token.split("-")[1]).exit_code == 0
    store = open_store(read_rack(home / "rack.toml"))
    assert store.tokens.check(token) is None
    store.close()
    assert isinstance(say("token", "revoke", "nobody").exception, NotFound)


def test_devices_are_listed_before_anything_runs(say: Callable[..., Result]) -> None:
    listed = say("devices").stdout
    assert "loop_five" in listed
    assert "offline" in listed
    assert "emulator, loopback" in listed


def test_a_job_is_listed_shown_and_cancelled(say: Callable[..., Result], home: Path) -> None:
    store = open_store(read_rack(home / "rack.toml"))
    job = store.accept(Owner("ada", "lab"), Request("sampler", "loop_five", b"{}", tags=("first",)))
    store.log(job, "a line with [brackets]", "WARNING")
    assert job.id in say("jobs", "list", "--pending").stdout
    assert job.id not in say("jobs", "list", "--device", "other_five").stdout
    shown = say("jobs", "show", job.id).stdout
    assert "ada in lab" in shown
    assert "a line with [brackets]" in shown
    assert "Cancelled" in say("jobs", "cancel", job.id).stdout
    assert isinstance(say("jobs", "cancel", job.id).exception, WrongState)
    assert isinstance(say("jobs", "show", "nothing").exception, NotFound)
    store.close()


def test_the_beginning_of_an_id_is_enough_while_it_belongs_to_one_job(say: Callable[..., Result], home: Path) -> None:
    store = open_store(read_rack(home / "rack.toml"))
    one = store.accept(Owner("ada", "lab"), Request("sampler", "loop_five", b"{}"))
    assert one.id in say("jobs", "show", one.id[:6]).stdout
    assert isinstance(say("jobs", "show", "").exception, NotFound)
    assert isinstance(say("jobs", "show", "%").exception, NotFound)
    first = {one.id[0]}
    while (other := store.accept(Owner("ada", "lab"), Request("sampler", "loop_five", b"{}"))).id[0] not in first:
        first.add(other.id[0])
    assert isinstance(say("jobs", "cancel", other.id[0]).exception, BadRequest)
    assert f"{other.id}: Cancelled" in say("jobs", "cancel", other.id[:-1]).stdout
    store.close()


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_list_of_jobs_fits_the_terminal(
    say: Callable[..., Result], home: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    store = open_store(read_rack(home / "rack.toml"))
    job = store.accept(Owner("ada", "lab"), Request("estimator", "a_rather_long_device", b"{}"))
    store.cancel(job.id)
    listed = say("jobs", "list").stdout
    assert max(map(len, listed.splitlines())) <= int(columns)
    assert "\u2026" not in listed
    for word in (job.id, "estimator", "Cancelled", store.job(job.id).reason or "no reason"):
        assert word in listed
    store.close()


def test_a_name_to_be_copied_stays_in_one_piece(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    row = {"calibration_id": "emu_five-20261121T185410Z-35", "routine": "cz_local_phases", "reason": "what somebody has written"}
    show([row], tuple(row), as_json=False)
    printed = capsys.readouterr().out
    assert row["calibration_id"] in printed
    assert all(len(line) <= 50 for line in printed.splitlines())
