"""`qpu-bridge driver NAME --check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qpu_bridge import plugins
from qpu_bridge.cli.app import program
from qpu_bridge.driver import Finding, Verdict

RACK = '[devices.lab_one]\ndriver = "{driver}"\noptions = {{ address = "10.0.0.7" }}\n'


class Box:
    """A driver that looks at itself."""

    @classmethod
    def check(cls, device: str, snapshot: object, options: dict[str, object]) -> Iterator[Finding]:
        yield Finding(Verdict.GOOD, device, f"answers at {options['address']}")
        if options["address"] != "10.0.0.7":
            yield Finding(Verdict.WRONG, "slot 4", "holds a QTM", "Put a QRM there.")


def check(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(program(), ["driver", *arguments, "--check"])
    return result.exit_code, result.output or str(result.exception)


def test_a_driver_without_a_look_of_its_own_is_built_and_says_what_it_is() -> None:
    code, text = check("loopback", "--device", "lab_one")
    assert (code, text) == (0, "good   lab_one: driver loopback 1 answers; results are simulated: loopback\n")


def test_options_come_from_the_rack_and_what_is_wrong_is_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_load", lambda group, what, name: Box if name == "box" else real(group, what, name))
    (tmp_path / "lab.toml").write_text(RACK.format(driver="box"))
    rack = ("box", "--device", "lab_one", "--rack", str(tmp_path / "lab.toml"))
    assert check(*rack) == (0, "good   lab_one: answers at 10.0.0.7\n")
    code, text = check(*rack, "--options", '{"address": "10.0.0.8"}')
    assert code == 1
    assert text.endswith("wrong  slot 4: holds a QTM. Put a QRM there.\n")


def test_another_drivers_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(RACK.format(driver="box"))
    code, text = check("loopback", "--device", "lab_one", "--rack", str(tmp_path / "lab.toml"))
    assert code == 1
    assert "with driver loopback; got lab_one, which is played by driver box" in text


def test_a_driver_that_serves_needs_an_endpoint_and_no_rack(tmp_path: Path) -> None:
    for arguments, must in (((), "must have an endpoint"), (("--endpoint", "ipc://x", "--rack", "lab.toml"), "is for --check")):
        result = CliRunner().invoke(program(), ["driver", "loopback", *arguments])
        assert must in str(result.exception)


real = plugins._load
