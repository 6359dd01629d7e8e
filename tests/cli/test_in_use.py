"""A driver starts from the numbers in use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qpu_bridge import transport
from qpu_bridge.cli import driver as command
from qpu_bridge.plugins import open_snapshot
from qpu_bridge.target.versions import Versions


def test_a_driver_starts_from_the_numbers_in_use_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Callable[[], str]] = []
    monkeypatch.setattr(transport, "serve_driver", lambda name, device, snapshot, *rest, **more: given.append(snapshot))
    monkeypatch.setattr(command, "keep_journal", lambda *args, **more: None)
    versions = Versions(tmp_path / "emu_five")

    def start() -> str:
        command.driver("emulator", endpoint="ipc:///nowhere", snapshot="five", versions=versions.folder)
        return given[-1]()

    assert start() == "five"
    first = versions.found(open_snapshot("five"))
    assert Path(start()) == versions.folder / "000000.json"
    versions.commit(first, routine="test", parent=first.calibration_id)
    assert Path(start()) == versions.folder / "000001.json"
    assert open_snapshot(start()).calibration_id == versions.history()[0].calibration_id
    # asked when the driver is opened, which may be later than its process starts
    versions.commit(versions.current(), routine="test", parent=versions.history()[0].calibration_id)
    assert Path(given[-1]()) == versions.folder / "000002.json"
