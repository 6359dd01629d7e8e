from __future__ import annotations

from datetime import timedelta

import pytest

from qpu_bridge import settings
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.errors import NotFound


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
