from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from qpu_bridge.cli import app

COMMANDS = ["serve", "demo", "run", "env", "token", "devices", "jobs", "draw", "driver", "keys"]


def test_the_help_lists_every_command_and_starts_with_an_example(say: Callable[..., Result]) -> None:
    text = say("--help").output
    assert "qpu-bridge demo" in text
    for command in COMMANDS:
        assert f"\n  {command} " in text
    assert "runner" not in text.split("Commands:")[1].replace("its runner", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches(say: Callable[..., Result], command: str) -> None:
    done = say(command, "--help")
    assert done.exit_code == 0
    assert command in done.output


def test_an_error_on_purpose_is_one_sentence_and_an_exit_code(home: Path) -> None:
    command = [sys.executable, "-m", "qpu_bridge.cli", "serve", "--rack", "no-such.toml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == os.EX_CONFIG
    assert done.stderr.startswith("qpu-bridge: the rack file must be readable")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("file", [None, "data/rack.json"])
def test_a_full_disk_is_one_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: str | None
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", file)

    monkeypatch.setattr(app, "program", lambda *_: full)
    with pytest.raises(SystemExit) as caught:
        app.run()
    assert caught.value.code == os.EX_IOERR
    where = "" if file is None else f" ({file})"
    assert capsys.readouterr().err == f"qpu-bridge: files must be writable and have room; got No space left on device{where}.\n"


def test_what_only_a_developer_can_mend_shows_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(app, "program", lambda *_: wrong)
    with pytest.raises(OSError, match="Bad file"):
        app.run()


def test_for_machines_the_last_line_is_one_of_the_log_too(home: Path) -> None:
    command = [sys.executable, "-m", "qpu_bridge.cli", "serve", "--rack", "no-such.toml", "--log-format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == os.EX_CONFIG
    (line,) = [json.loads(text) for text in done.stderr.splitlines()]
    assert line["message"].startswith("qpu-bridge: the rack file must be readable")
    assert (line["level"], line["part"]) == ("ERROR", "bridge")
