"""What a bridge writes and says about itself is for its owner only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qpu_bridge import settings, transport
from qpu_bridge.cli import connection
from qpu_bridge.cli import driver as driver_module
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.private import write_private
from qpu_bridge.cli.rack import write_address
from qpu_bridge.errors import SettingsError


def test_files_are_private_whatever_was_there(tmp_path: Path) -> None:
    (tmp_path / "address").write_text("old")
    (tmp_path / "address").chmod(0o644)
    for path in (write_address(tmp_path, "http://x"), write_private(tmp_path / "new", "text")):
        assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "address").read_text() == "http://x\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_options_are_in_a_private_file_and_not_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Seen(Exception):
        pass

    def supervisor(command: list[str], *ignored: object, **more: object) -> None:
        raise Seen(*command)

    monkeypatch.setattr(connection, "Supervisor", supervisor)
    rack = settings.Rack.from_document(
        {"bridge": {"data_dir": str(tmp_path)}, "devices": {"lab_one": {"driver": "box", "options": {"password": "hush"}}}},
        where="here",
    )
    with pytest.raises(Seen) as caught, connection.connected(rack, RackDevice("lab_one", rack.devices["lab_one"], tmp_path)):
        pass
    command = caught.value.args
    assert not any("hush" in word for word in command)
    path = Path(command[command.index("--options-file") + 1])
    assert path.stat().st_mode & 0o777 == 0o600

    given: list[object] = []
    monkeypatch.setattr(transport, "serve_driver", lambda *arguments, **more: given.extend(arguments))
    before = os.umask(0o022)
    try:
        driver_module.driver("box", "ipc://x", "lab_one", "five", options_file=path)
        assert os.umask(0o022) == 0o077
        with pytest.raises(SettingsError, match="readable"):
            driver_module.driver("box", "ipc://x", "lab_one", "five", options_file=tmp_path / "none")
    finally:
        os.umask(before)
    assert {"password": "hush"} in given
