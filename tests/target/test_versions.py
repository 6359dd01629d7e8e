from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from qpu_bridge.errors import NotFound, SettingsError
from qpu_bridge.target import Snapshot
from qpu_bridge.target.versions import CURRENT, Versions
from qpu_emulator import five


@pytest.fixture(scope="module")
def root() -> Snapshot:
    return five.snapshot()


def other(snapshot: Snapshot, t1: float) -> Snapshot:
    qubits = (snapshot.qubits[0].model_copy(update={"t1": t1}), *snapshot.qubits[1:])
    return snapshot.model_copy(update={"qubits": qubits})


def test_nothing_is_there_before_the_first(tmp_path):
    versions = Versions(tmp_path / "none")
    assert versions.current() is None
    assert versions.stamp is None
    assert versions.history() == []
    assert versions.before(datetime.now(UTC)) is None
    with pytest.raises(NotFound):
        versions.open("any")


def test_each_version_has_a_name_a_parent_and_a_time_of_its_own(tmp_path, root):
    versions = Versions(tmp_path)
    assert versions.found(root) is root
    moment = root.calibrated_at + timedelta(hours=1)
    second = versions.commit(other(root, 5e-5), routine="t1", parent=root.calibration_id, targets=((0,),), at=moment)
    stamp = versions.stamp
    third = versions.commit(
        other(second, 6e-5), routine="t1", parent=second.calibration_id, at=moment + timedelta(hours=1), fits=({"good": True},)
    )
    assert versions.stamp != stamp
    fresh = Versions(tmp_path)
    assert fresh.current() == third
    assert [known.calibration_id for known in fresh.history()] == [v.calibration_id for v in (third, second, root)]
    assert fresh.history()[0].parent == second.calibration_id
    assert fresh.history()[0].fits == ({"good": True},)
    assert fresh.history()[1].targets == ((0,),)
    assert fresh.open(second.calibration_id).qubits[0].t1 == 5e-5
    assert fresh.before(moment + timedelta(minutes=30)) == second
    assert fresh.before(moment - timedelta(seconds=1)) == root
    assert fresh.before(root.calibrated_at - timedelta(seconds=1)) is None
    # a file that anybody may read, also as the rack's snapshot
    assert Snapshot.read(tmp_path / "000001.json") == second


def test_the_first_is_made_once(tmp_path, root):
    versions = Versions(tmp_path)
    versions.found(root)
    second = versions.commit(other(root, 5e-5), routine="t1", parent=root.calibration_id)
    assert Versions(tmp_path).found(root) == second


def test_a_version_made_from_an_old_one_is_refused(tmp_path, root):
    versions = Versions(tmp_path)
    versions.found(root)
    versions.commit(other(root, 5e-5), routine="t1", parent=root.calibration_id)
    with pytest.raises(SettingsError, match="from the one in use"):
        Versions(tmp_path).commit(other(root, 7e-5), routine="t1", parent=root.calibration_id)


def test_a_snapshot_that_does_not_agree_with_itself_is_refused(tmp_path, root):
    versions = Versions(tmp_path)
    versions.found(root)
    with pytest.raises(SettingsError, match="agree with itself"):
        versions.commit(root.model_copy(update={"measures": root.measures[1:]}), routine="t1", parent=root.calibration_id)
    assert versions.current() == root


def test_what_a_crash_left_behind_is_no_version(tmp_path, root, monkeypatch):
    versions = Versions(tmp_path)
    versions.found(root)
    written = []

    def dies_at_the_pointer(path, document):
        if path.name == CURRENT:
            raise KeyboardInterrupt
        written.append(path.name)
        path.write_text(json.dumps(document))

    with monkeypatch.context() as patch:
        patch.setattr("qpu_bridge.target.versions.file.write", dies_at_the_pointer)
        with pytest.raises(KeyboardInterrupt):
            versions.commit(other(root, 5e-5), routine="t1", parent=root.calibration_id)
    assert written
    assert Versions(tmp_path).current() == root
    assert len(Versions(tmp_path).history()) == 1
    second = versions.commit(other(root, 6e-5), routine="t1", parent=root.calibration_id)
    assert Versions(tmp_path).current() == second
    assert second.qubits[0].t1 == 6e-5


def test_time_never_runs_backwards(tmp_path, root):
    versions = Versions(tmp_path)
    versions.found(root)
    early = versions.commit(root, routine="t1", parent=root.calibration_id, at=root.calibrated_at - timedelta(days=1))
    assert early.calibrated_at == root.calibrated_at


def test_a_broken_pointer_is_said(tmp_path, root):
    Versions(tmp_path).found(root)
    (tmp_path / CURRENT).write_text("{}")
    with pytest.raises(SettingsError, match=r'pointer.*Write \{"number": N\}'):
        Versions(tmp_path).current()
    (tmp_path / CURRENT).write_text('{"number": 0}')
    assert Versions(tmp_path).current() == root
