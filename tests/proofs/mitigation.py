"""Mitigation: extrapolation to zero noise, and cancellation of a known noise."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.quantum_info import PauliLindbladMap, SparsePauliOp, Statevector
from qiskit_ibm_runtime import EstimatorV2
from qiskit_ibm_runtime.executor_estimator import Estimator

from qpu_bridge.programs import run
from tests.programs.client import backend, decode
from tests.proofs.stand import Stand, only, stand
from tests.proofs.twirling import ANGLE, mistaken


def brickwork(depth: int, seed: int) -> QuantumCircuit:
    """Layers of random one-qubit rotations and CZs on the line of five qubits."""
    draw = np.random.default_rng(seed)
    circuit = QuantumCircuit(5)
    for layer in range(depth):
        for qubit in range(5):
            circuit.rz(float(draw.uniform(-np.pi, np.pi)), qubit)
            circuit.sx(qubit)
            circuit.rz(float(draw.uniform(-np.pi, np.pi)), qubit)
        circuit.barrier()
        for qubit in range(layer % 2, 4, 2):
            circuit.cz(qubit, qubit + 1)
        circuit.barrier()
    return circuit


def estimates(
    device: Stand, circuit: QuantumCircuit, observable: SparsePauliOp, options: dict[str, Any], precision: float
) -> tuple[float, float]:
    """Value and standard deviation from a job of the client's estimator."""
    view = device.context.device
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        estimator = EstimatorV2(backend(view.snapshot, view.capabilities), options=options)
        text = estimator.run([(circuit, observable)], precision=precision).params_json
    data = decode("estimator", run("estimator", text, device.context))[0].data
    return float(data.evs), float(data.stds)


CASES = [(0, "XXZII"), (1, "IIZYY"), (2, "ZXXZI"), (3, "YZXZI")]
"""Seed of a circuit, and a Pauli whose value in it is large."""


def extrapolation(circuit_seed: int, pauli: str, precision: float, seed: int = 3) -> dict[str, tuple[float, float]]:
    """Ideal value, and what the estimator says without and with extrapolation, twirled, noise only of T1 and T2."""
    circuit, observable = brickwork(6, circuit_seed), SparsePauliOp(pauli)
    ideal = float(Statevector(circuit).expectation_value(observable).real)
    noise = only(t1=6, t2=6)
    twirling = {"enable_gates": True, "enable_measure": False, "num_randomizations": 64}
    with stand() as device:
        found = {"ideal": (ideal, 0.0)}
        for name, zne in {
            "raw": {"zne_mitigation": False},
            "zne": {"zne_mitigation": True, "zne": {"noise_factors": (1, 3, 5), "extrapolator": "exponential"}},
        }.items():
            options = {
                "experimental": {"seed": seed, "noise": noise},
                "resilience_level": 0,
                "resilience": {"measure_mitigation": False} | zne,
                "twirling": twirling,
            }
            found[name] = estimates(device, circuit, observable, options, precision)
    return found


def cancellation(gates: int, precision: float, randomizations: int = 1024, seed: int = 5) -> dict[str, tuple[float, float]]:
    """An even number of CZs that each turn qubit 2 too far: values without and with probabilistic error cancellation.

    Twirled, the error is Z with probability ``sin(angle / 2)**2``, so its Lindblad rate is known: ``exp(-2 rate) = cos(angle)``,
    and cancellation costs ``gamma = exp(2 rate)`` per gate in standard deviation.
    """
    circuit, observable = QuantumCircuit(5), SparsePauliOp("IIXII")
    circuit.rz(np.pi / 2, 2)
    circuit.sx(2)
    circuit.rz(np.pi / 2, 2)
    for _ in range(gates):
        circuit.cz(2, 3)
        circuit.barrier(2, 3)
    rate = -0.5 * np.log(np.cos(ANGLE))
    found = {"ideal": (float(Statevector(circuit).expectation_value(observable).real), 0.0)}
    with stand(snapshot=mistaken(ANGLE)) as device:
        view = device.context.device
        for name, cancels in {"raw": False, "pec": True}.items():
            estimator = Estimator(backend(view.snapshot, view.capabilities))
            estimator.options.resilience_level = 0
            estimator.options.resilience.measure_mitigation = False
            estimator.options.resilience.pec_mitigation = cancels
            estimator.options.twirling.enable_gates = True
            estimator.options.twirling.num_randomizations = randomizations
            estimator.options.experimental = {"seed": seed, "noise": only()}
            if cancels:
                layers = estimator.find_unique_layers([(circuit, observable)])
                estimator.options.resilience.layer_noise_model = [(layer, _z_on(layer, 2, rate)) for layer in layers]
            sent = estimator.run([(circuit, observable)], precision=precision)
            data = decode(sent.program_id, run(sent.program_id, sent.params_json, device.context))[0].data
            found[name] = float(data.evs), float(data.stds)
    return found


def deviation(gates: int, precision: float, randomizations: int = 1024) -> float:
    """Standard deviation that `cancellation` must have, raw or cancelled, in closed form.

    In one randomization all errors add up, with signs that the twirl draws: ``cos(angle * sum of signs)`` is what its shots say
    of ``<X>``; the mean of its square is ``(1 + cos(2 angle)**gates) / 2``. Cancellation multiplies what is said by
    ``gamma = cos(angle)**-gates``, and the client takes ``gamma**2`` times as many randomizations for it.
    """
    shots = np.ceil(1 / precision**2 / randomizations)
    mean, square = np.cos(ANGLE) ** gates, (1 + np.cos(2 * ANGLE) ** gates) / 2
    return float(np.sqrt((square - mean**2 + (1 - square) / shots) / randomizations))


def _z_on(layer: CircuitInstruction, qubit: int, rate: float) -> PauliLindbladMap:
    """The noise of one layer: Z on a qubit, which is known by its index in the circuit."""
    # the client's layers name qubits of the circuit's one register, in any order; their noise goes by the ascending one
    names = sorted(bit._index for bit in layer.qubits)
    if qubit not in names:
        return PauliLindbladMap.identity(len(names))
    return PauliLindbladMap.from_sparse_list([("Z", [names.index(qubit)], rate)], num_qubits=len(names))
