"""Bits, registers, parameters, sweep axes and twirl flips come out in the client's order: against an ideal simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer.primitives import SamplerV2 as Ideal
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.executor_sampler import Sampler

from qpu_bridge import BridgeService

pytestmark = pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated:DeprecationWarning")

SHOTS = 500


@pytest.fixture(scope="module")
def backend(service: BridgeService) -> Any:
    return service.backend("emu_five")


def several_registers(rng: np.random.Generator) -> tuple[QuantumCircuit, np.ndarray[Any, Any]]:
    """Three registers written in a shuffled order, a mid-circuit measurement that one of them keeps, and a sweep of two axes."""
    qubits = QuantumRegister(4)
    registers = [ClassicalRegister(size, name) for name, size in (("zeta", 2), ("alpha", 3), ("mid", 1))]
    circuit = QuantumCircuit(qubits, *registers)
    # names whose order is not that of their first use
    angles = [Parameter(name) for name in ("c", "a", "b", "d")]
    for qubit, angle in enumerate(angles):
        circuit.rx(angle, qubit)
    circuit.measure(int(rng.integers(4)), registers[2][0])
    circuit.cx(0, 1)
    circuit.x(2)
    bits = [*registers[0], *registers[1]]
    for qubit, bit in zip(range(4), rng.permutation(5), strict=False):
        circuit.measure(qubit, bits[bit])
    return circuit, np.pi * rng.integers(0, 2, size=(2, 3, 4))


def superposed(rng: np.random.Generator) -> tuple[QuantumCircuit, np.ndarray[Any, Any]]:
    """A circuit whose outcomes are spread unevenly."""
    circuit = QuantumCircuit(3, 3)
    angles = [Parameter(name) for name in ("t", "s", "r")]
    for qubit, angle in enumerate(angles):
        circuit.ry(angle, qubit)
    circuit.cz(0, 1)
    circuit.cx(1, 2)
    circuit.rx(0.6, 1)
    circuit.measure(range(3), rng.permutation(3))
    return circuit, rng.uniform(0, np.pi, size=(3, 1, 3))


def sample_plain(backend: Any, pub: Any) -> Any:
    return SamplerV2(backend).run([pub], shots=SHOTS).result()[0].data


def sample_twirled(backend: Any, pub: Any) -> Any:
    sampler = SamplerV2(backend)
    sampler.options.twirling.enable_gates = True
    sampler.options.twirling.enable_measure = True
    sampler.options.twirling.num_randomizations = 20
    sampler.options.twirling.shots_per_randomization = SHOTS // 20
    return sampler.run([pub], shots=SHOTS).result()[0].data


def sample_client_side(backend: Any, pub: Any) -> Any:
    sampler = Sampler(backend)
    sampler.options.twirling.enable_measure = True
    # the client rounds up to whole randomizations
    return sampler.run([pub], shots=SHOTS).result()[0].data


@pytest.mark.parametrize("circuit_of", [several_registers, superposed])
@pytest.mark.parametrize("sample", [sample_plain, sample_twirled, sample_client_side])
def test_counts_are_those_of_an_ideal_simulator(
    backend: Any, circuit_of: Callable[..., Any], sample: Callable[..., Any], rng: np.random.Generator, seed: int
) -> None:
    circuit, values = circuit_of(rng)
    isa = generate_preset_pass_manager(1, backend, seed_transpiler=3).run(circuit)
    found = sample(backend, (isa, values))
    ideal = Ideal(seed=seed % 2**31).run([(circuit, values)], shots=20_000).result()[0].data
    assert set(found) == set(ideal)
    for name in ideal:
        assert found[name].shape == values.shape[:-1]
        assert found[name].num_shots == (SHOTS if sample is not sample_client_side else 512)
        for index in np.ndindex(*values.shape[:-1]):
            seen, wanted = (_shares(data[name], index) for data in (found, ideal))
            distance = 0.5 * sum(abs(seen.get(key, 0) - wanted.get(key, 0)) for key in {*seen, *wanted})
            assert distance < 0.12, (name, index, seen, wanted)


def _shares(bits: Any, index: tuple[int, ...]) -> dict[str, float]:
    counts = bits.get_counts(index)
    return {key: value / bits.num_shots for key, value in counts.items()}
