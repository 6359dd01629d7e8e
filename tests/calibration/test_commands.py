"""The commands as a laboratory uses them: on a rack with the built-in emulated device, in a driver process of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from shutil import rmtree

import pytest
from typer.testing import CliRunner, Result

from qpu_bridge.cli.app import program
from qpu_bridge.cli.connection import coming_up
from qpu_bridge.cli.rack import FROZEN, only_bridge, open_folder, open_store, read_rack, write_address
from qpu_bridge.errors import OperatorError, SettingsError
from qpu_bridge.jobs import Store, os_user, turn
from qpu_bridge.plugins import open_driver
from qpu_bridge.settings import Rack
from qpu_bridge.target.versions import Versions
from qpu_calibration import device
from qpu_calibration.edit import amplitude, with_amplitude, with_frequency, with_qubit, with_readout_frequency
from qpu_calibration.routines.readout import Readout
from qpu_calibration.shelf import Shelf
from qpu_emulator import five

RACK = """
[bridge]
port = 18081
data_dir = "data"

[devices.emu_five]
driver = "emulator"
"""

Say = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rack.toml").write_text(RACK)
    monkeypatch.setenv("QPU_BRIDGE_RACK", str(tmp_path / "rack.toml"))
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


@pytest.fixture
def say(home: Path) -> Say:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(program(), list(arguments))

    return run


@pytest.fixture
def versions(home: Path) -> Versions:
    """With two versions: T1 and f01 of qubit 0 are others in the second."""
    kept = Versions.of(home / "data", "emu_five")
    (home / "data").mkdir(mode=0o700)
    root = kept.found(five.snapshot())
    changed = with_frequency(with_qubit(root, 0, t1=5e-5), 0, root.qubits[0].frequency + 1e3)
    kept.commit(changed, routine="t1", parent=root.calibration_id, targets=((0,),), operator="ada")
    return kept


def test_look_repair_and_be_done(say, home):
    first = say("calibrate", "resonator_spectroscopy", "--qubits", "0,2", "--seed", "3", "--trust")
    assert first.exit_code == 0, first.output
    assert "good look resonator_spectroscopy of qubits 0, 2" in first.output
    again = say("calibrate", "resonator_spectroscopy", "--qubits", "0,2")
    assert again.exit_code == 0
    assert "nothing was measured" in again.output
    forced = say("calibrate", "resonator_spectroscopy", "--qubits", "0", "--seed", "3", "--force")
    assert forced.exit_code == 0
    assert "good calibrate resonator_spectroscopy of qubit 0" in forced.output
    assert "readout frequency" in forced.output
    # the resonance of level 0 is not where 0 and 1 differ most: what needs more than that is found again
    for name in ("readout_frequency", "readout_kernel", "readout"):
        assert f"good calibrate {name} of qubit 0" in forced.output
    newest = Versions.of(home / "data", "emu_five").history()[0]
    assert newest.calibration_id in forced.output
    assert newest.operator == os_user()
    shown = say("calibration", "show", "1")
    (figure,) = (home / "data").rglob("*resonator_spectroscopy/figure.png")
    assert f"{figure}\n     data  {figure.with_name('data.h5')}\n" in shown.output
    assert "linewidth" in shown.output
    rmtree(figure.parent)
    shown = say("calibration", "show", "1")
    assert str(figure) not in shown.output
    assert f"{figure.with_name('data.h5')}, which somebody has deleted" in shown.output
    root = Versions.of(home / "data", "emu_five").open(newest.calibration_id)
    assert root.gate("x", 0) == five.snapshot().gate("x", 0)
    Versions.of(home / "data", "emu_five").commit(
        with_readout_frequency(root, 0, 7.0189e9), routine="by hand", parent=root.calibration_id
    )
    newest = Versions.of(home / "data", "emu_five").history()[0]
    look = say("calibrate", "readout_frequency", "--qubits", "0", "--check", "--seed", "4")
    assert look.exit_code == 1, look.output
    assert "off" in look.output
    assert Versions.of(home / "data", "emu_five").history()[0] == newest


def test_nobody_calibrates_beside_jobs(say, home):
    store = open_store(read_rack(home / "rack.toml"))
    with turn(store, "emu_five"):
        result = say("calibrate", "t1", "--qubits", "0")
    store.close()
    assert isinstance(result.exception, OperatorError)
    assert "must not be calibrated beside its jobs" in str(result.exception)


def test_a_bridge_that_serves_other_devices_is_asked_for_nothing(say, home):
    folder = open_folder(read_rack(home / "rack.toml"))
    (folder / FROZEN).write_text(Rack.from_document({"devices": {"lab_one": {"driver": "loopback"}}}).model_dump_json())
    with only_bridge(folder):
        write_address(folder, "http://127.0.0.1:1")
        result = say("calibrate", "t1", "--qubits", "0")
    assert isinstance(result.exception, SettingsError)
    assert "must be served by the bridge that runs in its data folder; got emu_five" in str(result.exception)
    assert "It serves lab_one." in str(result.exception)


def test_who_loses_the_device_in_the_middle_stops(home, monkeypatch):
    monkeypatch.setattr(device, "BEAT_S", 0.01)
    shelf = Shelf.open(home / "rack.toml", "emu_five")

    def calibrated(other: ExitStack, store: Store) -> None:
        with (
            coming_up(shelf.rack, shelf.device, waits=True) as arrived,
            device.bench(shelf, arrived, seed=1, cancelled=lambda: False, figures=None) as bench,
        ):
            (lock,) = (home / "data").glob("*runner*.lock")
            taken = False
            while not taken:
                # as a server that starts again ends the connection which holds the lock
                lock.unlink(missing_ok=True)
                with suppress(BlockingIOError):
                    other.enter_context(turn(store, "emu_five"))
                    taken = True
            while not bench.cancelled():
                pass
            bench.run(Readout(), [(0,)])

    with ExitStack() as other:
        other.callback((store := open_store(shelf.rack)).close)
        with pytest.raises(OperatorError, match="another one took emu_five while the database was away"):
            calibrated(other, store)
    assert shelf.versions.history()[0].routine == "rack file"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["calibrate", "rabbi"], "a routine must be one of"),
        (["calibrate", "--qubits", "0,x"], "like 0,1,4-7"),
        (["calibrate", "--qubits", "0,4-2"], "like 0,1,4-7"),
        (["calibrate", "--qubits", "1-"], "like 0,1,4-7"),
        (["calibrate", "--qubits", "9"], "one of the device's 5"),
        (["calibrate", "--couplers", "0-4"], "a coupler must be one of 0-1, 1-2, 2-3, 3-4"),
        (["calibrate", "--couplers", "0"], "like 0-1,1-2"),
        (["calibrate", "cr_phase"], "cr_phase is about couplers with ecr; got coupler 0-1 with cz and rzz"),
        (["calibrate", "zz", "--qubits", "0"], "zz is about couplers, of which some must be chosen"),
        (["calibrate", "rabi", "--couplers", "0-1"], "rabi is about qubits, of which some must be chosen"),
        (["calibrate", "--check", "--force"], "--check changes nothing"),
        (["calibrate", "--device", "nobody"], "the device must be one of emu_five"),
        (["calibration", "show", "17"], "a version must be"),
    ],
)
def test_what_cannot_be_is_said_before_a_driver_starts(say, home, arguments, words):
    result = say(*arguments)
    assert isinstance(result.exception, SettingsError)
    assert words in str(result.exception)
    assert not list((home / "data").glob("*.ipc"))


def test_history(say, versions):
    rows = json.loads(say("calibration", "list", "--json").output)
    assert [(row["number"], row["routine"], row["operator"]) for row in rows] == [(1, "t1", "ada"), (0, "rack file", "")]
    text = say("calibration", "diff", "0", "1").output
    assert text == say("calibration", "diff").output
    assert "+1 kHz" in text
    assert "50 us" in text
    assert "no number differs" in say("calibration", "diff", "1", "current").output


def announced(home: Path) -> None:
    """The driver has said what its lines bear, which holds within the bounds that the rack file has now."""
    shelf = Shelf.open(home / "rack.toml", "emu_five")
    driver = open_driver("emulator", "emu_five", shelf.current(), {})
    shelf.device.announce(driver.capabilities())
    driver.close()


def test_rollback_is_a_new_version(say, versions, home):
    announced(home)
    old = versions.history()[1]
    assert say("calibration", "rollback", "0").exit_code == 0
    newest = versions.history()[0]
    assert (newest.number, newest.routine, newest.operator) == (2, "rollback", os_user())
    assert old.calibration_id in newest.reason
    assert versions.current().qubits == versions.open(old.calibration_id).qubits


def test_rollback_does_not_pass_the_bounds_of_today(say, versions, home):
    root = versions.current()
    loud = with_amplitude(root, 0, "x", 1.2 * amplitude(root, 0))
    versions.commit(loud, routine="rabi", parent=root.calibration_id, targets=((0,),), operator="ada")
    versions.commit(root, routine="rabi", parent=versions.current().calibration_id, targets=((0,),), operator="ada")
    before = versions.history()
    refused = say("calibration", "rollback", "2")
    # nobody has asked the driver yet what its lines bear
    assert "the driver must have answered once" in str(refused.exception)
    most = 1.1 * amplitude(root, 0)
    (home / "rack.toml").write_text(
        f"{RACK}\n[devices.emu_five.bounds.lines.{root.frame(root.qubits[0].drive_frame).port}]\nmax_amplitude = {most}\n"
    )
    announced(home)
    refused = say("calibration", "rollback", "2")
    assert isinstance(refused.exception, SettingsError)
    assert "within what the device's lines allow" in str(refused.exception)
    assert f"x on [0] must play at most {most:g}" in str(refused.exception)
    assert versions.history() == before
    assert say("calibration", "rollback", "1").exit_code == 0


def test_out_and_in_again(say, versions, home):
    file = home / "old.qasm"
    assert say("calibration", "export", "0", "--out", str(file)).exit_code == 0
    result = say("calibration", "import", str(file))
    # nobody has asked the driver yet what its lines bear
    assert "the driver must have answered once" in str(result.exception)
    assert say("calibrate", "resonator_spectroscopy", "--qubits", "0", "--check", "--seed", "1").exit_code == 0
    assert say("calibration", "import", str(file)).exit_code == 0
    names = ("calibration_id", "calibrated_at")
    root, current = (
        s.model_dump(exclude=set(names)) for s in (versions.open(versions.history()[-1].calibration_id), versions.current())
    )
    assert current == root
    file.write_text(file.read_text().replace("newframe(d0, 5", "newframe(d0, 95"))
    loud = say("calibration", "import", str(file))
    assert "within what the device's lines allow" in str(loud.exception)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda text: text.replace(b'"device": "emu_five"', b'"device": "emu_other"'),
            "must be of the device that takes it; got emu_other",
        ),
        (lambda text: text.replace(b"waveform", b"\xbd"), "must be readable; got 'utf-8' codec"),
        (lambda text: b"\n", "must hold something; got nothing"),
    ],
)
def test_text_of_another_device_or_none_is_refused(say, versions, home, change, says):
    file = home / "now.qasm"
    assert say("calibration", "export", "--out", str(file)).exit_code == 0
    file.write_bytes(change(file.read_bytes()))
    before = versions.history()
    refused = say("calibration", "import", str(file))
    assert isinstance(refused.exception, SettingsError)
    assert says in str(refused.exception)
    assert versions.history() == before


def test_ctrl_c_keeps_what_was_found_and_figures_can_be_drawn_later(home, say):
    """In a process of its own: the interrupt comes while the device is busy, and as from a terminal, to the whole group."""
    import re
    import signal
    import subprocess
    import sys
    from threading import Timer

    line = [sys.executable, "-m", "qpu_bridge.cli", "calibrate", "--seed", "1"]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ), start_new_session=True
    ) as process:
        assert process.stdout is not None
        watchdog = Timer(300, process.kill)
        watchdog.start()
        said = ""
        for text in process.stdout:
            said += text
            if "good calibrate resonator_spectroscopy" in text:
                os.killpg(process.pid, signal.SIGINT)
                break
        said += process.stdout.read()
        watchdog.cancel()
    assert process.returncode == 130, said
    assert "what was found before is kept" in said
    assert "lost" not in said
    # perhaps it had gone on before it was interrupted: all that is kept was said to be good
    kept = {name for known in Versions.of(home / "data", "emu_five").history()[:-1] for name in known.routine.split(", ")}
    assert "resonator_spectroscopy" in kept
    assert kept <= set(re.findall(r"good calibrate (\w+)", said))
    ledger = json.loads((home / "data/calibration/emu_five/ledger.json").read_text())
    assert "resonator_spectroscopy" in ledger["records"]
    runs = [path.parent for path in (home / "data").rglob("data.h5")]
    left = [run for run in runs if not (run / "figure.png").exists()]
    assert all("left out" in (run / "figure.txt").read_text() for run in left)
    drawn = say("calibration", "draw")
    assert (drawn.exit_code, drawn.output.strip()) == (0, f"{len(left)} figures drawn")
    assert all((run / "figure.png").exists() and not (run / "figure.txt").exists() for run in runs)
    (runs[0] / "figure.png").unlink()
    (runs[0] / "fits.json").write_text("{")
    failed = say("calibration", "draw")
    assert failed.exit_code == 1
    assert f"{runs[0]}: no figure could be drawn" in failed.output
