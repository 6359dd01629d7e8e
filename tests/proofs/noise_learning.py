"""Noise learning: rates that were learned through pulses, beside those that T1, T2 and the lengths of the pulses must give.

In full, with the figures of the README: ``python -m tests.proofs.noise_learning``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from types import ModuleType

import numpy as np
import qutip
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_ibm_runtime import NoiseLearnerV3
from qiskit_ibm_runtime.executor_estimator import Estimator
from samplomatic import Twirl

from qpu_bridge.programs import ExecuteOptions, run
from qpu_bridge.programs.layers import LearnOptions, learn_layers
from qpu_bridge.target import Snapshot
from qpu_emulator import five, five_ecr
from qpu_emulator.chip.device import Transmon
from tests.programs.client import backend, decode
from tests.proofs import mitigation
from tests.proofs.gate_turns import LEVELS, QUBITS, Turns, aligned, nearest_unitary, turns
from tests.proofs.stand import Stand, only, stand

PAULIS = {"I": qutip.qeye(2), "X": qutip.sigmax(), "Y": qutip.sigmay(), "Z": qutip.sigmaz()}
_X, _Y, _ONE = (PAULIS[letter].full() for letter in "XYI")
IDEAL = {"cz": np.diag([1, 1, 1, -1]).astype(complex), "ecr": (np.kron(_X, _ONE) - np.kron(_Y, _X)) / np.sqrt(2)}

Pair = tuple[int, int]
Term = tuple[str, tuple[int, ...]]
"""A Pauli and its qubits, ascending."""


@dataclass(frozen=True)
class Case:
    """A device, and a layer on all of its qubits."""

    module: ModuleType
    gate: str
    pairs: tuple[Pair, ...]

    def layer(self) -> CircuitInstruction:
        circuit = QuantumCircuit(5)
        with circuit.box([Twirl()]):
            for pair in self.pairs:
                getattr(circuit, self.gate)(*pair)
            circuit.noop(range(5))
        return circuit.data[0]


CASES = {
    "emu_five": Case(five, "cz", ((0, 1), (2, 3))),
    "emu_five_ecr": Case(five_ecr, "ecr", ((0, 1), (4, 3))),
}


def expected(case: Case) -> dict[Term, float]:
    """Rates of the layer's twirled noise if T1 and T2 are all there is.

    A layer is two ``sx`` on each qubit, then the gates of the pairs, while the other qubits wait. Of each gate we know from QuTiP
    what it turns a Pauli through, and T1 and T2 act on it meanwhile; twirling keeps the diagonal of the Pauli transfer matrix.
    Fidelities of a Pauli and of what the layer makes of it are taken as their geometric mean, which is all that pairs of layers
    show.
    """
    snapshot, truth = case.module.snapshot(), case.module.device()
    longest = max(_length(snapshot, case.gate, pair) for pair in case.pairs)
    single = [_kept_by_twirls(transmon, _length(snapshot, "sx", (qubit,))) for qubit, transmon in enumerate(truth.transmons)]
    found: dict[Term, float] = {}
    for qubit in set(range(5)) - {qubit for pair in case.pairs for qubit in pair}:
        wait = (_relaxation([truth.transmons[qubit]]) * longest).expm()
        logs = {name: np.log(single[qubit][name] * _kept(wait, name, name)) for name in "XYZ"}
        found |= {(name, (qubit,)): rate for name, rate in _rates(logs).items()}
    names = ["".join(letters) for letters in product("IXYZ", repeat=2)][1:]
    for pair in case.pairs:
        ideal = qutip.to_super(qutip.Qobj(IDEAL[case.gate], dims=[[2, 2], [2, 2]]))
        image = {name: next(out for out in names if abs(_kept(ideal, name, out)) > 0.5) for name in names}
        gate = _gate_logs(turns(truth, snapshot, case.gate, pair), [truth.transmons[qubit] for qubit in pair], case.gate, image)
        logs = {name: gate[name] + sum(np.log(single[q][letter]) for q, letter in zip(pair, name, strict=True)) for name in names}
        for name, rate in _rates({name: (logs[name] + logs[image[name]]) / 2 for name in names}).items():
            found[_sorted(*zip(*((letter, q) for q, letter in zip(pair, name, strict=True) if letter != "I"), strict=True))] = (
                rate
            )
    return found


def _length(snapshot: Snapshot, name: str, qubits: Sequence[int]) -> float:
    gate = next(gate for gate in snapshot.gates if gate.name == name and gate.qubits == tuple(qubits))
    return gate.duration * float(snapshot.timing.dt)


def _relaxation(transmons: list[Transmon], turn: qutip.Qobj | None = None, levels: int = 2) -> qutip.Qobj:
    """Generator of T1 and T2 of some transmons in 1/s, while ``turn`` (rad/s) acts."""
    count = len(transmons)
    one = qutip.qeye(levels)
    jumps = [
        qutip.tensor([operator if index == place else one for index in range(count)])
        for place, transmon in enumerate(transmons)
        for operator in (
            np.sqrt(transmon.relaxation_rate) * qutip.destroy(levels),
            np.sqrt(2 * transmon.dephasing_rate) * qutip.num(levels),
        )
    ]
    still = qutip.tensor([qutip.qeye(levels)] * count) * 0
    return qutip.liouvillian(still if turn is None else turn, jumps)


def _kept_by_twirls(transmon: Transmon, sx: float) -> dict[str, float]:
    """What the gates that twirl leave of each Pauli: ``sx rz sx rz``, whose turns about Z are by 0 or pi, each as often."""
    half = (_relaxation([transmon], np.pi / 4 / sx * qutip.tensor(qutip.sigmax())) * sx).expm()
    flip, straight = (qutip.to_super(qutip.tensor(one)) for one in (qutip.sigmaz(), qutip.qeye(2)))
    kept = dict.fromkeys("IXYZ", 0.0)
    for first, middle in product((straight, flip), repeat=2):
        channel = half * middle * half * first
        for name in kept:
            kept[name] += abs(_kept(channel, name, name)) / 4
    return kept


def _gate_logs(gate: Turns, transmons: list[Transmon], name: str, image: dict[str, str]) -> dict[str, float]:
    """Logarithms of a gate's fidelities: what its own errors take, and to first order what T1 and T2 take on the way."""
    generator = _relaxation(transmons, levels=LEVELS).full()
    final = aligned(gate.unitary, IDEAL[name])
    whole = nearest_unitary(final)
    stuck = 1 - (abs(final[:, QUBITS]) ** 2).sum(axis=0)
    logs = {}
    for pauli, out in image.items():
        into = np.kron(*(PAULIS[letter].full() for letter in pauli))
        wanted = np.kron(*(_seen(letter) for letter in out))
        sign = np.sign(np.trace(wanted @ final[:, QUBITS] @ into @ final[:, QUBITS].conj().T).real)
        own = (
            np.trace(wanted @ final[:, QUBITS] @ into @ final[:, QUBITS].conj().T).real
            + stuck @ np.diag(into).real * wanted[0, 0].real
        )
        # aligned gates differ by turns about Z at their ends; at the start that does not change what relaxes
        prepared = gate.halfway[:, :, QUBITS] @ into @ gate.halfway[:, :, QUBITS].conj().transpose(0, 2, 1)
        asked = whole.conj().T @ wanted @ whole
        looked = gate.halfway @ asked @ gate.halfway.conj().transpose(0, 2, 1)
        rows, columns = (
            matrix.transpose(0, 2, 1).reshape(len(matrix), -1) for matrix in (looked, prepared)
        )  # QuTiP stacks columns
        taken = np.real(np.einsum("ka,ab,kb->k", rows.conj(), generator, columns)) / 4
        logs[pauli] = float(np.log(abs(own) / 4) + sign * taken @ gate.seconds)
    return logs


def _seen(letter: str) -> NDArray[np.complex128]:
    """A Pauli on three levels: nothing but the identity sees a qubit that leaked."""
    seen = np.pad(PAULIS[letter].full(), (0, LEVELS - 2))
    return seen + np.diag(np.arange(LEVELS) >= 2) if letter == "I" else seen


def _kept(channel: qutip.Qobj, into: str, out: str) -> float:
    """Element of the Pauli transfer matrix."""
    prepared, seen = (qutip.tensor([PAULIS[letter] for letter in name]) for name in (into, out))
    left = qutip.vector_to_operator(channel * qutip.operator_to_vector(prepared))
    return float(np.real((seen * left).tr()) / 2 ** len(into))


def _rates(logs: dict[str, float]) -> dict[str, float]:
    """Solve ``log f(P) = -2 sum of rates of Paulis that anticommute with P``."""
    names = list(logs)
    clash = [[sum("I" not in (a, b) and a != b for a, b in zip(p, k, strict=True)) % 2 for k in names] for p in names]
    return dict(zip(names, np.linalg.solve(-2.0 * np.array(clash), [logs[name] for name in names]), strict=True))


def learned(case: Case, options: LearnOptions, device: Stand) -> dict[Term, tuple[float, float]]:
    """Rates and standard deviations as the program finds them."""
    noise = learn_layers([case.layer()], options, device.context)[0]
    terms = noise.generators.to_sparse_list()
    numbers = zip(terms, noise.rates.tolist(), noise.rates_std.tolist(), strict=True)
    # Qiskit's sparse terms name each letter's qubit, in any order
    return {_sorted(letters, qubits): (rate, spread) for (letters, qubits), rate, spread in numbers}


def _sorted(letters: Sequence[str], qubits: Sequence[int]) -> Term:
    both = sorted(zip(qubits, letters, strict=True))
    return "".join(letter for _, letter in both), tuple(int(qubit) for qubit, _ in both)


def pulls(found: dict[Term, tuple[float, float]], wanted: dict[Term, float]) -> NDArray[np.float64]:
    """How many standard deviations each learned rate is off."""
    return np.array([(rate - wanted.get(term, 0.0)) / spread for term, (rate, spread) in found.items()])


def chi_squared(found: dict[Term, tuple[float, float]], wanted: dict[Term, float]) -> tuple[float, float, int]:
    """Mean square and largest pull of the rates that are well above their deviations, and how many they are.

    The others cannot fall below zero, so that theirs are smaller than those of a normal distribution.
    """
    there = {term: number for term, number in found.items() if wanted.get(term, 0.0) > 3 * number[1]}
    off = pulls(there, wanted)
    return float(np.mean(off**2)), float(np.abs(off).max()), len(off)


def cancelled(
    circuit: QuantumCircuit, pauli: str, noise: dict[str, float], precision: float, randomizations: int, seed: int = 3
) -> dict[str, tuple[float, float]]:
    """Ideal value, and what the client's estimator says without and with cancellation of the noise that its learner learned."""
    observable, settings = SparsePauliOp(pauli), {"seed": seed, "noise": noise}
    found = {"ideal": (float(Statevector(circuit).expectation_value(observable).real), 0.0)}
    with stand() as device:
        view = device.context.device
        seen = backend(view.snapshot, view.capabilities)
        estimator = Estimator(seen)
        estimator.options.resilience_level = 1
        estimator.options.twirling.enable_gates = True
        estimator.options.twirling.num_randomizations = randomizations
        estimator.options.experimental = settings
        for name in ("raw", "pec"):
            if name == "pec":
                estimator.options.resilience.pec_mitigation = True
                estimator.options.resilience.pec.max_overhead = None
                layers = estimator.find_unique_layers([(circuit, observable)])
                request = NoiseLearnerV3(seen, options={"layer_pair_depths": [0, 1, 2, 4, 8, 16]}).run(layers)
                # the client does not send experimental options of this program
                params = json.loads(request.params_json)
                params["options"]["experimental"] = settings
                learned = decode(request.program_id, run(request.program_id, json.dumps(params), device.context))
                model = list(zip(layers, learned.to_pauli_lindblad_maps(), strict=True))
                estimator.options.resilience.layer_noise_model = model
            sent = estimator.run([(circuit, observable)], precision=precision)
            data = decode(sent.program_id, run(sent.program_id, sent.params_json, device.context))[0].data
            found[name] = float(data.evs), float(data.stds)
    return found


def main() -> None:
    """Print what the README quotes."""
    options = LearnOptions(64, 256, (0, 1, 2, 4, 8, 16, 32), execute=ExecuteOptions(settings=only(t1=1, t2=1)))
    seeds = range(100, 120)
    for name, case in CASES.items():
        wanted, found = expected(case), []
        for seed in seeds:
            with stand(case.module.device(), case.module.snapshot(), seed=seed) as device:
                found.append(learned(case, options, device))
        terms = [term for term in found[0] if wanted.get(term, 0.0) > 3 * found[0][term][1]]
        rates, spreads = (np.array([[one[term][place] for term in terms] for one in found]) for place in (0, 1))
        off = (rates - [wanted[term] for term in terms]) / spreads
        relative = rates.mean(axis=0) / [wanted[term] for term in terms] - 1
        absent = np.array([[rate for term, (rate, _) in one.items() if term not in terms] for one in found])
        by_seed = (off**2).mean(axis=1)
        print(f"{name}: {len(terms)} of {len(found[0])} terms are there, seeds {seeds[0]} to {seeds[-1]}")
        print(f"  pulls: mean {off.mean():+.2f}, standard deviation {off.std():.2f}, largest {np.abs(off).max():.1f}")
        print(f"  chi-squared per term: {by_seed.mean():.2f}, by seed {by_seed.min():.2f} to {by_seed.max():.2f}")
        print(f"  spread of seeds / stated deviation: {rates.std(axis=0, ddof=1).mean() / spreads.mean():.2f}")
        print(
            f"  mean / expected - 1: root mean square {np.sqrt((relative**2).mean()):.3f}, largest {np.abs(relative).max():.3f}"
        )
        print(
            f"  rates {rates.mean():.1e} ± {spreads.mean():.1e}; of absent terms {absent.mean():.1e}, largest {absent.max():.1e}"
        )
    for seed, pauli in mitigation.CASES:
        values = cancelled(mitigation.brickwork(6, seed), pauli, only(t1=6, t2=6, readout=1), 0.005, 8192)
        print(pauli, ", ".join(f"{name} {value:.4f} ± {spread:.4f}" for name, (value, spread) in values.items()))


if __name__ == "__main__":
    main()
