"""Native gates as the file holds them: as pulses."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from qpu_bridge.schedule import Document


class Curve(Document):
    """A number as a function of the gate's angle: knots, joined by a cubic spline through (angle, value).

    Attributes:
        angle: Ascending, rad; the first and last knot bound the angles allowed.
        value: One number per knot.
    """

    angle: tuple[float, ...]
    value: tuple[float, ...]


class PulseSpec(Document):
    """One play of a gate.

    Attributes:
        frame: Carrier.
        waveform: Name in `Snapshot.waveforms`.
        start: Samples of the timeline clock since the start of the gate.
        amplitude: Full scale, or a curve over the gate's angle.
        phase: Relative to the frame, rad.
    """

    frame: str
    waveform: str
    start: int = 0
    amplitude: float | Curve
    phase: float = 0.0


class PhaseSpec(Document):
    """A virtual Z at the end of a gate: RZ(``angle``) on ``qubit`` (a number in rad, or a curve over the gate's angle)."""

    qubit: int
    angle: float | Curve


class GateSpec(Document):
    """A native gate on certain qubits, as pulses.

    ``rz`` has no pulses and no duration: its angle is a virtual Z. A fractional gate has exactly one angle and at least one
    curve. Order of qubits is Qiskit's order of the gate's arguments.

    Attributes:
        name: Qiskit's name: rz, sx, x, cz, ecr, rx, rzz, id.
        qubits: On which qubits.
        duration: Ticks of the timeline clock.
        error: Believed average gate infidelity.
        pulses: What is played.
        phases: Virtual Z at the end.
        calibrated_at: When these numbers were found.
        operational: Whether users may have it; a gate on a qubit that they may not have is not theirs either.
    """

    name: str
    qubits: tuple[int, ...]
    duration: int
    error: float = Field(0.0, ge=0, le=1)
    pulses: tuple[PulseSpec, ...] = ()
    phases: tuple[PhaseSpec, ...] = ()
    calibrated_at: datetime | None = None
    operational: bool = True
