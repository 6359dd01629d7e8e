"""What the pulses of a two-qubit gate turn a Pauli through on the way, by QuTiP from the files of device and snapshot.

Relaxation acts on a Pauli as it is at each moment: while a coupler mixes two qubits, or a tone turns one of them back and forth,
it is not what it was at the start. Qubits are ordered as the gate names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import qutip
from numpy.typing import NDArray
from scipy.optimize import minimize

from qpu_bridge.target import Snapshot
from qpu_bridge.target.shape import waveform
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.line import IDEAL
from qpu_emulator.windows.pair import Pair
from qpu_emulator.windows.static_pair import StaticPair

Complex = NDArray[np.complex128]

NS = 1e-9
LEVELS = 3
_STATES = list(np.ndindex(LEVELS, LEVELS))
QUBITS = [index for index, numbers in enumerate(_STATES) if max(numbers) < 2]
"""The states of two qubits among those of two transmons."""


@dataclass(frozen=True)
class Turns:
    """A gate between the resting states of two transmons of three levels, up to turns about Z before and after.

    Attributes:
        unitary: At its end, ``complex[9, 9]``; what stays in the coupler is missing.
        halfway: In the middle of each step, made unitary: ``complex[steps, 9, 9]``.
        seconds: Length of the steps.
    """

    unitary: Complex
    halfway: Complex
    seconds: NDArray[np.float64]


def turns(truth: Device, snapshot: Snapshot, name: str, qubits: tuple[int, int]) -> Turns:
    """Play a ``cz`` or an ``ecr`` without relaxation."""
    return _cz(truth, snapshot, qubits) if name == "cz" else _ecr(truth, snapshot, qubits)


def _cz(truth: Device, snapshot: Snapshot, qubits: tuple[int, int]) -> Turns:
    gate = next(gate for gate in snapshot.gates if gate.name == "cz" and gate.qubits == qubits)
    coupler = next(coupler for coupler in truth.couplers if coupler.qubits == qubits)
    pair = Pair(truth, coupler)
    lower = [qutip.tensor(*(qutip.destroy(3) if place == k else qutip.qeye(3) for k in range(3))) for place in range(3)]
    a, c, b = lower
    first, second = (truth.transmons[qubit] for qubit in qubits)

    def energy(frequency: float) -> qutip.Qobj:
        frame = first.frequency
        h = (pair._bare[0] - frame) * a.dag() * a + (frequency - frame) * c.dag() * c + (pair._bare[1] - frame) * b.dag() * b
        for x, alpha in ((a, first.anharmonicity), (c, coupler.anharmonicity), (b, second.anharmonicity)):
            h += alpha / 2 * x.dag() * x.dag() * x * x
        for x, y, g in ((a, c, coupler.g[0]), (b, c, coupler.g[1]), (a, b, coupler.g_direct)):
            h += g * (x.dag() * y + x * y.dag())
        return 2 * np.pi * h

    (pulse,) = gate.pulses
    envelope = waveform(snapshot.waveforms[pulse.waveform]).expand().real
    rest = _resting(energy(float(pair.frequency(0.0))), [qutip.tensor(*_kets(3, n[0], 0, n[1])) for n in _STATES])
    return _played([energy(float(f)) for f in pair.frequency(pulse.amplitude * envelope)], rest)


def _ecr(truth: Device, snapshot: Snapshot, qubits: tuple[int, int]) -> Turns:
    gate = next(gate for gate in snapshot.gates if gate.name == "ecr" and gate.qubits == qubits)
    control, target = qubits
    coupler = next(coupler for coupler in truth.couplers if set(coupler.qubits) == set(qubits))
    pair = StaticPair(truth, coupler)
    bare = {qubit: pair._bare[place] for place, qubit in enumerate(coupler.qubits)}
    frame = truth.transmons[target].frequency
    lower = qutip.destroy(4)
    x = {control: qutip.tensor(lower, qutip.qeye(4)), target: qutip.tensor(qutip.qeye(4), lower)}
    still = coupler.j * (x[control].dag() * x[target] + x[control] * x[target].dag())
    for qubit, one in x.items():
        alpha = truth.transmons[qubit].anharmonicity
        still += (bare[qubit] - frame) * one.dag() * one + alpha / 2 * one.dag() * one.dag() * one * one
    rest = _resting(2 * np.pi * still, [qutip.tensor(*_kets(4, *n)) for n in _STATES])

    def half(start: int) -> Turns:
        steps = 0.0
        for pulse in (pulse for pulse in gate.pulses if pulse.start == start):
            qubit = control if pulse.frame.startswith("u") else target
            (port, rabi), *_ = truth.transmons[qubit].rabi.items()
            arrived, repeats = truth.lines.get(port, IDEAL).respond(waveform(snapshot.waveforms[pulse.waveform]), NS)
            tone = pulse.amplitude * np.exp(1j * pulse.phase) * np.repeat(arrived, repeats)
            steps = steps + np.array([np.pi * rabi * (z * x[qubit].dag() + np.conj(z) * x[qubit]) for z in tone], dtype=object)
        return _played([2 * np.pi * still + step for step in steps], rest)

    echo = next(pulse for pulse in gate.pulses if pulse.frame == f"q{control}")
    before, after = half(0), half(max(pulse.start for pulse in gate.pulses))
    length = waveform(snapshot.waveforms[echo.waveform]).duration
    spin = qutip.Qobj(np.pad(qutip.sigmax().full(), (0, LEVELS - 2)))
    turn = [(-0.5j * angle * spin).expm().full() for angle in np.pi * (np.arange(length + 1) + 0.5) / length]
    flip = np.kron((-0.5j * np.pi * spin).expm().full(), np.eye(LEVELS))
    begun = nearest_unitary(before.unitary)
    return Turns(
        after.unitary @ flip @ before.unitary,
        np.concatenate([before.halfway, np.kron(turn[:length], np.eye(LEVELS)) @ begun, after.halfway @ flip @ begun]),
        np.concatenate([before.seconds, np.full(length, NS), after.seconds]),
    )


def _kets(levels: int, *numbers: int) -> list[qutip.Qobj]:
    return [qutip.basis(levels, number) for number in numbers]


def _resting(energy: qutip.Qobj, bare: Sequence[qutip.Qobj]) -> Complex:
    """The states at rest that are nearest to the bare ones, as columns, each with a real overlap."""
    _, states = energy.eigenstates()
    near = [max(states, key=lambda state, one=one: abs(one.overlap(state))) for one in bare]
    return np.stack(
        [(state * np.exp(-1j * np.angle(one.overlap(state)))).full()[:, 0] for state, one in zip(near, bare, strict=True)], axis=1
    )


def _played(energies: Sequence[qutip.Qobj], rest: Complex) -> Turns:
    """Hold each energy (rad/s) for a nanosecond."""
    state, halfway = rest.astype(complex), []
    for energy in energies:
        step = (-0.5j * NS * energy).expm().full()
        state = step @ state
        halfway.append(nearest_unitary(rest.conj().T @ state))
        state = step @ state
    return Turns(rest.conj().T @ state, np.array(halfway), np.full(len(energies), NS))


def nearest_unitary(matrix: Complex) -> Complex:
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)


def aligned(unitary: Complex, ideal: Complex) -> Complex:
    """The gate with those turns about Z, before and after it, that bring it nearest to the ideal one: virtual gates do that."""

    def turned(angles: NDArray[np.float64]) -> Complex:
        before, after = (np.exp(1j * np.array(_STATES) @ part) for part in (angles[:2], angles[2:]))
        return np.asarray(after[:, np.newaxis] * unitary * before)

    def far(angles: NDArray[np.float64]) -> float:
        return 1 - abs(np.trace(ideal.conj().T @ turned(angles)[np.ix_(QUBITS, QUBITS)])) / 4

    starts = 2 * np.pi / 3 * np.array(list(np.ndindex(3, 3, 3, 3)))
    return turned(minimize(far, min(starts, key=far), method="BFGS", options={"gtol": 1e-10}).x)
