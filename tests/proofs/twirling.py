"""Twirling: a coherent error of a coupler pulse becomes a stochastic one."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import SamplerV2

from qpu_bridge.programs import run
from qpu_bridge.target import Snapshot
from qpu_emulator import five
from tests.programs.client import backend, decode
from tests.proofs.stand import Stand, only, stand


def mistaken(angle: float) -> Snapshot:
    """What a lab believes whose ``cz`` leaves a Z rotation of ``angle`` rad on qubit 2 each time."""
    believed = five.snapshot()
    gates = tuple(
        gate.model_copy(
            update={
                "phases": tuple(
                    phase.model_copy(update={"angle": phase.angle + angle}) if phase.qubit == 2 else phase
                    for phase in gate.phases
                )
            }
        )
        if gate.name == "cz" and gate.qubits == (2, 3)
        else gate
        for gate in believed.gates
    )
    return believed.model_copy(update={"gates": gates})


def repeated(gates: int, quadrature: str = "x") -> QuantumCircuit:
    """``|+>`` on qubit 2, an even number of CZs, and a measurement along X or Y (0 is the positive end)."""
    circuit = QuantumCircuit(5, 1)
    circuit.rz(np.pi / 2, 2)
    circuit.sx(2)
    circuit.rz(np.pi / 2, 2)
    for _ in range(gates):
        circuit.cz(2, 3)
        circuit.barrier(2, 3)
    circuit.rz({"x": np.pi / 2, "y": 0.0}[quadrature], 2)
    circuit.sx(2)
    circuit.rz(np.pi / 2, 2)
    circuit.measure(2, 0)
    return circuit


def contrast(
    device: Stand, circuits: list[QuantumCircuit], randomizations: int, shots: int, *, twirled: bool, seed: int
) -> NDArray[np.float64]:
    """``P(0) - P(1)`` of each circuit, sent as a job of the client's sampler."""
    view = device.context.device
    options = {
        "experimental": {"seed": seed, "noise": only()},
        "twirling": {
            "enable_gates": twirled,
            "enable_measure": False,
            "num_randomizations": randomizations,
            "shots_per_randomization": shots,
        },
    }
    if not twirled:
        del options["twirling"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        sampler = SamplerV2(backend(view.snapshot, view.capabilities), options=options)
        text = sampler.run(circuits, shots=randomizations * shots).params_json
    result = decode("sampler", run("sampler", text, device.context))
    return np.array([1 - 2 * float(np.mean(pub.data.c.array & 1)) for pub in result])


ANGLE = 0.06
"""Rotation that is wrong in every gate, rad."""


def growth(gates: list[int], shots: int, seed: int = 1) -> dict[str, NDArray[np.float64]]:
    """What is left of ``|+>`` after many gates: bare it follows ``cos(n angle)``, twirled ``cos(angle)**n``."""
    circuits = [repeated(count) for count in gates]
    with stand(snapshot=mistaken(ANGLE)) as device:
        return {
            "bare": contrast(device, circuits, 1, shots, twirled=False, seed=seed),
            "twirled": contrast(device, circuits, 64, -(-shots // 64), twirled=True, seed=seed),
        }


def off_diagonal(randomizations: list[int], gates: int, draws: int, seed: int = 1) -> NDArray[np.float64]:
    """Root mean square of the element of the Pauli transfer matrix that leads from X to Y, per number of randomizations."""
    circuit, found = repeated(gates, "y"), []
    with stand(snapshot=mistaken(ANGLE)) as device:
        for count in randomizations:
            seeds = (seed + 1000 * count + draw for draw in range(draws))
            each = [contrast(device, [circuit], count, 4096 // count, twirled=True, seed=s)[0] for s in seeds]
            found.append(np.sqrt(np.mean(np.square(each))))
    return np.array(found)
