"""The client's calibrator against a bridge in real processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from qiskit_ibm_runtime import Batch, Session
from qiskit_ibm_runtime.calibrator import Calibrator
from qiskit_ibm_runtime.exceptions import IBMRuntimeError

from qpu_bridge import BridgeService
from qpu_bridge.jobs import Role, Store
from qpu_bridge.target.versions import Versions
from tests.flow.conftest import EMULATED, Running, serving, until

SHORT = {"routine": "resonator_spectroscopy", "qubits": [0, 2], "force": True, "figures": False}
"""It needs nothing else; what it spoils is found again after it."""


@pytest.fixture(scope="module")
def room() -> Iterator[Running]:
    with serving(EMULATED) as running:
        yield running


@pytest.fixture(scope="module")
def lab(room: Running) -> BridgeService:
    return BridgeService(room.url, room.token)


def versions(room: Running) -> Versions:
    return Versions.of(room.folder / "data", "emu_five")


def test_a_session_calibrates_with_the_client_of_the_library(room: Running, lab: BridgeService) -> None:
    backend = lab.backend("emu_five")
    before = versions(room).history()
    with Session(backend=backend) as session:
        calibrator = Calibrator(session)
        calibrator.options.experimental = SHORT | {"figures": True}
        job = calibrator.run()
        result = job.result(timeout=300)
    assert result.start <= result.stop
    new = versions(room).history()[: len(versions(room).history()) - len(before)]
    made, first = new[0], next(one for one in reversed(new) if one.parent is not None)
    # rough numbers and the fine ones that follow are one version
    assert first.routine.startswith("resonator_spectroscopy, ")
    assert (first.targets, first.operator) == (((0,), (2,)), "ada")
    assert made.routine.endswith("readout")
    assert made.operator == "ada"
    assert job.usage() > 0
    log = job.logs()
    assert "calibrate resonator_spectroscopy of qubits 0, 2: good" in log
    assert f"in use: {made.calibration_id}" in log
    # some of them after the job
    places = [path.parent for path in (room.folder / "data").rglob("data.h5")]
    assert places
    until(lambda: all((place / "figure.png").exists() for place in places), 180)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"speed": 3}, "an option of calibrate must be one of check, couplers"),
        ({"routine": "tea"}, "a routine must be one of"),
        ({"qubits": [9]}, "a qubit must be one of the device"),
        ({"force": "yes"}, "options.experimental.force"),
    ],
)
def test_options_are_refused_by_name(lab: BridgeService, options: dict[str, object], says: str) -> None:
    with Session(backend=lab.backend("emu_five")) as session:
        calibrator = Calibrator(session)
        calibrator.options.experimental = options
        with pytest.raises(IBMRuntimeError, match=says):
            calibrator.run()


def test_users_need_a_session_and_administrators_do_not(room: Running, lab: BridgeService) -> None:
    backend = lab.backend("emu_five")
    with pytest.raises(IBMRuntimeError, match="or part of a session"):
        Calibrator(backend).run()
    with Batch(backend=backend) as batch, pytest.raises(IBMRuntimeError, match="must not be part of a batch"):
        Calibrator(batch).run()
    with closing(Store(room.store)) as store:
        token = store.tokens.create("root")
        store.users.set_role("root", Role.ADMINISTRATOR)
    single = Calibrator(BridgeService(room.url, token).backend("emu_five"))
    single.options.experimental = SHORT | {"force": False, "check": True}
    assert single.run().result(timeout=300).start is not None


def test_the_command_line_has_a_running_bridge_do_it(room: Running) -> None:
    before = len(versions(room).history())
    words = ["calibrate", "resonator_spectroscopy", "--qubits", "0", "--device", "emu_five", "--force", "--no-figures", "--trust"]
    command = [sys.executable, "-m", "qpu_bridge.cli", *words, "--rack", str(room.folder / "rack.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ahead of" in done.stdout
    assert "calibrate resonator_spectroscopy of qubit 0: good" in done.stdout
    # the table that is shown where no bridge runs
    heads, row = re.findall(r"^ *(?:target|qubit 0 +readout frequency) .*$", done.stdout, re.MULTILINE)
    assert heads.split() == ["target", "number", "before", "after", "change"]
    assert re.match(r" *qubit 0 +readout frequency +7[.]\d+ GHz +7[.]\d+\(\d+\) GHz", row)
    assert len(versions(room).history()) > before
    assert versions(room).history()[0].operator.startswith("os:")
    with closing(Store(room.store)) as store:
        acts = store.audit.entries(act="device.calibrate")
    assert acts[0].actor.startswith("os:")
    assert json.loads(acts[0].details.split(": ", 1)[1])["options"]["experimental"]["routine"] == "resonator_spectroscopy"
