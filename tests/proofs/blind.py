"""Blind recovery: an unknown chip is found through schedules, line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.signal import find_peaks

from qpu_bridge.schedule import SlotKind, Waveform
from qpu_bridge.schedule.shapes import drag
from tests.proofs.lab import Lab, Page, Qubit, Values

TAU = 2 * np.pi
PULSE, SIGMA = 40, 10


def find_resonators(lab: Lab, low: float, high: float) -> list[float]:
    """Frequencies at which the readout line answers, Hz."""
    step, piece = 0.25e6, 40
    size: list[float] = []
    for first in np.arange(low, high, piece * step):
        page = Page(lab)
        page.read(lab, [Qubit("", float(first))], page.build.sweep(SlotKind.FREQUENCY, 0.0, step, piece))
        size += np.abs(lab.points(page, 200)[:, 0]).tolist()
    peaks, _ = find_peaks(size, prominence=0.3 * np.ptp(size), distance=40)
    return [low + step * float(p) for p in peaks]


def find_qubit(lab: Lab, line: str, resonators: list[float], low: float, high: float) -> Qubit:
    """Which resonator a drive line's qubit belongs to, and roughly its frequency."""
    readers = [Qubit(line, resonator) for resonator in resonators]
    step = 3e6
    page = Page(lab)
    sweep = page.build.sweep(SlotKind.FREQUENCY, 0.0, step, int((high - low) / step))
    drive = page.frame(line, low)
    page.build.set_frequency(drive, sweep)
    page.build.play(drive, drag(100, 25, 0.0), 0.15)
    page.read(lab, readers)
    points = lab.points(page, 400)
    moved = np.abs(points - np.median(points.real, axis=0) - 1j * np.median(points.imag, axis=0))
    reader = int(np.argmax(moved.max(axis=0)))
    return replace(readers[reader], f01=low + step * float(np.argmax(moved[:, reader])))


def _fit(model: Callable[..., Values], x: Values, y: Values, *guesses: tuple[float, ...]) -> NDArray[np.float64]:
    """Least squares from several starts; the best."""
    best, least = np.array(guesses[0]), np.inf
    for guess in guesses:
        try:
            found, _ = curve_fit(model, x, y, guess, maxfev=5000)
        except RuntimeError:
            continue
        rest = float(np.sum((model(x, *found) - y) ** 2))
        if rest < least:
            best, least = found, rest
    return best


def rough_pi(lab: Lab, qubit: Qubit) -> Qubit:
    """Amplitude of a pi pulse from a Rabi scan, and the two readout points."""
    count, step = 61, 1 / 60
    page = Page(lab)
    level = page.build.sweep(SlotKind.AMPLITUDE, 0.0, step, count)
    page.build.play(page.frame(qubit.line, qubit.f01), drag(PULSE, SIGMA, qubit.beta), level)
    page.read(lab, [qubit])
    points = lab.points(page, 1000)[:, 0]
    arm = np.linalg.svd(np.stack([points.real, points.imag]) - np.stack([points.real, points.imag]).mean(1, keepdims=True))[0][
        :, 0
    ]
    along = np.real((points - points[0]) * np.conj(arm[0] + 1j * arm[1]))
    x = step * np.arange(count)
    model = lambda x, a, rate, b: b + a * np.sin(np.pi / 2 * x * rate) ** 2  # noqa: E731
    size = along[np.argmax(np.abs(along))]
    _, rate, _ = _fit(model, x, along, *((size, r, 0.0) for r in np.linspace(1, 6, 21)))
    pi = 1 / abs(rate)
    return _points(lab, replace(qubit, pi=pi))


def _points(lab: Lab, qubit: Qubit) -> Qubit:
    """Where the readout of a prepared 0 and 1 lies."""
    found = []
    for amplitude in (0.0, qubit.pi):
        page = Page(lab)
        if amplitude:
            page.build.play(page.frame(qubit.line, qubit.f01), drag(PULSE, SIGMA, qubit.beta), amplitude)
        page.read(lab, [qubit])
        found.append(complex(lab.points(page, 4000)[0]))
    return replace(qubit, ground=found[0], excited=found[1])


def ramsey(lab: Lab, qubit: Qubit, longest: int, fringes: float, shots: int) -> tuple[Values, Values]:
    """Excited population against the wait in s, with an artificial detuning of ``fringes`` turns over the scan."""
    count = 61
    step = longest // (count - 1)
    page = Page(lab)
    axis = page.build.axis(count)
    wait, turn = axis.sweep(SlotKind.DURATION, 0, step), axis.sweep(SlotKind.PHASE, 0.0, TAU * fringes / (count - 1))
    frame, half = page.frame(qubit.line, qubit.f01), drag(PULSE, SIGMA, qubit.beta)
    page.build.play(frame, half, qubit.pi / 2)
    page.build.wait(wait)
    page.build.play(frame, half, qubit.pi / 2, phase=turn)
    return float(lab.clock.dt) * step * np.arange(count), lab.excited(page, qubit, shots)


def frequency(lab: Lab, qubit: Qubit, longest: int, shots: int) -> Qubit:
    """Correct the frequency by a Ramsey fringe; what decays is taken for a Gaussian and an exponential."""
    x, y = ramsey(lab, qubit, longest, 8.0, shots)
    span = x[-1]

    def model(x: Values, a: float, f: float, p: float, slow: float, b: float) -> Values:
        return b + a * np.exp(-np.abs(slow) * x / span) * np.cos(TAU * f * x / span + p)

    _, turns, _, slow, _ = _fit(model, x, y, *((0.5, f, 0.0, 0.3, 0.5) for f in np.linspace(2, 14, 25)))
    # the second pulse's phase runs ahead by 8 turns; a qubit above its carrier runs ahead by itself
    return replace(qubit, f01=qubit.f01 + (abs(turns) - 8.0) / span, t2_ramsey=span / abs(slow))


def fine_pi(lab: Lab, qubit: Qubit, shots: int) -> Qubit:
    """Amplitude from trains of pi pulses after a half: the error adds up, the readout is at half height."""
    for count in (2, 6, 16):
        arms = []
        for sign in (0.0, np.pi):
            page = Page(lab)
            frame, pulse = page.frame(qubit.line, qubit.f01), drag(PULSE, SIGMA, qubit.beta)
            page.build.play(frame, pulse, qubit.pi / 2, phase=sign)
            for _ in range(count):
                page.build.play(frame, pulse, qubit.pi)
            arms.append(float(lab.excited(page, qubit, shots)))
        # after (count + 1/2) pi (1 + e) and (count - 1/2) pi (1 + e) the populations part as cos(pi e / 2) sin(count pi e)
        part = np.clip(arms[0] - arms[1], -1, 1)
        qubit = replace(qubit, pi=qubit.pi / (1 + np.arcsin(part) / (np.pi * count)))
    return qubit


def anharmonicity(lab: Lab, qubit: Qubit) -> Qubit:
    """The next level, found by a weak tone after a pi pulse."""
    around = qubit.f01 - 0.31e9
    for span, length, strength in ((80e6, 200, 0.05), (6e6, 1000, 0.008)):
        count = 81
        step = 2 * span / (count - 1)
        page = Page(lab)
        sweep = page.build.sweep(SlotKind.FREQUENCY, -span, step, count)
        first, second = page.frame(qubit.line, qubit.f01), page.frame(qubit.line, around)
        page.build.set_frequency(second, sweep)
        page.build.play(first, drag(PULSE, SIGMA, qubit.beta), qubit.pi)
        page.build.play(second, drag(length, length / 4, 0.0), strength)
        page.build.play(first, drag(PULSE, SIGMA, qubit.beta), qubit.pi)
        seen = lab.excited(page, qubit, 1000)
        x = around - span + step * np.arange(count)
        peak = float(x[np.argmax(np.abs(seen - np.median(seen)))])
        near = np.abs(x - peak) < span / 6
        weight = np.abs(seen - np.median(seen))[near]
        around = float(np.sum(x[near] * weight) / np.sum(weight))
    return replace(qubit, anharmonicity=around - qubit.f01)


def best_beta(lab: Lab, qubit: Qubit, shots: int) -> Qubit:
    """DRAG coefficient at which pairs of opposite pulses leave the qubit alone."""
    for span, pairs in ((1.0, 4), (0.2, 24)):
        betas = qubit.beta + np.linspace(-span, span, 17)
        left = []
        for beta in betas:
            page = Page(lab)
            frame, pulse = page.frame(qubit.line, qubit.f01), drag(PULSE, SIGMA, float(beta))
            for _ in range(pairs):
                page.build.play(frame, pulse, qubit.pi)
                page.build.play(frame, pulse, qubit.pi, phase=np.pi)
            left.append(float(lab.excited(page, qubit, shots)))
        centre = float(betas[np.argmin(left)])
        near = np.abs(betas - centre) < 0.6 * span
        a, b, _ = np.polyfit(betas[near] - centre, np.array(left)[near], 2)
        qubit = replace(qubit, beta=float(centre - b / (2 * a)))
    return qubit


def lifetimes(lab: Lab, qubit: Qubit, longest: int, shots: int) -> Qubit:
    """T1 and the echo's T2 from exponentials, T2* as the time at which a Ramsey contrast has fallen to 1/e."""
    count = 41
    step = longest // (count - 1) // 2 * 2
    x = float(lab.clock.dt) * step * np.arange(count)
    pulse = drag(PULSE, SIGMA, qubit.beta)

    page = Page(lab)
    page.build.play(page.frame(qubit.line, qubit.f01), pulse, qubit.pi)
    page.build.wait(page.build.sweep(SlotKind.DURATION, 0, step, count))
    # what is left in the end is what the point of 0 was measured with
    t1 = _fit(lambda t, a, tau: a * np.exp(-t / tau), x, lab.excited(page, qubit, shots), (1.0, x[-1] / 3))[1]

    parts = []
    for last in (0.0, np.pi):
        page = Page(lab)
        axis = page.build.axis(count)
        halves = [axis.sweep(SlotKind.DURATION, 0, step // 2) for _ in range(2)]
        frame = page.frame(qubit.line, qubit.f01)
        page.build.play(frame, pulse, qubit.pi / 2)
        page.build.wait(halves[0])
        page.build.play(frame, pulse, qubit.pi, phase=np.pi / 2)
        page.build.wait(halves[1])
        page.build.play(frame, pulse, qubit.pi / 2, phase=last)
        parts.append(lab.excited(page, qubit, shots))
    # the difference of both ends forgets what has relaxed meanwhile
    echo = _fit(lambda t, a, tau: a * np.exp(-t / tau), x, parts[0] - parts[1], (1.0, x[-1] / 3))[1]

    x, y = ramsey(lab, qubit, longest, 10.0, shots)

    def fringe(t: Values, a: float, f: float, p: float, tau: float, gauss: float, b: float) -> Values:
        return b + a * np.exp(-t / abs(tau) - (t / gauss) ** 2) * np.cos(TAU * f * t + p)

    span = x[-1]
    starts = ((0.5, f / span, 0.0, span / 2, g * span, 0.5) for f in (9.8, 10.0, 10.2) for g in (0.2, 0.5, 1.0))
    _, _, _, tau, gauss, _ = _fit(fringe, x, y, *starts)
    rate = 1 / abs(tau)
    ramsey_time = (-rate + np.sqrt(rate**2 + 4 / gauss**2)) * gauss**2 / 2
    return replace(qubit, t1=float(t1), t2_echo=float(echo), t2_ramsey=float(ramsey_time))


def bring_up(lab: Lab, line: str, resonators: list[float], band: tuple[float, float]) -> Qubit:
    """From a drive line to a qubit."""
    qubit = rough_pi(lab, find_qubit(lab, line, resonators, *band))
    for longest in (600, 6000, 30000):
        qubit = frequency(lab, qubit, longest, 1000)
    qubit = anharmonicity(lab, rough_pi(lab, qubit))
    # half of the leakage optimum is the phase optimum (Motzoi); the pulses' own scan decides
    qubit = replace(qubit, beta=-1 / (2 * TAU * qubit.anharmonicity * float(lab.clock.dt)))
    qubit = fine_pi(lab, _points(lab, best_beta(lab, qubit, 4000)), 4000)
    return lifetimes(lab, _points(lab, frequency(lab, qubit, 30000, 4000)), 300_000, 4000)


def static_zz(lab: Lab, first: Qubit, second: Qubit, longest: int, shots: int) -> float:
    """ZZ in Hz of two idle qubits, by an echo that both are flipped in (JAZZ)."""
    count, fringes = 61, 8.0
    step = longest // (count - 1) // 2 * 2
    page = Page(lab)
    axis = page.build.axis(count)
    halves = [axis.sweep(SlotKind.DURATION, 0, step // 2) for _ in range(2)]
    turn = axis.sweep(SlotKind.PHASE, 0.0, TAU * fringes / (count - 1))
    drives = [(page.frame(q.line, q.f01), drag(PULSE, SIGMA, q.beta), q.pi) for q in (first, second)]
    (frame, pulse, pi), other = drives[0], drives[1]
    page.build.play(frame, pulse, pi / 2)
    page.build.wait(halves[0])
    page.build.play(frame, pulse, pi)
    page.build.play(*other)
    page.build.wait(halves[1])
    page.build.play(frame, pulse, pi / 2, phase=turn)
    y = lab.excited(page, first, shots)
    x = float(lab.clock.dt) * step * np.arange(count)

    def fringe(t: Values, a: float, f: float, p: float, tau: float) -> Values:
        return 0.5 + a * np.exp(-t / abs(tau)) * np.cos(TAU * f * t + p)

    _, found, _, _ = _fit(fringe, x, y, *((0.5, f / x[-1], p, x[-1]) for f in np.linspace(4, 12, 17) for p in (0.0, np.pi)))
    # flipped together, the pair's ZZ turns the first qubit by zeta / 2; its fringe of 8 turns counts the other way
    return 2 * (abs(found) - fringes / x[-1])


def conditional_phase(
    lab: Lab, first: Qubit, second: Qubit, coupler: str, pulse: Waveform, amplitudes: Values, shots: int
) -> Values:
    """Phase that a flux pulse adds to |11>, rad, for each amplitude."""
    phase = []
    step = float(amplitudes[1] - amplitudes[0])
    for flipped in (False, True):
        quadratures = []
        for turn in (0.0, np.pi / 2):
            page = Page(lab)
            level = page.build.sweep(SlotKind.AMPLITUDE, float(amplitudes[0]), step, len(amplitudes))
            target, control = page.frame(second.line, second.f01), page.frame(first.line, first.f01)
            if flipped:
                page.build.play(control, drag(PULSE, SIGMA, first.beta), first.pi)
                page.build.barrier()
            page.build.play(target, drag(PULSE, SIGMA, second.beta), second.pi / 2)
            page.build.barrier()
            page.build.play(page.frame(coupler, 0.0), pulse, level)
            page.build.barrier()
            page.build.play(target, drag(PULSE, SIGMA, second.beta), second.pi / 2, phase=turn)
            quadratures.append(2 * lab.excited(page, second, shots) - 1)
        phase.append(np.arctan2(quadratures[1], quadratures[0]))
    return np.mod(phase[1] - phase[0] + np.pi, TAU) - np.pi
