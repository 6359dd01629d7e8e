"""The cases that block a release: a wrong sign passes every resonant test and fails here."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import curve_fit

from qpu_bridge.schedule import shapes

RABI = 52e6
QUARTER = shapes.constant(100)
SIZE = 0.25 / (RABI * 100e-9)
"""Amplitude of a square pulse of 100 ns that turns by a quarter."""


def test_axis_sign(fresh, exact, snapshot):
    """Phase +pi/2 turns about +Y (Z to X), RZ(+pi/2) turns X to Y, phase 0 turns about +X (Y to Z): back in |0>."""
    (quarter,) = next(gate for gate in snapshot.gates if gate.name == "sx" and gate.qubits == (0,)).pulses
    outcome = {}
    for sign in (+1, -1):
        bench = fresh()
        for phase, turn in ((np.pi / 2, sign * np.pi / 2), (0.0, 0.0)):
            bench.play(quarter.frame, bench.waveform(quarter.waveform), quarter.amplitude, quarter.phase + phase)
            bench.rz(0, turn)
        bench.measure(0)
        outcome[sign] = exact(bench.build())[0]
    assert outcome[+1][0] == pytest.approx(1, abs=1e-4)
    assert outcome[-1][1] == pytest.approx(1, abs=1e-4)


def test_axis_sign_against_qutip(fresh, exact, truth):
    qutip = pytest.importorskip("qutip")
    bench = fresh()
    play = [(0.021, 0.3), (0.034, 1.9), (0.055, -0.8)]
    for amplitude, phase in play:
        bench.play("q0", shapes.drag(36, 9, 0.9), amplitude * 5, phase)
    bench.measure(0)
    transmon = truth.transmons[0]
    state = qutip.basis(3, 0)
    lower, number = qutip.destroy(3), qutip.num(3)
    rest = 2 * np.pi * transmon.anharmonicity * (number * (number - 1)) / 2
    for amplitude, phase in play:
        for sample in shapes.drag(36, 9, 0.9).expand() * amplitude * 5 * np.exp(1j * phase):
            h = rest + np.pi * RABI * (sample * lower.dag() + np.conj(sample) * lower)
            state = (-1j * h * 1e-9).expm() * state
    assert exact(bench.build())[0] == pytest.approx(np.abs(state.full().ravel()) ** 2, abs=1e-9)


def test_virtual_z(fresh, exact):
    """Quarter, RZ(a), quarter: P1 = cos^2(a/2)."""
    for angle in np.linspace(-3, 3, 9):
        bench = fresh()
        bench.gate("sx", 0)
        bench.rz(0, angle)
        bench.gate("sx", 0)
        bench.measure(0)
        assert exact(bench.build())[0, 1] == pytest.approx(np.cos(angle / 2) ** 2, abs=1e-4)


@pytest.mark.parametrize("offset", [1.3e6, -1.3e6, 0.4e6])
def test_ramsey_detuned(fresh, exact, truth, offset):
    """A tone at f, a qubit at f + offset: in the tone's frame the Bloch vector turns by +2 pi offset t about Z."""
    transmon = truth.transmons[0]
    frequency = transmon.frequency - offset
    waits, fringe = np.arange(0, 81 * 37, 37), []
    for wait in waits:
        bench = fresh()
        bench.builder.set_frequency(bench.frames["q0"], frequency)
        bench.play("q0", QUARTER, SIZE, 0.0)
        bench.wait(int(wait))
        bench.play("q0", QUARTER, SIZE, np.pi / 2)
        bench.measure(0)
        found = exact(bench.build())[0]
        assert found[:2] == pytest.approx(_two_pulses(transmon, offset, wait, np.pi / 2)[:2], abs=1e-4)
        fringe.append(found[1])
    (_, _, found, _), _ = curve_fit(_fringe, waits * 1e-9, fringe, [0.5, 0.5, abs(offset), 0.0])
    assert abs(found) == pytest.approx(abs(offset), abs=50)


def _fringe(t, mean, size, frequency, phase):
    return mean + size * np.cos(2 * np.pi * frequency * t + phase)


def _two_pulses(transmon, offset, wait, phase):
    """Three levels in the frame of the tone, by matrix exponentials."""
    lower = np.diag(np.sqrt([1, 2]), 1)
    rest = 2 * np.pi * np.diag([0, offset, 2 * offset + transmon.anharmonicity])

    def pulse(z):
        return expm(-1j * (rest + np.pi * RABI * (z * lower.T + np.conj(z) * lower)) * 100e-9)

    state = pulse(SIZE * np.exp(1j * phase)) @ expm(-1j * rest * wait * 1e-9) @ pulse(SIZE) @ np.array([1, 0, 0])
    return np.abs(state) ** 2


@pytest.mark.parametrize("offset", [2.1e6, -2.1e6])
def test_detuning_sign(fresh, exact, truth, offset):
    """Resonant, detuned, resonant, each tone with its own carrier counted from the start of the shot."""
    qutip = pytest.importorskip("qutip")
    transmon = truth.transmons[0]
    bench = fresh()
    bench.wait(40)
    tones = [(0.0, 0.0), (offset, 0.7), (0.0, np.pi / 2)]
    events = []
    for shift, phase in tones:
        frame = bench.builder.frame(f"x{len(events)}", bench.ports["d0"], transmon.frequency + shift)
        events.append(bench.builder.now(bench.ports["d0"]))
        bench.builder.play(frame, QUARTER, SIZE, phase)
        bench.wait(60)
    bench.measure(0)
    # laboratory: H(t) = f_q n + alpha + rabi/2 (s e^{i phase} e^{-i 2 pi f t} a+ + h.c.), seen in the frame of the qubit
    lower, number = qutip.destroy(3).full(), qutip.num(3).full()
    rest = 2 * np.pi * transmon.anharmonicity * (number @ (number - np.eye(3))) / 2
    state = np.array([1, 0, 0], complex)
    time, steps = 0.0, 400
    for (shift, phase), start in zip(tones, events, strict=True):
        state = expm(-1j * rest * (start * 1e-9 - time)) @ state
        step = 100e-9 / steps
        now = start * 1e-9 + (np.arange(steps) + 0.5)[:, None, None] * step
        z = SIZE * np.exp(1j * (phase - 2 * np.pi * shift * now))
        for part in expm(-1j * step * (rest + np.pi * RABI * (z * lower.conj().T + np.conj(z) * lower))):
            state = part @ state
        time = start * 1e-9 + 100e-9
    assert exact(bench.build())[0] == pytest.approx(np.abs(state) ** 2, abs=1e-3)


def test_the_public_way_has_the_same_signs(fresh, run):
    bench = fresh()
    bench.play("q0", QUARTER, SIZE, np.pi / 2)
    bench.rz(0, np.pi / 2)
    bench.play("q0", QUARTER, SIZE, 0.0)
    bench.measure(0)
    (chunk,) = run(bench.build(), shots=2000, settings={"t1": 0, "t2": 0, "low_frequency": 0, "readout": 0, "thermal": 0})
    assert chunk.bits.mean() < 0.01
