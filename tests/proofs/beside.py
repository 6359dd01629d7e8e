"""Calibrated numbers beside the hidden truth: ratios to what is best, z-scores, and what must not be exceeded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from qpu_bridge.schedule import shapes
from qpu_bridge.target import Curve, Snapshot, waveform
from qpu_calibration.edit import amplitude, drag_pulse
from qpu_calibration.fit import Fit
from qpu_calibration.page import Target
from qpu_emulator.bring_up.rotation import relaxed
from qpu_emulator.chip.device import Device, TunableCoupler
from qpu_emulator.chip.line import IDEAL
from qpu_emulator.windows.drive import drive
from qpu_emulator.windows.pair import Pair
from qpu_emulator.windows.tones import Tone, combine
from tests.calibration.channel import error
from tests.proofs import heard

TAU, TICK = 2 * np.pi, 1e-9
PARTS = np.array([1, 2, 3, 4]) / 4
"""Shares of the largest angle at which fractional gates are looked at: half a turn of rx, a quarter turn of rzz."""
LIMITS = {
    "sx over limit": 1.5,
    "x over limit": 1.5,
    "assignment over best": 1.1,
    "rx off": 0.01,
    "cz over limit": 2.0,
    "ecr over limit": 2.0,
    "rzz off": 0.01,
}
"""What nothing may exceed: errors over what relaxation leaves (or noise of the receiver), angles relative to themselves."""

Fits = dict[str, dict[Target, Fit]]
Numbers = dict[str, float]


def exceeded(numbers: Numbers) -> list[str]:
    """What is beyond its limit, in words."""
    return [f"{name} {numbers[name]:.3f}" for name, limit in LIMITS.items() if numbers.get(name, 0.0) > limit]


def qubit(truth: Device, snapshot: Snapshot, fits: Fits, index: int) -> Numbers:
    """A qubit's ratios and z-scores (``z ...``)."""
    transmon, target = truth.transmons[index], (index,)
    numbers: Numbers = {}
    for name, angle in (("sx", np.pi / 2), ("x", np.pi)):
        shape = drag_pulse(snapshot, index, name)[1]
        (unitary,) = _played(truth, snapshot, index, [amplitude(snapshot, index, name)])
        numbers[f"{name} over limit"] = 1 + _infidelity(unitary, angle) / relaxed(truth, index, shape.duration)
        fine = fits["fine_amplitude"][target]
        stated = fine.error(f"{name}_amplitude") / amplitude(snapshot, index, name)
        numbers[f"z {name} amplitude"] = (_turn(unitary) / angle - 1) / stated
    rx = snapshot.gate("rx", index)
    if rx is not None:
        angles = np.pi * PARTS
        done = _played(truth, snapshot, index, _levels(rx.pulses[0].amplitude, angles))
        numbers["rx off"] = float(max(abs(_turn(u) / angle - 1) for u, angle in zip(done, angles, strict=True)))
    measure = snapshot.measure(index)
    wrong = heard.believed(truth, snapshot, index).errors(measure.angle, measure.threshold)
    numbers["assignment over best"] = sum(wrong) / heard.best(truth, index)
    known = {
        ("ramsey", "f01"): transmon.frequency,
        ("anharmonicity", "anharmonicity"): transmon.anharmonicity,
        ("t1", "t1"): float(transmon.t1 or np.inf),
        ("readout", "prob_meas1_prep0"): wrong[0],
        ("readout", "prob_meas0_prep1"): wrong[1],
    }
    for (routine, name), value in known.items():
        fit = fits[routine][target]
        numbers[f"z {name}"] = (fit[name] - value) / fit.error(name)
    return numbers


def coupler(truth: Device, snapshot: Snapshot, pair: Target) -> Numbers:
    """A coupler's ratios."""
    known = next(one for one in truth.couplers if set(one.qubits) == set(pair))
    wrong, limit = error(truth, snapshot, pair)
    if not isinstance(known, TunableCoupler):
        return {"ecr over limit": 1 + wrong / limit}
    gate = snapshot.gate("rzz", *pair)
    assert gate is not None
    pulse, angles = gate.pulses[0], np.pi / 2 * PARTS
    samples, repeats = truth.lines.get(known.port, IDEAL).respond(waveform(snapshot.waveforms[pulse.waveform]), TICK)
    model = Pair(truth, known)
    levels = np.array(_levels(pulse.amplitude, angles))
    final, _ = model.propagate(model.frequency(np.multiply.outer(levels, samples.real)), repeats, TICK)
    none, second, first, both = (np.angle(final[:, s, s]) for s in (0, 1, 3, 4))
    # half of what parts both phases is the angle, and it runs backwards
    off = np.angle(np.exp(1j * (both - first - second + none + 2 * angles))) / 2
    return {"cz over limit": 1 + wrong / limit, "rzz off": float(np.abs(off / angles).max())}


def _levels(curve: float | Curve, angles: np.ndarray[Any, Any]) -> list[float]:
    assert isinstance(curve, Curve)
    return [float(level) for level in CubicSpline(curve.angle, curve.value)(angles)]


def _played(truth: Device, snapshot: Snapshot, index: int, levels: Sequence[float]) -> Any:
    """What believed pulses do to the true transmon, ``complex[n, 3, 3]``, in the frame of the believed carrier."""
    shape = drag_pulse(snapshot, index)[1]
    tone = Tone(shapes.drag(shape.duration, shape.sigma, shape.beta), TICK, 0.0, truth.line_of(index))
    numbers = np.zeros((len(levels), 1, 3))
    numbers[:, 0, 0] = levels
    samples, repeats, dt = combine((tone,), numbers, [truth.reach(index)], truth.lines)
    off = np.full(len(levels), TAU * (truth.transmons[index].frequency - snapshot.qubits[index].frequency))
    alpha = TAU * truth.transmons[index].anharmonicity
    return drive(np.ascontiguousarray(samples[:, 0]), repeats, dt, off, 0 * off + alpha)[0]


def _turn(unitary: Any) -> float:
    """By how much a propagator turns about X, rad."""
    return float(2 * np.arctan2(-(unitary[0, 1] + unitary[1, 0]).imag, (unitary[0, 0] + unitary[1, 1]).real))


def _infidelity(unitary: Any, angle: float) -> float:
    """Average gate infidelity of a block to a turn about X, leakage included (Pedersen et al., Phys. Lett. A 367, 47)."""
    block = unitary[:2, :2]
    wanted = np.array([[np.cos(angle / 2), -1j * np.sin(angle / 2)], [-1j * np.sin(angle / 2), np.cos(angle / 2)]])
    overlap = abs(np.trace(wanted.conj().T @ block)) ** 2
    return float(1 - (overlap + np.trace(block.conj().T @ block).real) / 6)
