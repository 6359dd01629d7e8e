"""The bias that mitigation leaves with the noise of layers given or learned. Long: ``python -m tests.proofs.layers``."""

from __future__ import annotations

from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp, Statevector
from qiskit_ibm_runtime.results import LayerError
from qiskit_ibm_runtime.results.noise_learner import PauliLindbladError

from tests.proofs.mitigation import CASES, brickwork, estimates
from tests.proofs.stand import only, stand
from tests.proofs.twirling import mistaken

ANGLE = 0.2
"""Rotation about Z that is wrong in every CZ of qubits 2 and 3, rad. Twirled, its Lindblad rate is ``-log(cos(ANGLE)) / 2``."""

RATE = float(-0.5 * np.log(np.cos(ANGLE)))
PEA = {"amplifier": "pea", "noise_factors": (1, 2, 3), "extrapolator": "exponential"}
Found = dict[str, tuple[float, float]]


def repeated(gates: int) -> QuantumCircuit:
    """An even number of CZs on a superposition of qubit 2, whose X stays 1."""
    circuit = QuantumCircuit(5)
    circuit.rz(np.pi / 2, 2)
    circuit.sx(2)
    circuit.rz(np.pi / 2, 2)
    for _ in range(gates):
        circuit.cz(2, 3)
        circuit.barrier(2, 3)
    return circuit


def given() -> list[LayerError]:
    """What theory says of the layer."""
    layer = QuantumCircuit(2)
    layer.cz(0, 1)
    return [LayerError(layer, [2, 3], PauliLindbladError(PauliList(["IZ"]), [RATE]))]


def methods(learning: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Options of each way to mitigate with learned layers."""
    return {
        "raw": {},
        "pec": {"pec_mitigation": True, "layer_noise_learning": learning},
        "pea": {"zne_mitigation": True, "zne": PEA, "layer_noise_learning": learning},
    }


def known_error(gates: int, precision: float, learning: dict[str, Any], seed: int = 5) -> Found:
    """The older estimator on a device whose only error is known: ideal is 1, raw ``cos(ANGLE)**gates``."""
    wanted = methods(learning) | {"pec given": {"pec_mitigation": True, "layer_noise_model": given()}}
    twirling = {"enable_gates": True, "num_randomizations": 2048, "strategy": "active"}
    with stand(snapshot=mistaken(ANGLE)) as device:
        return {
            name: estimates(
                device, repeated(gates), SparsePauliOp("IIXII"), _options(resilience, twirling, only(), seed), precision
            )
            for name, resilience in wanted.items()
        }


def decoherence(case: tuple[int, str], precision: float, learning: dict[str, Any], seed: int = 3) -> Found:
    """The older estimator on a random circuit of five qubits under T1 and T2 noise."""
    circuit, observable = brickwork(6, case[0]), SparsePauliOp(case[1])
    found = {"ideal": (float(Statevector(circuit).expectation_value(observable).real), 0.0)}
    twirling = {"enable_gates": True, "num_randomizations": 1024, "strategy": "all"}
    with stand() as device:
        for name, resilience in methods(learning).items():
            options = _options(resilience, twirling, only(t1=3, t2=3), seed)
            found[name] = estimates(device, circuit, observable, options, precision)
    return found


def _options(resilience: dict[str, Any], twirling: dict[str, Any], noise: dict[str, float], seed: int) -> dict[str, Any]:
    return {
        "experimental": {"seed": seed, "noise": noise},
        "resilience_level": 0,
        "resilience": resilience,
        "twirling": twirling,
    }


def main() -> None:
    """Print everything."""
    learning = {"layer_pair_depths": [0, 1, 2, 4, 16, 32], "num_randomizations": 32, "shots_per_randomization": 128}
    for gates in (4, 8, 16):
        print(f"{gates} wrong gates, ideal 1, raw by theory {np.cos(ANGLE) ** gates:.4f}")
        for name, (value, deviation) in known_error(gates, 0.005, learning).items():
            print(f"  {name:10} {value:.4f} +- {deviation:.4f}")
    for case in CASES:
        print(f"T1 and T2, circuit {case[0]}, {case[1]}")
        for name, (value, deviation) in decoherence(case, 0.005, learning).items():
            print(f"  {name:10} {value:.4f} +- {deviation:.4f}")


if __name__ == "__main__":
    main()
