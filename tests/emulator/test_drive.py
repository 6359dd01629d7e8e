"""Drives on one qubit, against closed forms and QuTiP."""

import numpy as np
import pytest

from qpu_bridge.schedule import SlotKind, Table, Waveform, shapes
from qpu_emulator.propagator import drive


def _reference(samples, anharmonicity, detuning=0.0, rabi=52e6, dt=1e-9):
    qutip = pytest.importorskip("qutip")
    lower, number = qutip.destroy(3), qutip.num(3)
    rest = 2 * np.pi * (detuning * number + anharmonicity * number * (number - 1) / 2)
    unitary = qutip.qeye(3)
    for z in samples:
        unitary = (-1j * dt * (rest + np.pi * rabi * (z * lower.dag() + np.conj(z) * lower))).expm() * unitary
    return unitary.full()


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
    assert found == pytest.approx(np.sin(np.pi * 52e6 * 0.004 * np.arange(12) * 400e-9) ** 2, abs=3e-3)


def test_drag_scan_has_its_optimum_where_theory_says(truth):
    """The phase error of a pulse of 36 ns vanishes near beta = -1/(2 alpha), half of where leakage does."""
    alpha = 2 * np.pi * truth.transmons[0].anharmonicity * 1e-9
    scan = np.linspace(0.2, 0.32, 61)
    errors = []
    for beta in scan:
        shape = shapes.drag(36, 9, beta)
        area = shape.expand().real.sum() * 1e-9
        samples = np.pi * 52e6 * (0.5 / 52e6 / area) * shape.samples
        unitary = drive(samples[None], shape.repeats, 1e-9, np.zeros(1), alpha * 1e9, np.zeros((9, 9)))[0][0]
        errors.append(abs(np.angle(unitary[0, 1] / unitary[1, 0])) + abs(unitary[0, 0]))
    best = scan[int(np.argmin(errors))]
    assert best == pytest.approx(-1 / (2 * alpha), rel=0.08)


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
