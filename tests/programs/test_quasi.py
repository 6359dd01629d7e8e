"""Quasi-distributions: M3 fed with a calibration made in the same job."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.primitives.containers import BitArray, DataBin
from qiskit_ibm_runtime import IBMBackend, SamplerV2

from qpu_bridge.errors import BadRequest, OperatorError, UnsupportedOption
from qpu_bridge.programs import Context, check, run
from qpu_bridge.programs.quasi import Calibration, calibration_program, qubits_of
from tests.programs.client import backend as seen
from tests.programs.client import decode
from tests.proofs.stand import only, stand


def sent(backend: IBMBackend, pubs: list[Any], options: dict[str, Any]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text: str = SamplerV2(backend, options=options).run(pubs).params_json
    return text


def shuffled() -> QuantumCircuit:
    """A GHZ state of qubits 0, 1 and 2; bits in two registers and another order, one of them never written."""
    circuit = QuantumCircuit(QuantumRegister(5, "q"), ClassicalRegister(2, "a"), ClassicalRegister(2, "b"))
    circuit.rz(np.pi / 2, 0)
    circuit.sx(0)
    circuit.rz(np.pi / 2, 0)
    for target in (1, 2):
        for _ in range(2):
            circuit.rz(np.pi / 2, target)
            circuit.sx(target)
            circuit.rz(np.pi / 2, target)
            if _ == 0:
                circuit.cz(target - 1, target)
    circuit.measure([2, 0, 1], [0, 1, 3])
    return circuit


def test_a_known_assignment_error_is_taken_out() -> None:
    options = {
        "experimental": {"quasi_distribution": {"calibration_shots": 20000}, "seed": 3, "noise": only(readout=2)},
        "default_shots": 20000,
    }
    with stand() as device:
        view = device.context.device
        text = sent(seen(view.snapshot, view.capabilities), [(shuffled(),)], options)
        check("sampler", text, view)
        result = decode("sampler", run("sampler", text, device.context))[0]
    found = result.metadata["quasi_distribution"]
    quasi, deviation = found["quasi_probabilities"], found["stddev"]
    bits = np.concatenate([result.data.a.to_bool_array("little"), result.data.b.to_bool_array("little")], axis=-1)
    assert not bits[:, 2].any()
    # bit 2 is never written, so the two peaks are 0000 and 1011
    measured = bits[:, [0, 1, 3]]
    raw = float(np.mean(measured.all(axis=1) | ~measured.any(axis=1)))
    corrected = quasi["0000"] + quasi["1011"]
    print(f"share of the two peaks: counted {raw:.4f}, corrected {corrected:.4f} +- {deviation:.4f}")
    assert found["shots"] == 20000
    assert raw < 1 - 5 * deviation
    assert corrected == pytest.approx(1, abs=3 * deviation)
    assert abs(quasi["0000"] - 0.5) < 4 * deviation
    assert sum(quasi.values()) == pytest.approx(1)


A = np.array([[0.95, 0.2], [0.05, 0.8]])
B = np.array([[0.7, 0.1], [0.3, 0.9]])


def bits(counts: dict[str, int]) -> BitArray:
    return BitArray.from_counts(counts)


def test_each_bit_is_corrected_by_its_own_qubit() -> None:
    # prepared 01 (bit 0 is 1, from qubit 7; bit 1 is 0, from qubit 4)
    chances = np.outer(B[:, 0], A[:, 1]).ravel()
    counts = {format(index, "02b"): round(10000 * chance) for index, chance in enumerate(chances)}
    data = DataBin(shape=(), c=bits(counts))
    found = Calibration({7: A, 4: B}, 100).corrected(data, [7, 4], twirled=False)
    assert found["quasi_probabilities"]["01"] == pytest.approx(1, abs=1e-3)
    assert found["shots"] == 10000
    assert 0.01 < found["stddev"] < 0.05


def test_twirled_readout_has_both_mistakes_alike() -> None:
    flip = np.eye(2)[::-1]
    mean = (A + flip @ A @ flip) / 2
    counts = {"0": round(10000 * mean[0, 1]), "1": round(10000 * mean[1, 1])}
    found = Calibration({0: A}, 100).corrected(DataBin(shape=(), c=bits(counts)), [0], twirled=True)
    assert found["quasi_probabilities"]["1"] == pytest.approx(1, abs=1e-3)


def test_a_sweep_has_one_distribution_per_point() -> None:
    array = BitArray(np.array([[[[1], [0]], [[1], [1]]]], dtype=np.uint8), 1)
    found = Calibration({0: np.eye(2)}, 1).corrected(DataBin(shape=(1, 2), c=array), [0], twirled=False)
    assert [[point["quasi_probabilities"] for point in row] for row in found] == [[{"0": 0.5, "1": 0.5}, {"1": 1.0}]]


def test_bits_that_nobody_measures_are_zero() -> None:
    array = BitArray(np.zeros((3, 1), dtype=np.uint8), 2)
    found = Calibration({}, 1).corrected(DataBin(shape=(), c=array), [None, None], twirled=False)
    assert found["quasi_probabilities"] == {"00": 1.0}


def test_the_last_measurement_of_a_bit_counts() -> None:
    circuit = QuantumCircuit(3, 2)
    circuit.measure(0, 0)
    circuit.measure(2, 0)
    assert qubits_of(circuit) == [2, None]


def test_every_state_is_prepared_equally_often(context: Context) -> None:
    program = calibration_program([0, 2, 3], 100, context.device.snapshot)
    assert program.shots == 50
    ones = [
        [circuit.qubits.index(item.qubits[0]) for item in circuit.data if item.name == "x"]
        for circuit in map(_circuit, program.items)
    ]
    assert sorted(map(tuple, ones)) == [(), (0, 2), (0, 3), (2, 3)]


def _circuit(item: Any) -> QuantumCircuit:
    circuit: QuantumCircuit = item.circuit
    return circuit


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"quasi_distribution": "yes"}, BadRequest, "quasi_distribution"),
        ({"quasi_distribution": {"shots": 5}}, BadRequest, "calibration_shots"),
        ({"quasi_distribution": {"calibration_shots": 0}}, BadRequest, "calibration_shots"),
        ({"quasi": True}, UnsupportedOption, "quasi_distribution"),
    ],
)
def test_wishes_that_make_no_sense(options: Any, kind: type[Exception], says: str, backend: IBMBackend, context: Context) -> None:
    with pytest.raises(kind, match=says):
        check("sampler", sent(backend, [(shuffled(),)], {"experimental": options}), context.device)


def test_what_it_does_not_go_with(backend: IBMBackend, context: Context) -> None:
    wish = {"experimental": {"quasi_distribution": True}}
    with pytest.raises(UnsupportedOption, match="classified"):
        check("sampler", sent(backend, [(shuffled(),)], wish | {"execution": {"meas_type": "kerneled"}}), context.device)
    circuit = shuffled()
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(3)
    with pytest.raises(UnsupportedOption, match="control flow"):
        check("sampler", sent(backend, [(circuit,)], wish), context.device)


def test_a_readout_that_says_nothing_is_named(backend: IBMBackend, context: Context) -> None:
    # the loopback's bits are random
    text = sent(backend, [(shuffled(),)], {"experimental": {"quasi_distribution": {"calibration_shots": 2000}}})
    with pytest.raises(OperatorError, match="tell 0 from 1"):
        run("sampler", text, context)


def test_without_the_wish_there_is_none(backend: IBMBackend, context: Context) -> None:
    text = sent(backend, [(shuffled(),)], {"experimental": {"quasi_distribution": False}, "default_shots": 5})
    assert "quasi_distribution" not in decode("sampler", run("sampler", text, context))[0].metadata
