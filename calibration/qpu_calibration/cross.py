"""The pulses of an echoed cross-resonance gate: halves on the control's line, a tone on the target's own, a flip between."""

from __future__ import annotations

from collections.abc import Callable, Set

import numpy as np

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Waveform
from qpu_bridge.target import (
    ConstantShape,
    CosineSquareShape,
    Curve,
    GaussianSquareShape,
    PulseSpec,
    Snapshot,
    waveform,
)
from qpu_calibration.bloch import wrap_phase
from qpu_calibration.edit import amplitude, drag_pulse, known_gate, with_gate
from qpu_calibration.page import Target

Change = Callable[[complex], complex]
"""From a complex amplitude (full scale) to another."""


def halves(snapshot: Snapshot, pair: Target) -> tuple[PulseSpec, PulseSpec]:
    """Both pulses on the control's line at the target's frequency, in the order of time.

    Raises:
        SettingsError: If the gate is not two such pulses.
    """
    frames = {frame.name for frame in snapshot.following(pair[1])} - {snapshot.qubits[pair[1]].drive_frame}
    found = _played(snapshot, pair, frames)
    if len(found) != 2 or any(isinstance(pulse.amplitude, Curve) for pulse in found):
        raise SettingsError(
            "an echoed gate must have two pulses of cross-resonance", given=f"{len(found)}", where=f"ecr of {list(pair)}"
        )
    return found[0], found[1]


def complex_amplitude(pulse: PulseSpec) -> complex:
    """Amplitude and phase in one."""
    assert not isinstance(pulse.amplitude, Curve)
    return complex(pulse.amplitude * np.exp(1j * pulse.phase))


def tone(snapshot: Snapshot, pair: Target) -> complex:
    """The tone on the target's line in the first half; 0 if there is none."""
    own = snapshot.qubits[pair[1]].drive_frame
    return next((complex_amplitude(pulse) for pulse in _played(snapshot, pair, {own})), 0j)


def with_cross(snapshot: Snapshot, pair: Target, change: Change) -> Snapshot:
    """With other pulses of cross-resonance; the second half keeps its sign and what it has in phase beyond the first."""
    frame = halves(snapshot, pair)[0].frame
    return _changed(snapshot, pair, frame, change)


def with_tone(snapshot: Snapshot, pair: Target, change: Change) -> Snapshot:
    """With another tone on the target's line, in both halves; one is added where there is none."""
    gate, own = known_gate(snapshot, "ecr", pair), snapshot.qubits[pair[1]].drive_frame
    if not any(pulse.frame == own for pulse in gate.pulses):
        added = tuple(half.model_copy(update={"frame": own, "amplitude": 0.0, "phase": 0.0}) for half in halves(snapshot, pair))
        snapshot = with_gate(snapshot, gate.model_copy(update={"pulses": (*gate.pulses, *added)}))
    return _changed(snapshot, pair, own, change)


def with_axis(snapshot: Snapshot, pair: Target, turn: float) -> Snapshot:
    """With all that turns the target turned about Z by an angle, rad."""
    after = with_cross(snapshot, pair, lambda level: level * np.exp(1j * turn))
    return with_tone(after, pair, lambda level: level * np.exp(1j * turn))


def _played(snapshot: Snapshot, pair: Target, frames: Set[str]) -> list[PulseSpec]:
    """Pulses of the gate on some carriers, in the order of time."""
    pulses = known_gate(snapshot, "ecr", pair).pulses
    return sorted((pulse for pulse in pulses if pulse.frame in frames), key=lambda pulse: pulse.start)


def _changed(snapshot: Snapshot, pair: Target, frame: str, change: Change) -> Snapshot:
    gate, (first, second) = known_gate(snapshot, "ecr", pair), _played(snapshot, pair, {frame})
    old, new = complex_amplitude(first), change(complex_amplitude(first))
    late = second.phase - first.phase
    # a sign stays a sign, so that a small change of a pulse is a small change of its numbers
    sign = -1.0 if isinstance(first.amplitude, float) and first.amplitude < 0 and (new / old).real > 0 else 1.0
    phase = float(np.angle(sign * new)) if new else first.phase
    phase = first.phase + float(wrap_phase(phase - first.phase))
    level = round(sign * abs(new), 9)
    both = {
        first: first.model_copy(update={"amplitude": level, "phase": round(phase, 9)}),
        second: second.model_copy(update={"amplitude": -level, "phase": round(phase + late, 9)}),
    }
    pulses = tuple(both.get(pulse, pulse) for pulse in gate.pulses)
    return with_gate(snapshot, gate.model_copy(update={"pulses": pulses}))


def with_flat_top(snapshot: Snapshot, name: str, ticks: int) -> Waveform:
    """An envelope whose flat part lasts so many ticks.

    Raises:
        SettingsError: If it has none.
    """
    shape = _flat_shape(snapshot, name)
    changes = {"duration": shape.duration + ticks - flat_top(snapshot, name)}
    if isinstance(shape, GaussianSquareShape):
        changes["width"] = ticks
    return waveform(shape.model_copy(update=changes))


def flat_top(snapshot: Snapshot, name: str) -> int:
    """How many ticks the flat part of an envelope lasts.

    Raises:
        SettingsError: If it has none.
    """
    shape = _flat_shape(snapshot, name)
    if isinstance(shape, GaussianSquareShape):
        return shape.width
    return shape.duration - (2 * shape.rise if isinstance(shape, CosineSquareShape) else 0)


def _flat_shape(snapshot: Snapshot, name: str) -> GaussianSquareShape | CosineSquareShape | ConstantShape:
    shape = snapshot.waveforms[name]
    if not isinstance(shape, GaussianSquareShape | CosineSquareShape | ConstantShape):
        raise SettingsError("a pulse of cross-resonance must have a flat top", given=shape.shape, where=f"waveform {name}")
    return shape


def rabi_rate(snapshot: Snapshot, qubit: int) -> float:
    """Rabi frequency in Hz of a qubit at full scale of its own line, as the area of its pi pulse tells it."""
    shape = waveform(drag_pulse(snapshot, qubit)[1])
    dt = float(snapshot.port(snapshot.frame(snapshot.qubits[qubit].drive_frame).port).dt)
    return float(1 / (2 * abs(amplitude(snapshot, qubit)) * np.sum(shape.expand().real) * dt))
