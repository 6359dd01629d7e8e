from __future__ import annotations

import io
from contextlib import closing, redirect_stderr
from pathlib import Path

import pytest

from qpu_bridge import plugins, settings
from qpu_bridge.cli.bridge import _goodbye, _greet
from qpu_bridge.cli.child import Asked
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.rack import open_store
from qpu_bridge.errors import SettingsError
from qpu_bridge.jobs import Owner, Request


def greeting(tmp_path: Path, **fields: object) -> str:
    device = RackDevice("lab_one", settings.Device(driver="mybox", **fields), tmp_path)
    loopback = plugins.open_driver("loopback", "lab_one", device.snapshot, {})
    device.announce(loopback.capabilities().model_copy(update={"driver": "mybox", "source": "dice"}))
    with redirect_stderr(io.StringIO()) as page:
        _greet("http://127.0.0.1:1", {"lab_one": device}, tmp_path, Path("my lab.toml"))
    return page.getvalue()


def test_a_device_that_will_refuse_its_jobs_is_told_at_the_start_with_the_key_to_set(tmp_path: Path) -> None:
    assert "set allow_simulated = true under [devices.lab_one] in the rack file" in greeting(tmp_path)
    assert "refuses" not in greeting(tmp_path, allow_simulated=True)


def test_the_hints_mean_the_rack_that_is_served(tmp_path: Path) -> None:
    assert "token create NAME --save --rack 'my lab.toml'" in greeting(tmp_path)


def goodbye(rack: settings.Rack, ending: BaseException) -> str:
    with redirect_stderr(io.StringIO()) as page, pytest.raises(type(ending)), _goodbye(rack):
        raise ending
    return page.getvalue()


def test_the_end_says_how_many_jobs_wait(tmp_path: Path) -> None:
    rack = settings.Rack.from_document({"bridge": {"data_dir": str(tmp_path / "data")}}, where="test")
    assert goodbye(rack, Asked(0)) == "Stopped.\n"
    with closing(open_store(rack)) as store:
        for says in ("1 job waits", "2 jobs wait"):
            store.accept(Owner("ada", "lab"), Request("sampler", "lab_one", b"{}"))
            assert goodbye(rack, Asked(0)) == f"Stopped; {says} for the next start.\n"
    assert not goodbye(rack, SettingsError("a driver must come up")), "it never ran"
