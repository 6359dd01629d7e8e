"""Randomized benchmarking by an outside client, beside what relaxation alone allows."""

from __future__ import annotations

import warnings

import numpy as np
from qiskit_experiments.library import StandardRB
from scipy.optimize import curve_fit

from qpu_bridge import BridgeBackend
from qpu_emulator import five
from tests.proofs.stand import only


def floor(t1: float, t2: float, seconds: float) -> float:
    """Average gate error of one qubit that only relaxes for a while."""
    return 0.5 - np.exp(-seconds / t1) / 6 - np.exp(-seconds / t2) / 3


def pair_floor(first: tuple[float, float], second: tuple[float, float], seconds: float) -> float:
    """Average gate error of two qubits that only relax for a while."""
    kept = [1 + np.exp(-seconds / t1) + 2 * np.exp(-seconds / t2) for t1, t2 in (first, second)]
    return (16 - kept[0] * kept[1]) / 20


def error_per_clifford(qubits: tuple[int, ...], lengths: list[int], samples: int, shots: int, seed: int) -> dict[str, float]:
    """Error per Clifford, and its limit: what relaxation does to idle qubits in the time of a mean Clifford.

    Only relaxation and white dephasing act. The asymptote is known (no leakage, no readout errors), so it is not fitted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        backend = BridgeBackend.emulated()
        try:
            experiment = StandardRB(qubits, lengths, backend=backend, num_samples=samples, seed=seed)
            experiment.set_run_options(shots=shots, seed=seed, settings=only(t1=1, t2=1))
            circuits = experiment._transpiled_circuits()
            data = experiment.run(analysis=None).block_for_results()
            lasts = np.array([circuit.estimate_duration(backend.target, unit="s") for circuit in circuits])
        finally:
            backend.close()
    size = 2 ** len(qubits)
    survived = np.array([item["counts"].get("0" * len(qubits), 0) / shots for item in data.data()])
    length = np.array([item["metadata"]["xval"] for item in data.data()])
    (decay, _), cover = curve_fit(lambda n, p, a: a * p**n + 1 / size, length, survived, (0.999, 1 - 1 / size))
    seconds = np.polyfit([circuit.metadata["xval"] for circuit in circuits], lasts, 1)[0]
    times = [(t.t1, t.t2) for t in (five.device().transmons[qubit] for qubit in qubits)]
    limit = floor(*times[0], seconds) if len(qubits) == 1 else pair_floor(*times, seconds)
    scale = (size - 1) / size
    return {
        "error": scale * (1 - decay),
        "deviation": scale * float(np.sqrt(cover[0, 0])),
        "limit": float(limit),
        "seconds": float(seconds),
    }
