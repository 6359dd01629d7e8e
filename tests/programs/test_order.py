"""Bit order, register order, parameter order, sweep axes and twirl flips, against what the circuits must say without noise.

Every qubit is flipped or not by one angle: ``sx rz(0) sx`` is X, ``sx rz(pi) sx`` is not. The device is the emulator with all
noise off, so each bit is known; a calibrated gate may still miss by a little, so bits are compared by the vote of the shots.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.options_models import ExecutorOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

from qpu_bridge.driver import Driver
from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver, open_snapshot
from qpu_bridge.programs import Context, DeviceView, run
from qpu_bridge.target import Snapshot
from tests.programs.client import backend, decode

SHOTS = 32
QUIET = {"device": dict.fromkeys(("t1", "t2", "low_frequency", "zz", "readout", "thermal"), 0.0)}


class Emulated:
    """The built-in device; a plain class, because Hypothesis prints dataclasses field by field."""

    def __init__(self, snapshot: Snapshot, driver: Driver) -> None:
        self.snapshot = snapshot
        self.driver = driver

    def context(self) -> Context:
        capabilities = self.driver.capabilities()
        return Context(
            DeviceView(self.snapshot.device, self.snapshot, capabilities), Execution(self.driver, capabilities), seed=7
        )

    def backend(self) -> Any:
        return backend(self.snapshot, self.driver.capabilities())


@pytest.fixture(scope="module")
def emulated() -> Iterator[Emulated]:
    snapshot = open_snapshot("five")
    driver = open_driver("emulator", snapshot.device, snapshot, {})
    yield Emulated(snapshot, driver)
    driver.close()


@dataclass(frozen=True)
class Case:
    """A circuit, values for its parameters, and the bits that must come out of each register."""

    circuit: QuantumCircuit
    values: NDArray[np.float64]
    expected: dict[str, NDArray[np.bool_]]
    overwrites: bool

    def __repr__(self) -> str:
        return f"{self.circuit.draw()}\n{self.values.tolist()} -> {self.expected}"


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Some qubits, each with a parameter of any name; measured into bits of several registers in any order."""
    count = draw(st.integers(1, 4))
    qubits = draw(st.permutations(range(5)))[:count]
    names = draw(st.permutations(["alpha", "b[2]", "b[10]", "zeta"]))[:count]
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3).filter(lambda sizes: sum(sizes) >= count))
    registers = [ClassicalRegister(size, f"{'zyx'[index]}reg") for index, size in enumerate(sizes)]
    circuit = QuantumCircuit(QuantumRegister(5, "q"), *registers)
    places = draw(st.permutations(range(sum(sizes))))[:count]
    shape = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    flips = draw(st.lists(st.booleans(), min_size=count * int(np.prod(shape)), max_size=count * int(np.prod(shape))))
    flip = np.array(flips, dtype=bool).reshape(*shape, count)
    # one qubit is measured, flipped back, and measured again: elsewhere, or over the first result
    twice = draw(st.sampled_from(["no", "over", "elsewhere"]))
    for qubit, name, place in zip(qubits, names, places, strict=True):
        circuit.sx(qubit)
        circuit.rz(Parameter(name), qubit)
        circuit.sx(qubit)
        circuit.measure(qubit, place)
    bits = np.zeros((*shape, sum(sizes)), dtype=bool)
    bits[..., list(places)] = flip
    if twice != "no":
        free = [place for place in range(sum(sizes)) if place not in places]
        target = free[0] if twice == "elsewhere" and free else places[0]
        circuit.x(qubits[0])
        circuit.measure(qubits[0], target)
        bits[..., target] = ~flip[..., 0]
    order = [names.index(parameter.name) for parameter in circuit.parameters]
    edges = np.cumsum([0, *sizes])
    expected = {register.name: bits[..., edges[k] : edges[k + 1]] for k, register in enumerate(registers)}
    overwrites = twice != "no" and target in places
    return Case(circuit, np.where(flip[..., order], 0.0, np.pi), expected, overwrites)


def voted(bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The vote of the shots, bits on the last axis; it must be clear."""
    mean = bits.mean(axis=-2)
    assert (np.abs(mean - 0.5) > 0.35).all()
    return mean > 0.5


@settings(max_examples=20)
@given(case=cases())
def test_the_executor(case: Case, emulated: Emulated) -> None:
    program = QuantumProgram(shots=SHOTS)
    program.append_circuit_item(case.circuit, circuit_arguments=case.values)
    converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"]
    params = json.dumps(converter.encoder(program, ExecutorOptions(experimental=QUIET)).model_dump(mode="json"))
    result = decode("executor", run("executor", params, emulated.context()))
    assert list(result[0]) == list(case.expected)
    for name, expected in case.expected.items():
        assert np.array_equal(voted(result[0][name]), expected)


@settings(max_examples=20)
@given(case=cases(), gates=st.booleans(), measure=st.booleans(), newer=st.booleans())
def test_both_samplers_with_twirls(case: Case, gates: bool, measure: bool, newer: bool, emulated: Emulated) -> None:
    # samplomatic twirls one measurement per classical bit only; the job is then refused with its words
    assume(not (measure and case.overwrites))
    options = {"twirling": {"enable_gates": gates, "enable_measure": measure, "num_randomizations": 8}, "experimental": QUIET}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = (Sampler if newer else SamplerV2)(emulated.backend(), options=options)
        sent = sampler.run([(case.circuit, case.values, SHOTS)])
    result = decode(sent.program_id, run(sent.program_id, sent.params_json, emulated.context()))
    for name, expected in case.expected.items():
        found = result[0].data[name].to_bool_array(order="little")
        assert found.shape[-2] == SHOTS
        assert np.array_equal(voted(found), expected)


def test_a_bit_decides_what_is_played(emulated: Emulated) -> None:
    circuit = QuantumCircuit(QuantumRegister(5, "q"), ClassicalRegister(1, "first"), ClassicalRegister(2, "then"))
    theta = Parameter("theta")
    circuit.sx(0)
    circuit.rz(theta, 0)
    circuit.sx(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.cregs[0], 1)) as otherwise:
        circuit.x(2)
    with otherwise:
        circuit.x(3)
    circuit.measure([2, 3], [1, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sent = SamplerV2(emulated.backend(), options={"experimental": QUIET}).run([(circuit, [[0.0], [np.pi]], SHOTS)])
    result = decode("sampler", run("sampler", sent.params_json, emulated.context()))
    assert voted(result[0].data.first.to_bool_array(order="little"))[:, 0].tolist() == [True, False]
    assert voted(result[0].data.then.to_bool_array(order="little")).tolist() == [[True, False], [False, True]]


def test_the_longest_way_is_told_where_a_bit_decides(emulated: Emulated) -> None:
    circuit = QuantumCircuit(5, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.delay(5000, 1)
    circuit.measure(0, 0)
    program = QuantumProgram(shots=4)
    program.append_circuit_item(circuit)
    request = (
        QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"].encoder(program, ExecutorOptions(experimental=QUIET)).model_dump(mode="json")
    )
    request["options"]["scheduler_timing"] = True
    result = decode("executor", run("executor", json.dumps(request), emulated.context()))
    assert result[0].metadata.scheduler_timing.circuit_duration > 6000
    assert "then" in result[0].metadata.scheduler_timing.timing
