"""Errors per Clifford from a device file: decays that no shot blurs, by superoperators solved apart from the engine of shots.

Superoperators are real, between Pauli matrices; what leaves the qubits is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from itertools import product
from typing import Any

import numpy as np
from scipy.linalg import expm

from qpu_calibration.clifford import SequenceStep, one_qubit_group, two_qubit_sequence
from qpu_calibration.edit import drag_pulse
from qpu_calibration.fit import Fit
from qpu_calibration.page import Target
from qpu_calibration.routines.rb import PULSES
from qpu_calibration.routines.rb2 import entangler
from qpu_emulator.bring_up.rotation import relaxed
from tests.calibration.channel import across, gate, within
from tests.proofs.known import Truth

TAU, TICK = 2 * np.pi, 1e-9
Numbers = Mapping[str, float]
Map = np.ndarray[Any, np.dtype[np.float64]]
Matrix = np.ndarray[Any, np.dtype[np.complex128]]

SEQUENCES, SHORT, LONG = 80, 1, 60
"""Random sequences of either length."""
GATES = 1.5
"""Entangling gates per Clifford: of 11520, 576 have none, 5184 one, 5184 two and 576 three."""
ONE = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], complex)
TWO = np.array([np.kron(a, b) for a in ONE for b in ONE]) / 2
FIRST = [4, 8, 12]
"""Pauli matrices of the first qubit beside nothing of the second."""
GROUND = np.array([1.0, 0, 0, 1] + 8 * [0] + [1, 0, 0, 1]) / 2
QUBITS = [0, 1, 3, 4]
"""Of three levels each, those that are qubits."""
PLACES = [0, 1, 4, 5]
"""Of four levels each, likewise."""
END: SequenceStep = (-1, (0.0,))
WHO = ((True, True), (True, False), (False, True))
"""Which of both qubits play."""


def alone(truth: Truth, _: Fit) -> Numbers:
    """Relaxation during the pulses of a Clifford; those of the solved snapshot are right to 1e-8."""
    return {"error_per_clifford": (1 - _kept(truth, 0) ** PULSES) / 2}


def apart(truth: Truth, _: Fit) -> Numbers:
    """Relaxation during either pulse, which last equally long."""
    each = (1 - _kept(truth, 0)) / 2
    return {"sx_error": each, "x_error": each}


def beside(truth: Truth, fit: Fit) -> Numbers:
    """Alone a neighbour in its ground state shifts nothing; together its ZZ acts while both are turned.

    The mean of all sequences decays as the eigenvalue nearest to 1 of the mean of ``ideal x played`` over the group (Wallman,
    Quantum 2, 47).
    """
    (qubit,) = fit.target
    lonely = _kept(truth, qubit) ** PULSES
    playing = Playing(truth, (qubit, sum(truth.pair) - qubit))
    mean = np.zeros((48, 48))
    for turns in product(one_qubit_group().even, repeat=2):
        ideal, played = (reduce(lambda done, step: step @ done, playing.local(turns, s)) for s in (playing.ideal, playing.slots))
        mean += np.kron(ideal[np.ix_(FIRST, FIRST)], played) / 24**2
    together = float(np.linalg.eigvals(mean).real.max())
    scale = 0.5 / PULSES
    return {"alone": scale * (1 - lonely), "added": scale * (1 - together / lonely), "together": scale * (1 - together)}


def entangled(truth: Truth, fit: Fit) -> Numbers:
    """Of two qubits and of their gate."""
    plain, between = (Playing(truth, fit.target).decay(interleaved) for interleaved in (False, True))
    return {"error_per_clifford": 0.75 * (1 - plain), "error": 0.75 * (1 - between / plain)}


def untouched(truth: Truth, fit: Fit) -> Numbers:
    """Couplers that nothing joins add nothing to each other's errors."""
    each = 0.75 * (1 - Playing(truth, fit.target).decay(False))
    return {"alone": each, "added": 0.0, "together": each}


@dataclass(frozen=True)
class Playing:
    """Two qubits under the pulses of the solved snapshot.

    Attributes:
        truth: The device.
        pair: Both qubits, first and second.
    """

    truth: Truth
    pair: Target

    @cached_property
    def ideal(self) -> dict[tuple[bool, bool], Map]:
        """An ``sx`` of the first, of the second, of both: ``float[16, 16]``."""
        turn = (ONE[0] - 1j * ONE[1]) / np.sqrt(2)
        return {(a, b): moved(np.kron(turn if a else ONE[0], turn if b else ONE[0])) for a, b in WHO}

    @cached_property
    def slots(self) -> dict[tuple[bool, bool], Map]:
        """The same, with relaxation and ZZ that go on."""
        ticks = drag_pulse(self.truth.right, self.pair[0], "sx")[1].duration
        half = self._rest(ticks * TICK / 2)
        return {who: half @ turn @ half for who, turn in self.ideal.items()}

    def local(self, turns: Sequence[Sequence[float]], slots: Mapping[tuple[bool, bool], Map]) -> Iterator[Map]:
        """What pulses on both qubits do that begin together: virtual Z of either before, between and after its ``sx``."""
        yield quarters(turns[0][0], turns[1][0])
        for slot in range(1, max(map(len, turns))):
            plays = slot < len(turns[0]), slot < len(turns[1])
            yield slots[plays]
            yield quarters(*(one[slot] if on else 0.0 for one, on in zip(turns, plays, strict=True)))

    def decay(self, interleaved: bool) -> float:
        """Of what survives, per Clifford."""
        spec = entangler(self.truth.right, self.pair)
        forwards = spec.qubits == self.pair
        left, gates = [], []
        for length in (SHORT, LONG):
            sequences = drawn(spec.name, forwards, length, interleaved)
            left.append(float(np.mean([self._played(spelled) for spelled in sequences])) - 0.25)
            gates.append(float(np.mean([sum(place < 0 for place, _ in spelled) for spelled in sequences])))
        # these sequences by chance have more or fewer gates than Cliffords have on average
        return float((left[1] / left[0]) ** ((GATES + interleaved) / (gates[1] - gates[0])))

    def _played(self, spelled: Sequence[SequenceStep]) -> float:
        """What is left of 00 after a sequence; what is local is played when the gate comes for which both qubits wait."""
        state, due = GROUND, ([0.0], [0.0])
        for place, turns in (*spelled, END):
            if place >= 0:
                due[place][-1] += turns[0]
                due[place].extend(turns[1:])
                continue
            for step in self.local(due, self.slots):
                state = step @ state
            state, due = state if (place, turns) == END else self._gate @ state, ([0.0], [0.0])
        return float(GROUND @ state)

    def _rest(self, seconds: float) -> Map:
        """Relaxation and ZZ."""
        phase = TAU * self.truth.zz(self.pair) * seconds
        return np.asarray(self._relaxed(seconds) @ moved(np.diag(np.exp(-1j * np.array([0, 0, 0, phase])))))

    def _relaxed(self, seconds: float) -> Map:
        parts = []
        for qubit in self.pair:
            transmon = self.truth.device.transmons[qubit]
            kept, faded = (np.exp(-seconds / (time or np.inf)) for time in (transmon.t1, transmon.t2))
            part = np.diag([1.0, faded, faded, kept])
            part[3, 0] = (1 - kept) * (1 - 2 * transmon.thermal)
            parts.append(part)
        return np.kron(*parts)

    @cached_property
    def _gate(self) -> Map:
        """The entangling gate and the relaxation during it; on its way 11 is in part 02, and a driven control in part 2."""
        spec = entangler(self.truth.right, self.pair)
        order = [0, 1, 2, 3] if spec.qubits == self.pair else [0, 2, 1, 3]
        done = gate(self.truth.device, self.truth.right, spec.qubits)[np.ix_(order, order)]
        if spec.name == "ecr":
            (*way, whole), seconds = across(self.truth.device, self.truth.right, self.pair)
            # the second half is the first about other axes, over which Cliffords average: its loss is seen from its end
            lost, half = self._lost(way, seconds), moved(whole[PLACES])
            still = self._relaxed(spec.duration * TICK / 2 - seconds)
            return np.asarray(half @ expm(lost) @ half.T @ still @ moved(done) @ still @ expm(lost))
        *way, whole = within(self.truth.device, self.truth.right, self.pair)
        phases = moved(np.diag(np.diag(done) / np.diag(whole)[QUBITS]))
        # what is in the coupler is taken for what it is nearest to
        nearest = (left @ right for left, _, right in map(np.linalg.svd, way))
        lost = self._lost([moment[:, QUBITS] for moment in nearest], spec.duration * TICK)
        return np.asarray(phases @ moved(whole[np.ix_(QUBITS, QUBITS)]) @ expm(lost))

    def _lost(self, way: Sequence[Matrix], seconds: float) -> Map:
        """By relaxation and white noise on the way of a pulse among more levels, seen from its start, to first order."""
        found = np.zeros((16, 16))
        levels = round(np.sqrt(len(way[0])))
        one, low = np.eye(levels), np.diag(np.sqrt(np.arange(1.0, levels)), 1)
        for states in way:
            for place, qubit in enumerate(self.pair):
                transmon = self.truth.device.transmons[qubit]
                up, white = transmon.relaxation_rate * transmon.thermal, transmon.dephasing_rate
                for jump in (np.sqrt(transmon.relaxation_rate - up) * low, np.sqrt(up) * low.T, np.sqrt(2 * white) * low.T @ low):
                    after = (np.kron(jump, one) if place == 0 else np.kron(one, jump)) @ states
                    found += moved(states.conj().T @ after)
                    found -= np.einsum("iab,jbc,ca->ij", TWO, TWO, after.conj().T @ after, optimize=True).real
        return found * seconds / len(way)


def moved(matrix: Matrix) -> Map:
    """The superoperator of a matrix on two qubits."""
    return np.asarray(np.einsum("iab,bc,jcd,ad->ij", TWO, matrix, TWO, matrix.conj(), optimize=True).real)


@lru_cache(maxsize=64)
def quarters(first: float, second: float) -> Map:
    """Virtual Z on both, rad."""
    return moved(np.diag(np.exp(1j * np.array([0, second, first, first + second]))))


@lru_cache(maxsize=8)
def drawn(name: str, forwards: bool, length: int, interleaved: bool) -> tuple[tuple[SequenceStep, ...], ...]:
    """Random sequences of two qubits in pulses."""
    return tuple(two_qubit_sequence(name, forwards, length, interleaved, (7, sample)) for sample in range(SEQUENCES))


def _kept(truth: Truth, qubit: int) -> float:
    """Of the depolarizing parameter, in a pulse."""
    return 1 - 2 * relaxed(truth.device, qubit, drag_pulse(truth.right, qubit, "sx")[1].duration)
