"""Drives on one qubit, against closed forms and QuTiP."""

import numpy as np
import pytest
import qutip
from scipy.linalg import expm
from scipy.optimize import curve_fit

from qpu_bridge.schedule import SlotKind, Table, Waveform, shapes


def _reference(samples, anharmonicity, detuning=0.0, rabi=52e6, dt=1e-9):
    """QuTiP's operators, SciPy's exponentials of all ticks at once."""
    lower, number = qutip.destroy(3).full(), qutip.num(3).full()
    rest = 2 * np.pi * (detuning * number + anharmonicity * number @ (number - np.eye(3)) / 2)
    z = np.asarray(samples)[:, None, None]
    unitary = np.eye(3)
    for step in expm(-1j * dt * (rest + np.pi * rabi * (z * lower.conj().T + np.conj(z) * lower))):
        unitary = step @ unitary
    return unitary


def test_rabi_gaussian(bench, exact, truth):
    slot = bench.builder.slot(SlotKind.AMPLITUDE)
    shape = shapes.gaussian(40, 10)
    bench.builder.play(bench.frames["q0"], shape, slot)
    bench.measure(0)
    amplitudes = np.linspace(-1, 1, 21)
    found = exact(bench.build(), Table(amplitudes[:, None]))
    for amplitude, populations in zip(amplitudes, found, strict=True):
        wanted = np.abs(_reference(amplitude * shape.expand(), truth.transmons[0].anharmonicity)[:, 0]) ** 2
        assert populations == pytest.approx(wanted, abs=1e-4)


def test_rabi_square_rate(bench, exact, truth):
    """400 ns square pulses: P1 turns at rabi x amplitude (weak enough that the third level only shifts it)."""
    slot = bench.builder.sweep(SlotKind.AMPLITUDE, 0.0, 0.004, 12)
    bench.builder.play(bench.frames["q0"], shapes.constant(400), slot)
    bench.measure(0)
    found = exact(bench.build())[:, 1]
    amplitudes = 0.004 * np.arange(12)
    assert found == pytest.approx(np.sin(np.pi * 52e6 * amplitudes * 400e-9) ** 2, abs=3e-3)

    def rate(amplitude, slope, bend):
        return np.sin(np.pi * slope * (1 + bend * amplitude) * amplitude * 0.4) ** 2

    (slope, bend), _ = curve_fit(rate, amplitudes, found, (50.0, 0.01))
    assert slope == pytest.approx(52, rel=5e-3)
    assert abs(bend * amplitudes[-1]) < 0.01


@pytest.mark.parametrize("length", [24, 36, 60])
def test_drag_scan(fresh, exact, truth, length):
    """P2 after a pi pulse, and P1 after two pairs of pi and -pi, over the weight of the derivative; against QuTiP."""
    alpha = truth.transmons[0].anharmonicity
    best = -1 / (2 * 2 * np.pi * alpha * 1e-9)
    weights = best * np.linspace(0.0, 2.0, 41)
    area = shapes.drag(length, length / 4, 0.0).expand().real.sum() * 1e-9
    size = 0.5 / 52e6 / area
    second, error, wanted = [], [], []
    for weight in weights:
        shape = shapes.drag(length, length / 4, float(weight))
        for sizes, into in (((size,), second), ((size, -size) * 2, error)):
            bench = fresh()
            for amplitude in sizes:
                bench.play("q0", shape, amplitude)
            bench.measure(0)
            into.append(exact(bench.build())[0])
        once = _reference(size * shape.expand(), alpha)
        back = _reference(-size * shape.expand(), alpha)
        wanted.append((abs(once[2, 0]) ** 2, abs((back @ once @ back @ once)[1, 0]) ** 2))
    leaked = np.array(second)[:, 2]
    assert np.abs(leaked - np.array(wanted)[:, 0]) == pytest.approx(0, abs=2e-6)
    wrong = np.array(error)[:, 1]
    assert wrong == pytest.approx(np.array(wanted)[:, 1], abs=1e-6)
    # the error grows with the square of the distance from its optimum, which is near half of where leakage would have it
    near = slice(12, 29)
    fit = np.polyfit(weights[near] / best, wrong[near], 2)
    assert -fit[1] / (2 * fit[0]) == pytest.approx(1.05, rel=0.08)


def test_ac_stark(fresh, exact, truth):
    """Ramsey with a detuned tone of two lengths: the shift in Hz, against exact levels, and weakly the closed form."""
    alpha, rest = truth.transmons[0].anharmonicity, truth.transmons[0].frequency
    offsets, strengths = np.array([-60e6, -35e6, 45e6, 80e6]), np.array([3e6, 6e6, 10e6])
    rows = np.array([(d, s) for d in offsets for s in strengths])
    phase = []
    for length in (400, 700):
        quadratures = []
        for axis in (0.0, np.pi / 2):
            bench = fresh()
            amplitude, frequency = bench.builder.slot(SlotKind.AMPLITUDE), bench.builder.slot(SlotKind.FREQUENCY)
            tone = bench.builder.frame("tone", bench.ports["d0"], 0.0)
            bench.builder.set_frequency(tone, frequency)
            bench.gate("sx", 0)
            bench.builder.play(tone, shapes.gaussian_square(length, 20, length - 120), amplitude)
            bench.builder.barrier()
            bench.rz(0, axis)
            bench.gate("sx", 0)
            bench.measure(0)
            table = Table(np.stack([rows[:, 1] / 52e6, rest + rows[:, 0]], axis=1))
            quadratures.append(2 * exact(bench.build(), table)[:, 1] - 1)
        phase.append(np.arctan2(-quadratures[1], quadratures[0]))
    turned = np.mod(phase[1] - phase[0] + np.pi, 2 * np.pi) - np.pi
    # a higher frequency turns by RZ of a negative angle
    found = -turned / (2 * np.pi * 300e-9)
    for (offset, strength), shift in zip(rows, found, strict=True):
        lower = np.diag(np.sqrt([1.0, 2.0]), 1)
        levels = np.diag([0, -offset, -2 * offset + alpha]) + strength / 2 * (lower + lower.T)
        values, vectors = np.linalg.eigh(levels)
        order = np.abs(vectors).argmax(axis=1)
        exact_shift = values[order[1]] - values[order[0]] + offset
        aliased = (shift - exact_shift + 0.5 / 300e-9) % (1 / 300e-9) - 0.5 / 300e-9
        assert aliased == pytest.approx(0, abs=0.03 * abs(exact_shift))
        if strength <= 3e6:
            assert exact_shift == pytest.approx(-alpha * strength**2 / (2 * offset * (alpha - offset)), rel=0.03)


def test_one_wrong_sample_shows(fresh, exact):
    good = shapes.drag(36, 9, 0.25).expand() * 0.5
    bad = good.copy()
    bad[17] *= 2
    outcome = []
    for samples in (good, bad):
        bench = fresh()
        bench.play("q0", Waveform.of(samples))
        bench.measure(0)
        outcome.append(exact(bench.build())[0, 1])
    assert outcome[0] - outcome[1] > 2e-3


def test_overlapping_tones_add(fresh, exact, truth):
    """Two tones at once, one of them detuned, against their sum in the qubit's frame."""
    offset, start, count = 37e6, 20, 120
    bench = fresh()
    bench.builder.wait(start)
    other = bench.builder.frame("other", bench.ports["d0"], truth.transmons[0].frequency + offset)
    bench.play("q0", shapes.constant(count), 0.05, 0.4)
    bench.builder.play(other, shapes.constant(count), 0.11, -0.9, at=start)
    bench.measure(0)
    steps = 20
    time = start * 1e-9 + (np.arange(count * steps) + 0.5) * 1e-9 / steps
    samples = 0.05 * np.exp(0.4j) + 0.11 * np.exp(1j * (-0.9 - 2 * np.pi * offset * time))
    wanted = np.abs(_reference(samples, truth.transmons[0].anharmonicity, dt=1e-9 / steps)[:, 0]) ** 2
    assert exact(bench.build())[0] == pytest.approx(wanted, abs=2e-3)


def test_time_shift_and_global_phase_change_nothing(fresh, exact):
    def play(wait, phase):
        bench = fresh()
        bench.wait(wait)
        for qubit in (0, 1):
            bench.rz(qubit, phase)
            bench.gate("sx", qubit)
        bench.gate("cz", 0, 1)
        bench.rz(0, 0.3)
        bench.gate("sx", 0)
        bench.measure(0, 1)
        return exact(bench.build())[0]

    first = play(4, 0.0)
    # what a coupler pulse swaps between the qubits does depend on their relative phase: 1e-4
    assert play(1234, 0.0) == pytest.approx(first, abs=2e-3)
    assert play(4, 1.1) == pytest.approx(first, abs=2e-3)
    assert first.sum() == pytest.approx(1, abs=1e-9)
