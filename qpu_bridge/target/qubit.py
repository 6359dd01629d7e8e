"""Qubits, how they are coupled and how they are measured, as the file holds them."""

from __future__ import annotations

from pydantic import Field

from qpu_bridge.schedule import Document


class QubitSpec(Document):
    """A qubit: drive frame, frequency and anharmonicity in Hz, T1 and T2 (echo) in s, whether users may have it."""

    index: int
    drive_frame: str
    frequency: float
    anharmonicity: float
    t1: float
    t2: float
    operational: bool = True


class CouplingSpec(Document):
    """Two qubits that feel each other at rest.

    Attributes:
        qubits: Which.
        zz: ``E11 - E10 - E01 + E00`` in Hz, signed.
    """

    qubits: tuple[int, int]
    zz: float


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
