"""What a properties document says, in SI units, and what is refused."""

import json

import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import properties
from qpu_emulator import five
from qpu_emulator.makers import published


def _row(name, value, unit=""):
    return {"name": name, "value": value, "unit": unit}


def _document(pair_error=0.01, t1_unit="us"):
    qubit = [_row("T1", 100.0, t1_unit), _row("T2", 80.0, "us"), _row("frequency", 4.9, "GHz"), _row("readout_error", 0.02)]
    gates = [
        {"gate": "sx", "qubits": [q], "parameters": [_row("gate_error", 3e-4), _row("gate_length", 36, "ns")]} for q in range(2)
    ]
    pair = [_row("gate_error", pair_error), _row("gate_length", 68, "ns")]
    gates += [{"gate": "cz", "qubits": on, "parameters": pair} for on in ([0, 1], [1, 0])]
    return {"qubits": [qubit, qubit], "gates": gates}


def test_units_become_si():
    found = published.of_properties(_document(), "lab")
    qubit = found.qubits[0]
    assert (qubit.t1, qubit.t2, qubit.frequency) == pytest.approx((100e-6, 80e-6, 4.9e9))
    assert (qubit.prob_meas1_prep0, qubit.prob_meas0_prep1, qubit.error) == (0.02, 0.02, 3e-4)
    assert (found.family, found.drive_s, found.pair_s) == ("cz", pytest.approx(36e-9), pytest.approx(68e-9))
    assert found.couplings == {(0, 1): 0.01}


def test_each_gate_keeps_its_own_length():
    document = _document()
    for gate, length in zip(document["gates"], (36, 48, 80, 116), strict=True):
        gate["parameters"] = [_row("gate_error", 0.01), _row("gate_length", length, "ns")]
    found = published.of_properties(document, "lab")
    assert [qubit.drive_s for qubit in found.qubits] == pytest.approx([36e-9, 48e-9])
    assert found.lengths == {(0, 1): pytest.approx(80e-9)}, "the shorter direction: the other one is turned round"


def test_a_coupler_published_as_broken_is_left_out():
    found = published.of_properties(_document(pair_error=1.0), "lab")
    assert not found.couplings
    assert found.broken == ((0, 1),)


def test_our_own_properties_are_understood():
    snapshot = five.snapshot()
    found = published.of_properties(properties(snapshot), snapshot.device)
    assert [qubit.t1 for qubit in found.qubits] == pytest.approx([qubit.t1 for qubit in snapshot.qubits])
    assert found.couplings == {gate.qubits: gate.error for gate in snapshot.gates if gate.name == "cz"}


@pytest.mark.parametrize(
    ("name", "size", "family"), [("FakeTorino", 133, "cz"), ("ibm_sherbrooke", 127, "ecr"), ("manila", 5, "ecr")]
)
def test_shipped_snapshots_by_any_of_their_names(name, size, family):
    found = published.of_shipped(name)
    assert (len(found.qubits), found.family) == (size, family)
    assert {qubit for pair in found.couplings for qubit in pair} <= set(range(size))


def test_bad_sources_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="atlantis"):
        published.of_shipped("atlantis")
    with pytest.raises(SettingsError, match="two-qubit gate"):
        published.of_properties({"qubits": [[]], "gates": []}, "lab")
    with pytest.raises(SettingsError, match="qubits and gates"):
        published.of_properties(_document(t1_unit="parsec"), "lab")
    path = tmp_path / "lab.json"
    path.write_text(json.dumps(_document())[:-5])
    with pytest.raises(SettingsError, match="readable JSON"):
        published.of_file(path)
