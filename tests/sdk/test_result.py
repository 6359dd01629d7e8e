"""Bits find their places: random circuits, on an ideal device, against Qiskit's own simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Parameter, Qubit
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.results import QuantumProgramResult

from qpu_bridge.errors import BadRequest, UnsupportedOption
from qpu_bridge.sdk.order import Order, take
from qpu_bridge.sdk.result import result
from qpu_bridge.sdk.run_options import RunOptions

AER = AerSimulator()


def ideal(order: Order) -> QuantumProgramResult:
    """What the executor would return for circuits without noise."""
    data: list[dict[str, Any]] = []
    for item in order.program.items:
        rows = item.circuit_arguments.reshape(item.size(), item.circuit.num_parameters)
        found: dict[str, list[Any]] = {register.name: [] for register in item.circuit.cregs}
        for row in rows if item.shape else [item.circuit_arguments]:
            bound = item.circuit.assign_parameters(row) if len(row) else item.circuit
            memory = AER.run(bound, shots=order.program.shots, memory=True).result().to_dict()["results"][0]["data"]["memory"]
            bits = np.array([[int(word, 16) >> k & 1 for k in range(bound.num_clbits)] for word in memory], dtype=bool)
            for register in item.circuit.cregs:
                found[register.name].append(bits[:, [bound.find_bit(bit).index for bit in register]])
        data.append({name: np.array(arrays) if item.shape else arrays[0] for name, arrays in found.items()})
    return QuantumProgramResult(data)


def run(circuits: Any, **options: Any) -> Any:
    order = take(circuits, RunOptions.of(options))
    return result(ideal(order), order, job_id="j", name="paper", version="1")


def scattered(seed: int) -> QuantumCircuit:
    """Basis states on bits in random order over registers of random sizes."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, size=3)
    circuit = QuantumCircuit(QuantumRegister(7), *(ClassicalRegister(int(size), f"r{k}") for k, size in enumerate(sizes)))
    circuit.x([int(q) for q in np.flatnonzero(rng.integers(0, 2, 7))])
    for bit in rng.permutation(circuit.num_clbits)[: rng.integers(1, circuit.num_clbits + 1)]:
        circuit.measure(int(rng.integers(7)), int(bit))
    circuit.x(range(7))
    circuit.measure(0, int(rng.integers(circuit.num_clbits)))
    return circuit


@pytest.mark.parametrize("seed", range(25))
def test_several_registers(seed: int) -> None:
    circuits = [scattered(seed), scattered(seed + 1000)]
    ours = run(circuits, shots=5, memory=True)
    theirs = AER.run(circuits, shots=5, memory=True).result()
    for k in range(2):
        assert ours.get_counts(k) == theirs.get_counts(k)
        assert ours.get_memory(k) == theirs.get_memory(k)
        assert ours.data(k)["counts"] == theirs.data(k)["counts"]


def test_more_than_64_bits() -> None:
    circuit = QuantumCircuit(2, 70)
    circuit.x(0)
    circuit.measure(0, 69)
    circuit.measure(0, 3)
    ours = run(circuit, shots=4, memory=True)
    assert ours.data(0)["counts"] == {hex((1 << 69) | (1 << 3)): 4}
    assert ours.data(0)["memory"] == [hex((1 << 69) | (1 << 3))] * 4


def test_bits_without_and_with_shared_registers() -> None:
    bits = [Clbit() for _ in range(4)]
    circuit = QuantumCircuit([Qubit(), Qubit()], bits)
    circuit.add_register(ClassicalRegister(name="a", bits=[bits[2], bits[0]]))
    circuit.add_register(ClassicalRegister(name="loose", bits=[bits[0]]))
    circuit.x(0)
    circuit.measure(0, [2])
    circuit.measure(0, [3])
    assert run(circuit, shots=3).get_counts() == {"1100": 3}


def test_binds_are_experiments_of_one_template() -> None:
    a, b = Parameter("b"), Parameter("a")
    circuit = QuantumCircuit(2, 2)
    circuit.rx(a, 0)
    circuit.rx(b, 1)
    circuit.measure([0, 1], [0, 1])
    plain = QuantumCircuit(1, 1)
    plain.measure(0, 0)
    binds = [{}, {a: [0, np.pi, np.pi], b: [np.pi, 0, np.pi]}]
    order = take([plain, circuit], RunOptions.of({"parameter_binds": binds, "shots": 2}))
    assert len(order.program.items) == 2
    found = run([plain, circuit], shots=2, parameter_binds=binds)
    assert [found.get_counts(k) for k in range(4)] == [{"0": 2}, {"10": 2}, {"01": 2}, {"11": 2}]


def test_the_order_of_circuits_survives_folding() -> None:
    circuits = []
    for k in range(6):
        circuit = QuantumCircuit(1, 1 + k % 2, name=f"c{k}", metadata={"k": k, "object": object()})
        circuit.rx(np.pi * (k // 2 % 2), 0)
        circuit.measure(0, 0)
        circuits.append(circuit)
    found = run(circuits, shots=1)
    for k, experiment in enumerate(found.results):
        assert experiment.header["name"] == f"c{k}"
        assert experiment.header["metadata"]["k"] == k
        assert int(next(iter(found.get_counts(k))), 2) == k // 2 % 2


@pytest.mark.parametrize("returned", ["single", "avg"])
def test_iq_points(returned: str) -> None:
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "a"), ClassicalRegister(2, "b"))
    circuit.measure([0, 1], [2, 0])
    order = take(circuit, RunOptions.of({"shots": 4, "meas_level": 1, "meas_return": returned}))
    rng = np.random.default_rng(3)
    shape = (4,) if returned == "single" else ()
    suffix = "_iq" if returned == "single" else "_avg_iq"
    a, b = (rng.normal(size=(*shape, n)) + 1j * rng.normal(size=(*shape, n)) for n in (1, 2))
    found = result(QuantumProgramResult([{f"a{suffix}": a, f"b{suffix}": b}]), order, job_id="j", name="paper", version="1")
    np.testing.assert_allclose(found.get_memory(0), np.concatenate([a, b], axis=-1))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"shotz": 1}, UnsupportedOption),
        ({"noise_model": "loud"}, UnsupportedOption),
        ({"shots": 0}, BadRequest),
        ({"shots": 1.5}, BadRequest),
        ({"seed": -1}, BadRequest),
        ({"seed": 2**63}, BadRequest),
        ({"meas_level": 0}, BadRequest),
        ({"meas_return": "median"}, BadRequest),
    ],
)
def test_options_are_refused_by_name(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        RunOptions.of(options)


def test_parameters_need_values() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.rx(Parameter("theta"), 0)
    with pytest.raises(BadRequest, match="none for theta"):
        take(circuit, RunOptions())
    with pytest.raises(BadRequest, match="one mapping per circuit"):
        take(circuit, RunOptions.of({"parameter_binds": []}))
    with pytest.raises(BadRequest, match="takes a circuit"):
        take([], RunOptions())
