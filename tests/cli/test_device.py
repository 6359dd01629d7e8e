from __future__ import annotations

from datetime import timedelta

import pytest
from qiskit import QuantumCircuit

from qpu_bridge import plugins, settings
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.errors import NotFound, ScheduleError, SettingsError
from qpu_bridge.execution import Execution
from qpu_bridge.lowering import lower
from qpu_bridge.schedule import Table


def test_a_device_is_what_calibration_adopted_last(tmp_path):
    device = RackDevice("lab_five", settings.Device(driver="emulator", snapshot="five"), tmp_path)
    root = device.snapshot
    assert root.device == "lab_five"
    assert device.snapshot is root
    device.versions.found(root)
    qubits = (root.qubits[0].model_copy(update={"t1": 5e-5}), *root.qubits[1:])
    # another process adopts a version
    other = RackDevice("lab_five", device.spec, tmp_path)
    new = other.versions.commit(root.model_copy(update={"qubits": qubits}), routine="t1", parent=root.calibration_id)
    assert device.snapshot == new
    assert device.snapshot.qubits[0].t1 == 5e-5
    assert device.at(root.calibration_id).snapshot == root
    assert device.at(new.calibration_id) is device
    with pytest.raises(NotFound, match=new.calibration_id):
        device.at("never")
    then = device.before(new.calibrated_at - timedelta(microseconds=1))
    assert then is not None
    assert then.snapshot == root
    assert device.before(root.calibrated_at - timedelta(seconds=1)) is None


def test_before_anything_was_calibrated_the_rack_s_snapshot_counts(tmp_path):
    device = RackDevice("lab_five", settings.Device(driver="emulator", snapshot="five"), tmp_path)
    assert device.before(device.snapshot.calibrated_at) is device
    assert device.before(device.snapshot.calibrated_at - timedelta(seconds=1)) is None
    with pytest.raises(NotFound, match="Use "):
        device.at("never")


def test_numbers_that_go_beyond_the_bounds_are_said_once_when_a_device_starts(tmp_path, caplog):
    def announced(**bounds: object) -> list[str]:
        caplog.clear()
        spec = settings.Device.model_validate({"driver": "loopback", "bounds": bounds})
        device = RackDevice("lab_five", spec, tmp_path)
        device.announce(plugins.open_driver("loopback", "lab_five", device.snapshot, {}).capabilities())
        return [record.getMessage() for record in caplog.records]

    assert announced() == []
    (said,) = announced(lines={"d0": {"max_amplitude": 0.2}})
    assert "x on [0] must play at most 0.2 on line d0, but would play" in said
    assert "more); calibrate within devices.lab_five.bounds, or widen them" in said
    (said,) = announced(readout={"max_sum": 0.01})
    assert "the tones of line r must add up to at most 0.01, but would make" in said


def test_what_is_announced_is_within_the_bounds_of_the_rack(tmp_path):
    spec = settings.Device.model_validate({"driver": "loopback", "bounds": {"lines": {"d0": {"max_amplitude": 0.2}}}})
    device = RackDevice("lab_five", spec, tmp_path)
    driver = plugins.open_driver("loopback", "lab_five", device.snapshot, {})
    announced = device.announce(driver.capabilities())
    # everybody else reads it: those who check submissions, dry runs, programs, calibration
    assert RackDevice("lab_five", spec, tmp_path).view().capabilities == announced
    assert {port.name: port.max_amplitude for port in announced.limits.ports if port.name in ("d0", "d1")} == {
        "d0": 0.2,
        "d1": 1.0,
    }
    wrong = settings.Device.model_validate({"driver": "loopback", "bounds": {"lines": {"d9": {"max_amplitude": 0.2}}}})
    with pytest.raises(SettingsError, match=r"devices\.lab_five\.bounds\.lines"):
        RackDevice("lab_five", wrong, tmp_path).announce(driver.capabilities())


def test_a_user_s_gate_that_plays_too_loud_is_refused_before_it_is_sent(tmp_path):
    spec = settings.Device.model_validate({"driver": "loopback", "bounds": {"drive": {"max_amplitude": 0.05}}})
    device = RackDevice("lab_five", spec, tmp_path)
    driver = plugins.open_driver("loopback", "lab_five", device.snapshot, {})
    device.announce(driver.capabilities())
    circuit = QuantumCircuit(1, 1)
    circuit.sx(0)
    circuit.measure(0, 0)
    lowered = lower(circuit, device.snapshot, None)
    with pytest.raises(ScheduleError, match=r"must have magnitude at most 0\.05"):
        list(Execution(driver, device.view().capabilities).run(lowered.schedule, [Table.single()], 10))
    assert driver.status().loaded == ()
