"""Gates of two qubits as designed, and what calibrated ones do to the hidden truth, relaxation aside: solved, not measured."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.target import Curve, DragShape, GateSpec, Snapshot, waveform
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.bring_up.echoed import ECR, EchoedPair
from qpu_emulator.bring_up.pair_error import at_rest
from qpu_emulator.bring_up.rotation import rotate
from qpu_emulator.chip.device import Device, StaticCoupling
from qpu_emulator.chip.line import IDEAL
from qpu_emulator.windows.pair import Pair
from qpu_emulator.windows.static_pair import StaticPair
from qpu_emulator.windows.tones import Tone, combine

TICK = 1e-9


def solved(truth: Device, design: Snapshot) -> Snapshot:
    """Qubits are calibrated, gates of two qubits are as designed."""
    known = solve_snapshot(truth, datetime(2026, 11, 21, tzinfo=UTC))
    ones = tuple(gate for gate in known.gates if len(gate.qubits) == 1)
    flips = {gate.qubits[0]: gate.pulses[0] for gate in ones if gate.name == "x"}
    twos = []
    for gate in design.gates:
        if len(gate.qubits) == 2:
            drive = {known.qubits[q].drive_frame: q for q in gate.qubits}
            pulses = tuple(
                flips[drive[p.frame]].model_copy(update={"start": p.start}) if p.waveform.startswith("drag") else p
                for p in gate.pulses
            )
            twos.append(gate.model_copy(update={"pulses": pulses}))
    return known.model_copy(update={"gates": (*ones, *twos)})


def error(truth: Device, snapshot: Snapshot, pair: tuple[int, ...]) -> tuple[float, float]:
    """Average infidelity that pulses leave of a pair's cz or ecr, leakage included; and what relaxation leaves, its limit."""
    coupler = next(one for one in truth.couplers if set(one.qubits) == set(pair))
    known = snapshot.gate("ecr" if isinstance(coupler, StaticCoupling) else "cz", *pair)
    assert known is not None
    done, wanted = gate(truth, snapshot, pair), ECR if known.name == "ecr" else np.diag([1, 1, 1, -1])
    overlap = abs(np.trace(wanted.conj().T @ done)) ** 2
    kept = float(np.trace(done.conj().T @ done).real)
    return float(1 - (overlap + kept) / 20), at_rest(truth, coupler.qubits, known.duration)


def gate(truth: Device, snapshot: Snapshot, pair: tuple[int, ...]) -> NDArray[np.complex128]:
    """What a pair's cz or ecr does, virtual Z included; states in the order 00, 01, 10, 11 of the pair as the gate names it."""
    known = next(one for one in snapshot.gates if one.name in ("cz", "ecr") and one.qubits == pair)
    turns = {phase.qubit: phase.angle for phase in known.phases}
    first, second = (number(turns.get(qubit, 0.0)) for qubit in pair)
    done = _cz(truth, snapshot, known) if known.name == "cz" else _ecr(truth, snapshot, known)
    return np.asarray(np.exp(1j * np.array([0, second, first, first + second]))[:, None] * done)


def number(value: float | Curve) -> float:
    """A plain number."""
    assert not isinstance(value, Curve)
    return value


def _cz(truth: Device, snapshot: Snapshot, gate: GateSpec) -> NDArray[np.complex128]:
    return within(truth, snapshot, gate.qubits)[-1][np.ix_([0, 1, 3, 4], [0, 1, 3, 4])]


def within(truth: Device, snapshot: Snapshot, pair: tuple[int, ...]) -> NDArray[np.complex128]:
    """What the flux pulse of a pair's cz has done to three levels of each qubit, ``3 first + second``, on its way and in the end.

    Returns:
        ``complex[moments + 1, 9, 9]``: at the middles of equal parts, then at the end.
    """
    coupler = next(one for one in truth.couplers if set(one.qubits) == set(pair))
    known = snapshot.gate("cz", *pair)
    assert known is not None
    model, (pulse,) = Pair(truth, coupler), known.pulses
    samples, repeats = truth.lines.get(coupler.port, IDEAL).respond(waveform(snapshot.waveforms[pulse.waveform]), TICK)
    final, noted = model.propagate(model.frequency(number(pulse.amplitude) * samples.real)[None], repeats, TICK)
    order = [3 * a + b for a in range(3) for b in range(3)]
    swapped = [3 * b + a for a in range(3) for b in range(3)]
    places = order if coupler.qubits == pair else swapped
    return np.concatenate([noted[0], final])[:, places][:, :, places]


def across(truth: Device, snapshot: Snapshot, pair: tuple[int, ...]) -> tuple[NDArray[np.complex128], float]:
    """What the first half of an ecr has made of the qubits' states, among four levels of each, phases of its frame aside.

    Returns:
        ``complex[moments + 1, 16, 4]``, ``4 first + second`` of the pair as given: at the middles of equal parts, then at the
        end; and the length of a half in s.
    """
    coupler = next(one for one in truth.couplers if set(one.qubits) == set(pair))
    assert isinstance(coupler, StaticCoupling)
    known = next(one for one in snapshot.gates if one.name == "ecr" and set(one.qubits) == set(pair))
    control, target = known.qubits
    waves = [pulse for pulse in known.pulses if pulse.start == 0]
    half = waveform(snapshot.waveforms[waves[0].waveform])
    tones = tuple(Tone(half, TICK, 0.0, truth.line_of(qubit)) for qubit in (control, target))
    assert not any(truth.lines.get(tone.port, IDEAL).delay for tone in tones)
    model, offset = StaticPair(truth, coupler), truth.transmons[target].frequency - truth.transmons[coupler.qubits[0]].frequency
    drives = sorted(waves, key=lambda one: one.frame == snapshot.qubits[target].drive_frame)
    numbers = np.array([[(number(one.amplitude), offset, one.phase - drives[0].phase) for one in drives]])
    samples, repeats, dt = combine(tones, numbers, [truth.reach(qubit) for qubit in coupler.qubits], truth.lines)
    final, noted = model.propagate(samples, repeats, dt, np.array([truth.transmons[target].frequency]), [0, 1, 4, 5])
    whole = np.concatenate([noted[0], final]).reshape(-1, 4, 4, 2, 2)
    if coupler.qubits != pair:
        whole = whole.transpose(0, 2, 1, 4, 3)
    return whole.reshape(-1, 16, 4), half.duration * TICK


def _ecr(truth: Device, snapshot: Snapshot, gate: GateSpec) -> NDArray[np.complex128]:
    coupler = next(one for one in truth.couplers if set(one.qubits) == set(gate.qubits))
    control, target = gate.qubits
    flip = next(pulse for pulse in gate.pulses if pulse.frame == snapshot.qubits[control].drive_frame)
    shape = snapshot.waveforms[flip.waveform]
    assert isinstance(shape, DragShape)
    flipped = rotate(truth, control, shape.duration, shape.beta, np.array([number(flip.amplitude)]))[0][:2, :2]
    crosses = [pulse for pulse in gate.pulses if pulse.frame not in (flip.frame, snapshot.qubits[target].drive_frame)]
    tones = [pulse for pulse in gate.pulses if pulse.frame == snapshot.qubits[target].drive_frame]
    half = waveform(snapshot.waveforms[crosses[0].waveform])
    pair = EchoedPair(truth, coupler, control, half, flipped, crosses[1].start - half.duration, TICK)
    level, tone = number(crosses[0].amplitude), number(tones[0].amplitude)
    assert number(crosses[1].amplitude) == -level
    assert number(tones[1].amplitude) == -tone
    late = crosses[1].phase - crosses[0].phase
    assert abs(np.exp(1j * (tones[1].phase - tones[0].phase)) - np.exp(1j * late)) < 1e-6
    return pair.whole(level, crosses[0].phase, tone, tones[0].phase - crosses[0].phase, late)
