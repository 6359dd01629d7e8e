"""The program ``qpu-bridge`` in this process, with a home and a rack of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from qpu_bridge.cli.app import program

RACK = """
[bridge]
port = 18080
data_dir = "data"

[devices.loop_five]
driver = "loopback"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "QPU_BRIDGE_URL", "QPU_BRIDGE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    rack = tmp_path / "rack.toml"
    rack.write_text(RACK)
    monkeypatch.setenv("QPU_BRIDGE_RACK", str(rack))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def say(home: Path) -> Callable[..., Result]:
    """Run a command; an error raised on purpose is the result's ``exception``."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(program(), list(arguments))

    return run
