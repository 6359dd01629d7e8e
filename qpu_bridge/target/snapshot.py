"""The snapshot: what the lab believes of its machine, as one versioned file."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from qpu_bridge.schedule import Document, PortKind
from qpu_bridge.units import Clock

FORMAT: Literal[1] = 1
"""Number of the file format; a reader refuses any other."""

ExactSeconds = Annotated[Fraction, Field(gt=0), PlainSerializer(str, return_type=str)]


class PortSpec(Document):
    """A physical line: name, kind, sample clock (exact seconds)."""

    name: str
    kind: PortKind
    dt: ExactSeconds


class FrameSpec(Document):
    """A carrier: name, port, rest frequency in Hz, and the qubit whose virtual Z it follows (None for readout and flux)."""

    name: str
    port: str
    frequency: float
    follows: int | None = None


class ConstantShape(Document):
    """A held level of 1 for ``duration`` samples."""

    shape: Literal["constant"]
    duration: int


class DragShape(Document):
    """A lifted Gaussian with derivative; duration and sigma in samples, beta in samples."""

    shape: Literal["drag"]
    duration: int
    sigma: float
    beta: float


class GaussianSquareShape(Document):
    """A flat top of ``width`` samples between Gaussian edges."""

    shape: Literal["gaussian_square"]
    duration: int
    sigma: float
    width: int


class CosineSquareShape(Document):
    """A flat top with raised-cosine edges of ``rise`` samples."""

    shape: Literal["cosine_square"]
    duration: int
    rise: int


class SampledShape(Document):
    """Plain samples, real and imaginary parts, each held for ``repeats`` samples if given."""

    shape: Literal["samples"]
    real: tuple[float, ...]
    imag: tuple[float, ...]
    repeats: tuple[int, ...] | None = None


Shape = Annotated[
    ConstantShape | DragShape | GaussianSquareShape | CosineSquareShape | SampledShape, Field(discriminator="shape")
]


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
    """

    name: str
    qubits: tuple[int, ...]
    duration: int
    error: float = Field(0.0, ge=0, le=1)
    pulses: tuple[PulseSpec, ...] = ()
    phases: tuple[PhaseSpec, ...] = ()
    calibrated_at: datetime | None = None


class MeasureSpec(Document):
    """How a qubit is measured.

    Attributes:
        qubit: Which.
        drive_frame: Carrier of the readout tone.
        waveform: Envelope of the readout tone.
        amplitude: Full scale.
        acquire_frame: Carrier at which the returning signal is demodulated.
        acquire_start: Ticks from the start of the measurement to the start of the capture.
        acquire_duration: Samples of the acquire port.
        kernel: Name of a waveform of integration weights, or None for unit weights.
        angle: Direction from cloud 0 to cloud 1 in the IQ plane, rad.
        threshold: Position of the dividing line along that direction.
        duration: Ticks from the start until the qubit may be driven again (the resonator has emptied).
        prob_meas1_prep0: Believed probability to read 1 from 0.
        prob_meas0_prep1: Believed probability to read 0 from 1.
    """

    qubit: int
    drive_frame: str
    waveform: str
    amplitude: float
    acquire_frame: str
    acquire_start: int
    acquire_duration: int
    kernel: str | None
    angle: float
    threshold: float
    duration: int
    prob_meas1_prep0: float = Field(ge=0, le=1)
    prob_meas0_prep1: float = Field(ge=0, le=1)


class QubitSpec(Document):
    """A qubit: drive frame, frequency and anharmonicity in Hz, T1 and T2 (echo) in s, whether users may have it."""

    index: int
    drive_frame: str
    frequency: float
    anharmonicity: float
    t1: float
    t2: float
    operational: bool = True


class TimingSpec(Document):
    """Timing rules of the machine.

    Attributes:
        dt: Timeline clock, exact seconds.
        granularity: Gate durations are multiples of this many ticks.
        default_rep_delay: Wait between shots, s.
        min_rep_delay: Shortest, s.
        max_rep_delay: Longest, s.
        passive_reset: After this wait (s) a qubit counts as cooled to its ground state.
        feedback_latency: Ticks from the end of a capture until a branch may read its bit.
        max_circuit_duration: Longest shot, s.
    """

    dt: ExactSeconds
    granularity: int = Field(1, ge=1)
    default_rep_delay: float
    min_rep_delay: float
    max_rep_delay: float
    passive_reset: float
    feedback_latency: int
    max_circuit_duration: float


class Snapshot(Document):
    """What the lab believes of its machine.

    ``reset`` is not listed: it is a measurement, the feedback latency, and a conditional ``x``. ``delay`` and ``id`` need no pulses.

    Attributes:
        format: Number of the file format.
        device: Name of the device, with an underscore (the client's dry run needs one).
        calibration_id: Names this snapshot in results.
        calibrated_at: When it was made, UTC.
        timing: Timing rules.
        ports: Lines.
        frames: Carriers.
        waveforms: Envelopes and kernels by name.
        qubits: In order of index, 0 to n-1.
        gates: Native gates.
        measures: One per qubit.
        max_shots: Largest number of shots per circuit.
        description: One line for people.
    """

    format: Literal[1]
    device: str = Field(pattern="^[A-Za-z0-9]+_[A-Za-z0-9_]+$")
    calibration_id: str
    calibrated_at: datetime
    timing: TimingSpec
    ports: tuple[PortSpec, ...]
    frames: tuple[FrameSpec, ...]
    waveforms: dict[str, Shape]
    qubits: tuple[QubitSpec, ...]
    gates: tuple[GateSpec, ...]
    measures: tuple[MeasureSpec, ...]
    max_shots: int = 1_000_000
    description: str = ""

    @property
    def clock(self) -> Clock:
        """Timeline clock."""
        return Clock(self.timing.dt)

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """Read and check a file; `errors.SettingsError` names the field that is wrong."""
        raise NotImplementedError

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        raise NotImplementedError
