"""What a properties document says, in SI units, and what is refused."""

import json

import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import properties
from qpu_emulator import five
from qpu_emulator.makers import chip, published


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


def test_each_measurement_keeps_its_own_length():
    document = _document()
    document["qubits"] = [[*document["qubits"][0], _row("readout_length", 1560, "ns")], document["qubits"][1]]
    document["gates"].append({"gate": "measure", "qubits": [1], "parameters": [_row("gate_length", 1.2, "us")]})
    found = published.of_properties(document, "lab")
    assert [qubit.readout_s for qubit in found.qubits] == pytest.approx([1560e-9, 1.2e-6])


def test_a_coupler_published_as_broken_is_left_out():
    found = published.of_properties(_document(pair_error=1.0), "lab")
    assert not found.couplings
    assert found.broken == ((0, 1),)


def test_our_own_properties_are_understood():
    snapshot = five.snapshot()
    found = published.of_properties(properties(snapshot), snapshot.device)
    assert [qubit.t1 for qubit in found.qubits] == pytest.approx([qubit.t1 for qubit in snapshot.qubits])
    assert [qubit.readout_s for qubit in found.qubits] == pytest.approx([m.duration * 1e-9 for m in snapshot.measures])
    assert found.couplings == {gate.qubits: gate.error for gate in snapshot.gates if gate.name == "cz"}


@pytest.mark.parametrize(
    ("name", "size", "family"), [("FakeTorino", 133, "cz"), ("ibm_sherbrooke", 127, "ecr"), ("manila", 5, "ecr")]
)
def test_shipped_snapshots_by_any_of_their_names(name, size, family):
    found = published.of_shipped(name)
    assert (len(found.qubits), found.family) == (size, family)
    assert {qubit for pair in found.couplings for qubit in pair} <= set(range(size))


@pytest.mark.parametrize("name", published.shipped())
def test_every_shipped_snapshot_is_a_chip_or_refused(name):
    known = published.of_shipped(name)
    if name == "yorktown":
        with pytest.raises(SettingsError, match="ring of odd length"):
            chip.build(known, "emu_chip", 1)
        return
    truth = chip.build(known, "emu_chip", 1)
    assert {tuple(sorted(coupler.qubits)) for coupler in truth.couplers} == set(known.couplings)
    assert known.couplings or known.broken or len(known.qubits) == 1
    for transmon, qubit in zip(truth.transmons, known.qubits, strict=True):
        assert qubit.t1 in (None, transmon.t1)
        assert transmon.frequency == pytest.approx(qubit.frequency, abs=1) or not chip.as_published(known)


def test_the_properties_of_a_backend_written_as_json_are_understood(tmp_path):
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    path = tmp_path / "manila.json"
    path.write_text(json.dumps(FakeManilaV2().properties().to_dict(), default=str))
    assert published.of_file(path) == published.of_shipped("manila")


def test_what_a_provider_says_is_broken_is_not_for_users():
    document = _document()
    document["gates"][0]["parameters"][0]["value"] = 1.0
    document["qubits"][1] = [*document["qubits"][1], _row("operational", 0)]
    assert [qubit.operational for qubit in published.of_properties(document, "lab").qubits] == [False, False]
    document["gates"][2]["parameters"] = [*document["gates"][2]["parameters"], _row("operational", 0)]
    assert published.of_properties(document, "lab").broken == ((0, 1),)


def test_gates_of_older_devices_are_understood():
    """u2 is the pulse that sx is; a fractional rzz is no coupler of its own beside cx."""
    document = _document()
    for gate in document["gates"]:
        gate["gate"] = {"sx": "u2", "cz": "cx"}[gate["gate"]]
    document["gates"].append({"gate": "rzz", "qubits": [0, 1], "parameters": [_row("gate_error", 0.3)]})
    found = published.of_properties(document, "lab")
    assert (found.family, found.couplings, found.qubits[1].error) == ("ecr", {(0, 1): 0.01}, 3e-4)


def test_bad_sources_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="atlantis"):
        published.of_shipped("atlantis")
    with pytest.raises(SettingsError, match="at least one qubit"):
        published.of_properties({"qubits": [], "gates": []}, "lab")
    with pytest.raises(SettingsError, match=r"two-qubit gate .* got iswap"):
        published.of_properties({"qubits": [[], []], "gates": [{"gate": "iswap", "qubits": [0, 1], "parameters": []}]}, "lab")
    with pytest.raises(SettingsError, match=r"qubits 0 to 0; got \[1\]"):
        published.of_properties({"qubits": [[]], "gates": [{"gate": "sx", "qubits": [1], "parameters": []}]}, "lab")
    for value in (-0.1, 1.5, "nan", "little"):
        with pytest.raises(SettingsError, match="qubits and gates"):
            published.of_properties(_document(pair_error=value), "lab")
    with pytest.raises(SettingsError, match="qubits and gates"):
        published.of_properties(_document(t1_unit="parsec"), "lab")
    path = tmp_path / "lab.json"
    path.write_text(json.dumps(_document())[:-5])
    with pytest.raises(SettingsError, match="readable JSON"):
        published.of_file(path)
