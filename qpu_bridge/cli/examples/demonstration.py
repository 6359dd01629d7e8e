"""What a user writes: an ordinary Qiskit Runtime program. Nothing in this file knows of qpu-bridge; copy it and change it.

    qpu-bridge run -- python demonstration.py           on the bridge
    python demonstration.py                             on whatever account is saved on this machine

It makes a Bell pair and a five-qubit GHZ state, finds the ground-state energy of the hydrogen molecule, and looks at the readout.
Results go to the folder named on the command line: ``results.json``, pictures, and the transpiled circuits.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import EstimatorV2, QiskitRuntimeService, SamplerV2
from qiskit_ibm_runtime.executor_sampler import Sampler

H2 = SparsePauliOp.from_list(
    [
        ("II", -1.052373245772859),
        ("IZ", +0.39793742484318045),
        ("ZI", -0.39793742484318045),
        ("ZZ", -0.01128010425623538),
        ("XX", +0.18093119978423156),
    ]
)
"""Electronic energy of H2 at 0.735 angstrom, STO-3G, parity mapping with two qubits tapered off, in hartree."""

EXACT = -1.857275030202382
"""Its lowest eigenvalue, hartree."""


def bell() -> QuantumCircuit:
    """Two qubits that agree."""
    circuit = QuantumCircuit(2, name="bell")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def ghz(size: int = 5) -> QuantumCircuit:
    """Many qubits that agree."""
    circuit = QuantumCircuit(size, name="ghz")
    circuit.h(size // 2)
    for qubit in range(size // 2, size - 1):
        circuit.cx(qubit, qubit + 1)
    for qubit in range(size // 2, 0, -1):
        circuit.cx(qubit, qubit - 1)
    circuit.measure_all()
    return circuit


def trial_state() -> QuantumCircuit:
    """The Hartree-Fock state of H2, from which an angle moves both electrons up."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(2, name="h2")
    circuit.ry(angle, 1)
    circuit.x(0)
    circuit.cx(1, 0)
    return circuit


def agreement(counts: dict[str, int]) -> float:
    """Share of the shots in which all qubits gave the same bit."""
    return sum(n for bits, n in counts.items() if len(set(bits)) == 1) / sum(counts.values())


def sample(backend: Any, circuits: list[QuantumCircuit], client_side: bool) -> dict[str, dict[str, int]]:
    """Sample with dynamical decoupling and with twirled gates and measurements, prepared by the server or by this process."""
    sampler = Sampler(backend) if client_side else SamplerV2(backend)
    sampler.options.dynamical_decoupling.enable = True
    sampler.options.dynamical_decoupling.sequence_type = "XY4"
    sampler.options.twirling.enable_gates = True
    sampler.options.twirling.enable_measure = True
    result = sampler.run(circuits, shots=4096).result()
    return {circuit.name: pub.data.meas.get_counts() for circuit, pub in zip(circuits, result, strict=True)}


def sweep(backend: Any, circuit: QuantumCircuit, level: int) -> dict[str, Any]:
    """Energy of H2 along a sweep of the angle, as one pub, and at the angle where it is lowest.

    The energy is a sinusoid of the angle whatever the noise, so that the sweep as a whole says where and how low its minimum is.
    """
    angles = np.linspace(-np.pi, np.pi, 24, endpoint=False)
    estimator = EstimatorV2(backend)
    estimator.options.resilience_level = level
    estimator.options.default_shots = 4096
    pub = (circuit, H2.apply_layout(circuit.layout), angles)
    evs = estimator.run([pub]).result()[0].data.evs
    offset, cosine, sine = np.linalg.lstsq(np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], 1), evs)[0]
    return {
        "angles": angles.tolist(),
        "energies": np.asarray(evs).tolist(),
        "fit": [float(offset), float(cosine), float(sine)],
        "angle": float(np.arctan2(-sine, -cosine)),
        "energy": float(offset - np.hypot(cosine, sine)),
        "error_mha": float(offset - np.hypot(cosine, sine) - EXACT) * 1e3,
    }


def points(backend: Any) -> dict[str, Any]:
    """IQ points of every qubit prepared in 0 and in 1: what the bits are made of."""
    size = backend.num_qubits
    ground, excited = QuantumCircuit(size, name="zeros"), QuantumCircuit(size, name="ones")
    excited.x(range(size))
    for circuit in (ground, excited):
        circuit.measure_all()
    sampler = SamplerV2(backend)
    sampler.options.execution.meas_type = "kerneled"
    transpile = generate_preset_pass_manager(0, backend, initial_layout=range(size))
    result = sampler.run(transpile.run([ground, excited]), shots=1024).result()
    clouds = [pub.data.meas for pub in result]
    distances = np.abs(clouds[1].mean(0) - clouds[0].mean(0)) / np.mean([cloud.std(0) for cloud in clouds], axis=0)
    return {"clouds": clouds, "separation": distances.tolist()}


def main(output: Path) -> None:
    """Run everything and write it down."""
    output.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    service = QiskitRuntimeService()
    backend = service.least_busy()
    transpile = generate_preset_pass_manager(2, backend, seed_transpiler=7)
    pair, many, molecule = transpile.run([bell(), ghz(backend.num_qubits), trial_state()])
    for circuit in (pair, many, molecule):
        with (output / f"{circuit.name}.qpy").open("wb") as file:
            qpy.dump(circuit, file)
    results: dict[str, Any] = {"backend": backend.name, "exact": EXACT, "samples": {}, "h2": {}}
    for name in ("SamplerV2", "executor_sampler.Sampler"):
        counts = sample(backend, [pair, many], client_side=name != "SamplerV2")
        results["samples"][name] = {key: {"agreement": agreement(value), "counts": value} for key, value in counts.items()}
        print(
            name, *(f"{key}: all bits agree in {agreement(value):.3f} of the shots" for key, value in counts.items()), sep="\n  "
        )
    for level in (1, 0):
        results["h2"][str(level)] = found = sweep(backend, molecule, level)
        print(f"H2 at resilience level {level}: {found['energy']:.4f} hartree, {found['error_mha']:+.1f} mHa from exact")
    seen = points(backend)
    results["separation"] = seen["separation"]
    print("distance of the readout clouds, in widths:", *(f"{value:.1f}" for value in seen["separation"]))
    results["seconds"] = time.perf_counter() - started
    (output / "results.json").write_text(json.dumps(results, indent=1))
    np.save(output / "iq.npy", np.stack(seen["clouds"]))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output"))
