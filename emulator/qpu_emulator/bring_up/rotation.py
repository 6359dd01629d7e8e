"""Bring-up of one-qubit gates: DRAG pulses for sx, x and every angle of rx."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import least_squares

from qpu_bridge.schedule import shapes
from qpu_bridge.target.gate import Curve, GateSpec, PulseSpec
from qpu_bridge.target.shape import DragShape, Shape
from qpu_emulator.bring_up.recipe import DT, Recipe, wait
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.line import IDEAL
from qpu_emulator.windows.basis import Complex, Real
from qpu_emulator.windows.drive import drive
from qpu_emulator.windows.tones import Tone, combine

_TAU = 2 * np.pi
_ANGLES = np.linspace(-np.pi, np.pi, 33)
_LEVELS = np.linspace(0.0, 1.12, 57)


def rotate(device: Device, qubit: int, ticks: int, beta: float, amplitudes: Real) -> Complex:
    """Propagators ``complex[n, 3, 3]`` of the DRAG pulse."""
    transmon = device.transmons[qubit]
    tone = Tone(shapes.drag(ticks, ticks / 4, beta), float(DT), 0.0, device.line_of(qubit))
    numbers = np.zeros((len(amplitudes), 1, 3))
    numbers[:, 0, 0] = amplitudes
    samples, repeats, dt = combine((tone,), numbers, [device.reach(qubit)], device.lines)
    resonant = np.zeros(len(amplitudes))
    return drive(np.ascontiguousarray(samples[:, 0]), repeats, dt, resonant, resonant + _TAU * transmon.anharmonicity)[0]


def qubit_gates(device: Device, qubit: int, recipe: Recipe, waveforms: dict[str, Shape], date: datetime) -> list[GateSpec]:
    """All gates of one qubit; its envelope is added to the waveforms."""
    transmon, line, ticks = device.transmons[qubit], device.line_of(qubit), recipe.drive_of(qubit)
    area = shapes.drag(ticks, ticks / 4, 0.0).expand().real.sum() * float(DT)
    pi_guess = 0.5 / (transmon.rabi[line] * area * device.lines.get(line, IDEAL).gain)
    beta_guess = -1.06 / (2 * _TAU * transmon.anharmonicity * float(DT))

    def wrong(x: Real) -> Real:
        found = rotate(device, qubit, ticks, x[2] * beta_guess, np.array([x[0], x[1] / 2]) * pi_guess)
        return np.concatenate([_differences(found[0], np.pi), _differences(found[1], np.pi / 2)])

    best = least_squares(wrong, [1.0, 1.0, 1.0], xtol=1e-12, ftol=1e-14, gtol=1e-14).x
    beta = float(np.round(best[2] * beta_guess, 6))
    name = f"drag{qubit}"
    waveforms[name] = DragShape(shape="drag", duration=ticks, sigma=ticks / 4, beta=beta)
    half, full = (float(np.round(part * pi_guess, 9)) for part in (best[1] / 2, best[0]))
    levels = _LEVELS * pi_guess * best[0]
    turned = np.unwrap([_angle(found) for found in rotate(device, qubit, ticks, beta, levels)])
    amplitudes = np.sign(_ANGLES) * CubicSpline(turned, levels)(np.abs(_ANGLES))
    curve = Curve(angle=tuple(_ANGLES.tolist()), value=tuple(np.round(amplitudes, 9).tolist()))
    limit = relaxed(device, qubit, ticks)

    def gate(label: str, amplitude: float | Curve | None, duration: int) -> GateSpec:
        pulses = () if amplitude is None else (PulseSpec(frame=f"q{qubit}", waveform=name, amplitude=amplitude),)
        error = limit if pulses else 0.0
        return GateSpec(name=label, qubits=(qubit,), duration=duration, error=error, pulses=pulses, calibrated_at=date)

    long = ticks + wait(device)
    return [gate("rz", None, 0), gate("id", None, long), gate("sx", half, long), gate("x", full, long), gate("rx", curve, long)]


def relaxed(device: Device, qubit: int, ticks: int) -> float:
    """Average infidelity that relaxation alone leaves of a one-qubit gate."""
    transmon, time = device.transmons[qubit], ticks * float(DT)
    return float(0.5 - np.exp(-time / (transmon.t1 or np.inf)) / 6 - np.exp(-time / (transmon.t2 or np.inf)) / 3)


def _angle(unitary: Complex) -> float:
    """How far a propagator turns about X, rad."""
    return float(2 * np.arctan2(-(unitary[0, 1] + unitary[1, 0]).imag, (unitary[0, 0] + unitary[1, 1]).real))


def _differences(unitary: Complex, angle: float) -> Real:
    """What parts a propagator's block from a rotation about X, its global phase aside."""
    block = unitary[:2, :2]
    wanted = np.array([[np.cos(angle / 2), -1j * np.sin(angle / 2)], [-1j * np.sin(angle / 2), np.cos(angle / 2)]])
    overlap = np.trace(wanted.conj().T @ block)
    part = (block * np.conj(overlap) / abs(overlap) - wanted).ravel()
    return np.concatenate([part.real, part.imag])
