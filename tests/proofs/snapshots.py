"""Twins of published devices, measured through circuits and compared with what was published.

``python -m tests.proofs.snapshots [NAME...]`` does it for three of them, or for those that are named, in about ten minutes of
processor time each. Each estimate has a standard error: the fit's for lifetimes, for benchmarking what other random sequences
would have given.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from scipy.optimize import curve_fit

from qpu_bridge import BridgeBackend
from qpu_bridge.target import Snapshot
from qpu_emulator.makers.published import of_shipped
from qpu_emulator.makers.twin import make
from tests.proofs.clifford import angles, close, euler, turned

FIGURES = Path(__file__).parents[2] / "emulator" / "figures"
SEED = 2026
DEVICES = {"torino": "cz", "marrakesh": "cz", "sherbrooke": "ecr"}
KINDS = ("t1", "t2", "assignment", "sx", "pair")
Values = NDArray[np.float64]
Estimate = tuple[float, float]
"""A number and its standard error."""
OFF = 0.15
"""By how much a measured number may differ from a published one."""
OTHERS = 200
"""Drawn sets of sequences, for a standard error (Efron's bootstrap)."""
QUIET = {"low_frequency": 0, "zz": 0}
"""A provider's T2 is an echo's, and its gate errors know no slow noise and no neighbours."""


@dataclass(frozen=True)
class Bench:
    """A backend and how it is asked."""

    backend: BridgeBackend
    snapshot: Snapshot
    seed: int

    def zeros(self, circuits: list[QuantumCircuit], shots: int) -> Values:
        """How often each circuit gives nothing but zeros."""
        result = self.backend.run(circuits, shots=shots, seed=self.seed, settings=QUIET).result()
        counts = (result.get_counts(index) for index in range(len(circuits)))
        return np.array([found.get("0" * circuit.num_clbits, 0) / shots for found, circuit in zip(counts, circuits, strict=True)])

    @property
    def size(self) -> int:
        """Qubits of the device."""
        return len(self.snapshot.qubits)

    def gate(self, name: str, qubits: tuple[int, ...]) -> float:
        """The error that the lab believes a gate to have."""
        return next(gate.error for gate in self.snapshot.gates if (gate.name, gate.qubits) == (name, qubits))


def readout(bench: Bench, qubit: int, shots: int) -> tuple[float, float]:
    """Chance to read 1 after 0, and 0 after 1."""
    circuits = []
    for flipped in (False, True):
        circuit = QuantumCircuit(bench.size, 1)
        if flipped:
            circuit.x(qubit)
        circuit.measure(qubit, 0)
        circuits.append(circuit)
    zeros = bench.zeros(circuits, shots)
    return float(1 - zeros[0]), float(zeros[1])


def lifetimes(bench: Bench, qubit: int, shots: int) -> tuple[Estimate, Estimate]:
    """T1, and T2 of an echo, s."""
    known = bench.snapshot.qubits[qubit]
    found = []
    # an echo has half the contrast of a decay
    for echo, scale, often in ((False, known.t1, shots), (True, known.t2, 10 * shots)):
        ticks = [int(t * 1e9) // 8 * 8 for t in np.linspace(0, 4 * scale, 15)]
        circuits = []
        for wait in ticks:
            circuit = QuantumCircuit(bench.size, 1)
            if echo:
                circuit.sx(qubit)
                circuit.delay(wait // 2, qubit, "dt")
                circuit.x(qubit)
                circuit.delay(wait // 2, qubit, "dt")
                circuit.sx(qubit)
            else:
                circuit.x(qubit)
                circuit.delay(wait, qubit, "dt")
            circuit.measure(qubit, 0)
            circuits.append(circuit)
        zeros = bench.zeros(circuits, often)
        x = np.array(ticks) * 1e-9
        guess = (zeros[0] - zeros[-1], scale, zeros[-1])
        fitted, spread = curve_fit(lambda t, a, tau, b: b + a * np.exp(-t / tau), x, zeros, guess)
        found.append((float(fitted[1]), float(np.sqrt(spread[1, 1]))))
    return found[0], found[1]


def decay(bench: Bench, circuits: list[QuantumCircuit], lengths: list[int], qubits: tuple[int, ...], shots: int) -> Estimate:
    """Average error of a layer, from sequences that end where they began."""
    zeros = bench.zeros(circuits, shots).reshape(len(lengths), -1)
    # the end is how often a mixed state is read as zeros, readout errors included
    measures = [bench.snapshot.measures[qubit] for qubit in qubits]
    rest = float(np.prod([(1 - m.prob_meas1_prep0 + m.prob_meas0_prep1) / 2 for m in measures]))

    def error(found: Values) -> float:
        fitted, _ = curve_fit(lambda n, a, p: rest + a * p**n, np.array(lengths), found.mean(axis=1), (0.9 - rest, 0.995))
        return float((1 - fitted[1]) * (1 - 0.5 ** len(qubits)))

    draw = np.random.default_rng(bench.seed)
    others = [error(draw.choice(zeros, zeros.shape[1], axis=1)) for _ in range(OTHERS)]
    return error(zeros), float(np.std(others))


def sx_error(bench: Bench, qubit: int, shots: int, samples: int) -> Estimate:
    """Average error of an sx, from randomized benchmarking.

    A coherent error makes some sequences much worse than others: many samples count, not many shots. All samples of a length
    differ in angles only, so they are one template.
    """
    draw = np.random.default_rng([bench.seed, qubit])
    known = max(bench.gate("sx", (qubit,)), 1e-4)
    lengths = [1, *(int(scale / known / 2) for scale in (0.1, 0.3, 0.6))]
    circuits = []
    for length in lengths:
        for _ in range(samples):
            circuit = QuantumCircuit(bench.size, 1)
            done = np.eye(2, dtype=complex)
            for _ in range(length):
                turns = draw.integers(4, size=3) * np.pi / 2
                done = euler(circuit, qubit, turns) @ done
            euler(circuit, qubit, angles(done.conj().T))
            circuit.measure(qubit, 0)
            circuits.append(circuit)
    value, error = decay(bench, circuits, lengths, (qubit,), shots)
    return value / 2, error / 2


def pair_error(bench: Bench, name: str, pair: tuple[int, int], singles: float, shots: int, samples: int) -> Estimate:
    """Average error of a two-qubit gate, from layers of random one-qubit Cliffords and the gate.

    Args:
        bench: The device.
        name: Of the gate.
        pair: Its qubits, in the gate's order.
        singles: Sum of the sx errors of both qubits; each layer holds two of each.
        shots: Per circuit.
        samples: Circuits per length.
    """
    draw = np.random.default_rng([bench.seed, *pair])
    layer = 1.25 * bench.gate(name, pair) + 3 * singles
    lengths = [1, *(max(2 * place, int(scale / layer)) for place, scale in enumerate((0.12, 0.4, 0.9), 1))]
    circuits = []
    for length in lengths:
        for _ in range(samples):
            circuit = QuantumCircuit(bench.size, 2)
            for _ in range(length):
                for qubit in pair:
                    turned(circuit, qubit, draw)
                getattr(circuit, name)(*pair)
            close(circuit, pair)
            circuit.measure(pair, [0, 1])
            circuits.append(circuit)
    # infidelities of a process add up, average infidelities are 2/3 and 4/5 of them
    value, error = decay(bench, circuits, lengths, pair, shots)
    return value - 0.8 * 2 * 1.5 * singles, error


def measured(bench: Bench, name: str, qubits: list[int], shots: int, samples: int) -> dict[str, list[tuple[float, float, float]]]:
    """Numbers of some qubits and of one coupler of each: measured, their standard errors, and believed.

    What is believed is what was published, or what lifetimes allow where a better number was published.
    """
    found: dict[str, list[tuple[float, float, float]]] = {}

    def note(what: str, measured: Estimate, known: float) -> None:
        found.setdefault(what, []).append((*measured, known))

    for qubit in qubits:
        spec, known = bench.snapshot.measures[qubit], bench.snapshot.qubits[qubit]
        wrong = np.array(readout(bench, qubit, 10 * shots))
        error = np.sqrt((wrong * (1 - wrong)).sum() / (10 * shots)) / 2
        note("assignment", (wrong.mean(), error), (spec.prob_meas1_prep0 + spec.prob_meas0_prep1) / 2)
        t1, t2 = lifetimes(bench, qubit, shots)
        note("t1", t1, known.t1)
        note("t2", t2, known.t2)
        note("sx", sx_error(bench, qubit, shots // 8, 8 * samples), bench.gate("sx", (qubit,)))
        pair = next(gate.qubits for gate in bench.snapshot.gates if gate.name == name and qubit in gate.qubits)
        singles = sum(bench.gate("sx", (other,)) for other in pair)
        note("pair", pair_error(bench, name, (pair[0], pair[1]), singles, shots // 4, 6 * samples), bench.gate(name, pair))
    return found


def twin_of(source: str) -> dict[str, Any]:
    """Make a twin and measure five of its qubits: numbers of each kind, each with its standard error and what was published."""
    name, place = DEVICES[source], list(DEVICES).index(source)
    twin = make(of_shipped(source), f"emu_{source}", SEED, datetime.now(UTC), lambda _: None)
    with TemporaryDirectory() as folder:
        truth = Path(folder) / "truth.json"
        twin.device.write(truth)
        backend = BridgeBackend(twin.snapshot, options={"truth": str(truth)})
    live = sorted({qubit for gate in twin.snapshot.gates if gate.name == name for qubit in gate.qubits})
    qubits = [int(q) for q in np.random.default_rng([SEED, place]).choice(live, 5, replace=False)]
    found = measured(Bench(backend, twin.snapshot, SEED), name, qubits, 4000, 24)
    backend.close()
    facts = {"made": datetime.now(UTC).date().isoformat(), "seed": SEED, "qubits": qubits, "remarks": len(twin.remarks)}
    return facts | {kind: np.round(found[kind], 10).tolist() for kind in KINDS}


def drawn(numbers: dict[str, Any]) -> Figure:
    """Measured over published, a column per kind."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axis = figure.add_subplot()
    for place, source in enumerate(name for name in DEVICES if name in numbers):
        for column, kind in enumerate(KINDS):
            value, error, known = np.array(numbers[source][kind]).T
            x = column + 0.2 * (place - 1) + np.linspace(-0.06, 0.06, len(value))
            axis.errorbar(x, value / known, error / known, fmt=".", color=f"C{place}", label=None if column else source)
    axis.axhspan(1 - OFF, 1 + OFF, color="gray", alpha=0.2)
    axis.set(xticks=range(len(KINDS)), xticklabels=KINDS, ylabel="measured / published")
    axis.legend()
    return figure


def main(sources: Sequence[str]) -> None:
    """Measure twins, and write numbers and figure after each; those of other devices are kept."""
    worst, path = 0.0, FIGURES / "snapshots.json"
    for source in sources:
        found = twin_of(source)
        numbers = (json.loads(path.read_text()) if path.exists() else {}) | {source: found}
        path.write_text(json.dumps(numbers, indent=1) + "\n")
        drawn(numbers).savefig(FIGURES / "snapshots.png", dpi=80)
        print(source, {kind: [(round(a / b, 3), round(e / b, 3)) for a, e, b in found[kind]] for kind in KINDS}, flush=True)
        worst = max(worst, *(abs(value / known - 1) for kind in KINDS for value, _, known in found[kind]))
    if worst > OFF:
        sys.exit(f"a number is off by {worst:.1%}")


if __name__ == "__main__":
    main(sys.argv[1:] or list(DEVICES))
