"""`qpu-bridge driver qblox --check`: it says what is wrong, sets nothing, and works without an instrument."""

from __future__ import annotations

import gc
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qpu_bridge import plugins
from qpu_bridge.cli.app import program
from qpu_bridge.driver import Finding, Verdict
from qpu_bridge.target import Snapshot
from qpu_drivers.qblox import vendor
from qpu_drivers.qblox.check import findings

LAB = Path(__file__).parent / "lab.toml"


@pytest.fixture
def options() -> dict[str, Any]:
    return tomllib.loads(LAB.read_text())["devices"]["lab_five"]["options"]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return plugins.open_snapshot("five", "lab_five")


def wrong(found: list[Finding]) -> list[str]:
    return [f"{one.place}: {one.text}" for one in found if one.verdict is Verdict.WRONG]


def test_a_good_rack_is_found_good_by_the_command(assembler: Path) -> None:
    result = CliRunner().invoke(program(), ["driver", "qblox", "--check", "--rack", str(LAB), "--device", "lab_five"])
    assert result.exit_code == 0, result.output
    assert "good   slot 10: QRM-RF, 5 of 6 sequencers needed" in result.output
    assert "good   carrier q0: 5.021 GHz, -79 MHz from the oscillator of d0" in result.output
    assert "good   assembler: the vendor's runs here" in result.output
    assert "note   cluster: a dummy plays nothing and measures nothing" in result.output
    assert "note   clock: reference external. It will be set to internal when the driver starts." in result.output


def test_a_wrong_rack_is_one_finding_and_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(LAB.read_text().replace('2 = "QCM-RF"', '2 = "QTM"'))
    result = CliRunner().invoke(
        program(), ["driver", "qblox", "--check", "--rack", str(tmp_path / "lab.toml"), "--device", "lab_five"]
    )
    assert result.exit_code == 1
    assert result.output.startswith("wrong  devices.lab_five.options.modules.2: a module must be a QCM")


def test_what_does_not_fit_the_snapshot_is_told_with_what_to_change(
    assembler: Path, options: dict[str, Any], snapshot: Snapshot
) -> None:
    options["wiring"]["d0"]["lo"] = 6_000_000_000
    options["trigger"]["latency"] = 600
    found = list(findings("lab_five", snapshot, options))
    assert [line.partition(":")[0] for line in wrong(found)] == ["frame q0", "timing.feedback_latency"]
    assert "Change wiring.d0.lo." in {one.remedy for one in found}


def test_carriers_beside_the_oscillator_are_worth_a_note(assembler: Path, options: dict[str, Any], snapshot: Snapshot) -> None:
    options["wiring"]["d0"]["lo"] = 5_020_000_000
    (note,) = [one for one in findings("lab_five", snapshot, options) if one.place == "carrier q0"]
    assert note.verdict is Verdict.NOTE
    assert "move lo" in note.remedy


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_cluster_that_does_not_answer_is_a_finding(options: dict[str, Any], snapshot: Snapshot) -> None:
    pytest.importorskip("qblox_instruments")
    options["instrument"] = "127.0.0.1"
    (line,) = wrong(list(findings("lab_five", snapshot, options)))
    assert line.startswith("127.0.0.1: the cluster must be reachable")
    gc.collect()  # what the vendor leaves open is complained of here and not in another test


def test_modules_that_are_elsewhere_and_old_firmware_are_findings(
    assembler: Path, options: dict[str, Any], snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = vendor.connect

    def other(rack: Any, name: str) -> Any:
        modules = {**rack.modules, 4: rack.modules[8]}
        del modules[6]
        return connect(rack.model_copy(update={"modules": modules}), name)

    monkeypatch.setattr("qpu_drivers.qblox.check.connect", other)
    monkeypatch.setattr("qpu_drivers.qblox.check.outdated", lambda *given: ["slot 8 must know instruction set 2 and knows 1.0"])
    assert wrong(list(findings("lab_five", snapshot, options))) == [
        "cluster: slot 4 must hold a QCM-RF and holds QCM",
        "cluster: slot 6 must hold a QCM-RF and holds nothing",
        "cluster: slot 8 must know instruction set 2 and knows 1.0",
    ]


@pytest.mark.parametrize(
    ("firmware", "good"), [("0.12.1", False), ("0.13.0", True), ("2.1.0", True), ("3.0.0", False), ("no number", False)]
)
def test_firmware_is_held_against_what_the_vendors_package_speaks_to(firmware: str, good: bool) -> None:
    class Cluster:
        modules: tuple[Any, ...] = ()

        def get_idn(self) -> dict[str, Any]:
            return {"firmware": {"application": {"version": firmware}}}

    class Lab:
        instrument = "10.0.0.7"
        modules: dict[int, str] = {}

    found = vendor.outdated(Cluster(), Lab())  # type: ignore[arg-type]
    assert (found == []) == good
    assert good or firmware in found[0]


def test_an_assembler_that_cannot_run_is_said_so(
    assembler: Path, options: dict[str, Any], snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qpu_drivers.qblox.check.assembler_fault", lambda *given: "version `GLIBC_2.38' not found")
    found = list(findings("lab_five", snapshot, options))
    (line,) = wrong(found)
    assert line.startswith("assembler: the vendor's does not run here")
    assert "Debian 13" in next(one.remedy for one in found if one.place == "assembler")


def test_a_cluster_that_stops_answering_is_a_finding(
    assembler: Path, options: dict[str, Any], snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*given: object) -> str:
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr("qpu_drivers.qblox.check.outdated", gone)
    (line,) = wrong(list(findings("lab_five", snapshot, options)))
    assert "must answer what it is asked; got ConnectionResetError: reset by peer" in line


def test_nothing_is_set(assembler: Path, options: dict[str, Any], snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a check sends to modules are questions, but for the program that tries the assembler of a dummy."""
    from qblox_instruments.ieee488_2 import ModuleDummyTransport

    sent: list[str] = []
    real = ModuleDummyTransport._execute_cmd

    def record(self: Any, parts: list[str], *rest: Any) -> None:
        sent.append(":".join(parts))
        real(self, parts, *rest)

    monkeypatch.setattr(ModuleDummyTransport, "_execute_cmd", record)
    assert wrong(list(findings("lab_five", snapshot, options))) == []
    told = {command for command in sent if not command.endswith("?")}
    assert {command.split(":")[-1].upper() for command in told} <= {"PROGRAM", "DELETE"}
