"""A synthetic machine of any size, with every kind of native gate, whose numbers are made up but consistent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qpu_bridge.lowering import Lowered
from qpu_bridge.schedule import Operation, PortKind
from qpu_bridge.target import (
    ConstantShape,
    CosineSquareShape,
    Curve,
    DragShape,
    FrameSpec,
    GateSpec,
    GaussianSquareShape,
    MeasureSpec,
    PhaseSpec,
    PortSpec,
    PulseSpec,
    QubitSpec,
    Shape,
    Snapshot,
    TimingSpec,
)

NS = Fraction(1, 10**9)
ANGLES = tuple(float(a) for a in np.linspace(-np.pi, np.pi, 33))
QUADRANT = tuple(float(a) for a in np.linspace(0, np.pi / 2, 17))


def line(qubits: int) -> list[tuple[int, int]]:
    return [(q, q + 1) for q in range(qubits - 1)]


def heavy_hex() -> list[tuple[int, int]]:
    """127 qubits: seven rows joined by four bridges each."""
    number = iter(range(127))
    edges: list[tuple[int, int]] = []
    above: dict[int, int] = {}
    for row in range(7):
        columns = range(14) if row == 0 else range(1, 15) if row == 6 else range(15)
        here = {column: next(number) for column in columns}
        edges += [(here[c], here[c + 1]) for c in columns if c + 1 in here]
        edges += [(bridge, here[c]) for c, bridge in above.items()]
        above = {}
        if row < 6:
            for column in range(0 if row % 2 == 0 else 2, 15, 4):
                above[column] = next(number)
                edges.append((here[column], above[column]))
    return edges


def synthetic(qubits: int, edges: Sequence[tuple[int, int]] | None = None, **changes: Any) -> Snapshot:
    """A machine with sx, x, rx on every qubit; cz and rzz one way round and ecr the other on every edge."""
    edges = line(qubits) if edges is None else edges
    frequency = [5e9 + 5e7 * (q % 5) for q in range(qubits)]
    ports = [PortSpec(name=f"d{q}", kind=PortKind.DRIVE, dt=NS) for q in range(qubits)]
    ports += [PortSpec(name=f"c{a}_{b}", kind=PortKind.FLUX, dt=NS) for a, b in edges]
    ports += [PortSpec(name=f"r{g}", kind=PortKind.READOUT, dt=NS) for g in range(-(-qubits // 5))]
    ports += [PortSpec(name=f"a{g}", kind=PortKind.ACQUIRE, dt=NS) for g in range(-(-qubits // 5))]
    frames = [FrameSpec(name=f"q{q}", port=f"d{q}", frequency=frequency[q], follows=q) for q in range(qubits)]
    frames += [FrameSpec(name=f"q{a}q{b}", port=f"d{a}", frequency=frequency[b], follows=b) for a, b in edges]
    frames += [FrameSpec(name=f"c{a}_{b}", port=f"c{a}_{b}", frequency=0.0) for a, b in edges]
    frames += [FrameSpec(name=f"r{q}", port=f"r{q // 5}", frequency=7e9 + 1e7 * q) for q in range(qubits)]
    frames += [FrameSpec(name=f"a{q}", port=f"a{q // 5}", frequency=7e9 + 1e7 * q) for q in range(qubits)]
    waveforms: dict[str, Shape] = {
        "drag": DragShape(shape="drag", duration=32, sigma=8.0, beta=0.6),
        "cross": GaussianSquareShape(shape="gaussian_square", duration=160, sigma=8.0, width=128),
        "flux": CosineSquareShape(shape="cosine_square", duration=48, rise=8),
        "tone": ConstantShape(shape="constant", duration=400),
        "kernel": ConstantShape(shape="constant", duration=400),
    }
    gates: list[GateSpec] = []
    for q in range(qubits):
        a = 0.2 + 0.01 * (q % 7)
        gates += [
            GateSpec(name="rz", qubits=(q,), duration=0),
            GateSpec(name="sx", qubits=(q,), duration=32, error=2e-4, pulses=(pulse(f"q{q}", a / 2),)),
            GateSpec(name="x", qubits=(q,), duration=32, error=2e-4, pulses=(pulse(f"q{q}", a),)),
            GateSpec(
                name="rx",
                qubits=(q,),
                duration=32,
                error=3e-4,
                pulses=(pulse(f"q{q}", Curve(angle=ANGLES, value=tuple(a * t / np.pi for t in ANGLES))),),
                phases=(PhaseSpec(qubit=q, angle=Curve(angle=ANGLES, value=tuple(stark(t) for t in ANGLES))),),
            ),
        ]
    for a, b in edges:
        flux = PulseSpec(frame=f"c{a}_{b}", waveform="flux", start=4, amplitude=0.4)
        bend = Curve(angle=QUADRANT, value=tuple(0.3 * float(np.sqrt(t + 0.01)) for t in QUADRANT))
        gates += [
            GateSpec(
                name="cz",
                qubits=(a, b),
                duration=56,
                error=3e-3,
                pulses=(flux,),
                phases=(PhaseSpec(qubit=a, angle=0.3), PhaseSpec(qubit=b, angle=-0.2)),
            ),
            GateSpec(
                name="rzz",
                qubits=(a, b),
                duration=56,
                error=2e-3,
                pulses=(PulseSpec(frame=f"c{a}_{b}", waveform="flux", start=4, amplitude=bend),),
                phases=(
                    PhaseSpec(qubit=a, angle=Curve(angle=QUADRANT, value=tuple(stark(t) for t in QUADRANT))),
                    PhaseSpec(qubit=b, angle=Curve(angle=QUADRANT, value=tuple(-2 * stark(t) for t in QUADRANT))),
                ),
            ),
            GateSpec(
                name="ecr",
                qubits=(b, a),
                duration=352,
                error=5e-3,
                pulses=(
                    pulse(f"q{a}q{b}", 0.5, waveform="cross"),
                    pulse(f"q{b}", 0.2 + 0.01 * (b % 7), start=160),
                    pulse(f"q{a}q{b}", 0.5, start=192, phase=np.pi, waveform="cross"),
                ),
            ),
        ]
    document: dict[str, Any] = {
        "format": 1,
        "device": "lab_synthetic",
        "calibration_id": "synthetic",
        "calibrated_at": datetime(2026, 11, 21, tzinfo=UTC),
        "timing": TimingSpec(
            dt=NS,
            granularity=4,
            default_rep_delay=2e-4,
            min_rep_delay=0.0,
            max_rep_delay=1e-2,
            passive_reset=1e-3,
            feedback_latency=200,
            max_circuit_duration=1e-3,
        ),
        "ports": ports,
        "frames": frames,
        "waveforms": waveforms,
        "qubits": [
            QubitSpec(
                index=q, drive_frame=f"q{q}", frequency=frequency[q], anharmonicity=-3e8, t1=1e-4, t2=8e-5, operational=True
            )
            for q in range(qubits)
        ],
        "gates": gates,
        "measures": [
            MeasureSpec(
                qubit=q,
                drive_frame=f"r{q}",
                waveform="tone",
                amplitude=0.1,
                acquire_frame=f"a{q}",
                acquire_start=20,
                acquire_duration=400,
                kernel="kernel" if q % 2 else None,
                angle=0.1,
                threshold=0.5,
                duration=500,
                prob_meas1_prep0=0.01,
                prob_meas0_prep1=0.02,
            )
            for q in range(qubits)
        ],
    }
    return Snapshot(**(document | changes))


def pulse(frame: str, amplitude: float | Curve, *, start: int = 0, phase: float = 0.0, waveform: str = "drag") -> PulseSpec:
    return PulseSpec(frame=frame, waveform=waveform, start=start, amplitude=amplitude, phase=phase)


def stark(angle: float) -> float:
    """Virtual Z that the synthetic fractional gates ask for, rad."""
    return 0.05 * float(np.sin(angle)) + 0.02 * float(angle) ** 2


@pytest.fixture(scope="session")
def make_snapshot() -> Callable[..., Snapshot]:
    return synthetic


@pytest.fixture(scope="session")
def five() -> Snapshot:
    return synthetic(5)


class Played:
    """The unitary that a straight schedule of the synthetic machine makes, pulses taken as ideal rotations.

    A play turns its qubit about ``cos(phase) X + sin(phase) Y`` by its amplitude (x amplitude = pi). Where a gate asks for
    a virtual Z, the machine is taken to turn the other way by itself: that is what the virtual Z is there to undo.
    """

    def __init__(self, snapshot: Snapshot, qubits: int) -> None:
        self.snapshot, self.qubits = snapshot, qubits
        self.frames = {frame.name: frame for frame in snapshot.frames}

    def unitary(self, lowered: Lowered, values: Sequence[float] = ()) -> NDArray[np.complex128]:
        schedule = lowered.schedule
        row = lowered.slot_map.bind(np.array([values], dtype=float)).values[0]
        total = np.eye(2**self.qubits, dtype=complex)
        for event in schedule.events[schedule.events["operation"] == Operation.PLAY]:
            name = schedule.frames[event["frame"]].name
            level = event["amplitude"] * (row[event["amplitude_slot"]] if event["amplitude_slot"] >= 0 else 1)
            phase = event["phase"] + (row[event["phase_slot"]] if event["phase_slot"] >= 0 else 0)
            if name.startswith("q") and name.count("q") == 1:
                qubit = int(name[1:])
                angle = np.pi * level / (0.2 + 0.01 * (qubit % 7))
                axis = np.cos(phase) * X + np.sin(phase) * Y
                total = self.on(rotation(axis, angle), qubit) @ total
                if event["amplitude_slot"] >= 0 or min(abs(angle - np.pi), abs(angle - np.pi / 2)) > 1e-9:
                    total = self.on(rotation(Z, -stark(angle)), qubit) @ total
            elif name.startswith("c"):
                total = self.coupled(name, level) @ total
        return total

    def coupled(self, name: str, level: float) -> NDArray[np.complex128]:
        a, b = (int(part) for part in name[1:].split("_"))
        if abs(level - 0.4) < 1e-12:
            own = self.on(rotation(Z, -0.3), a) @ self.on(rotation(Z, 0.2), b)
            return own @ np.diag([-1 if (i >> a) & (i >> b) & 1 else 1 for i in range(2**self.qubits)])
        angle = float((level / 0.3) ** 2 - 0.01)
        zz = np.diag([np.exp(-0.5j * angle * (1 - 2 * ((i >> a ^ i >> b) & 1))) for i in range(2**self.qubits)])
        return self.on(rotation(Z, -stark(angle)), a) @ self.on(rotation(Z, 2 * stark(angle)), b) @ zz

    def on(self, gate: NDArray[np.complex128], qubit: int) -> NDArray[np.complex128]:
        return np.kron(np.kron(np.eye(2 ** (self.qubits - qubit - 1)), gate), np.eye(2**qubit))


X, Y, Z = (np.array(m, dtype=complex) for m in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]))


def rotation(axis: NDArray[np.complex128], angle: float) -> NDArray[np.complex128]:
    return np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * axis


def same_up_to_z(one: NDArray[np.complex128], two: NDArray[np.complex128], tolerance: float = 1e-6) -> bool:
    """Whether ``one = D two`` with a diagonal ``D`` of phases: what no measurement of the qubits can tell apart."""
    change = one @ two.conj().T
    return bool(np.allclose(np.abs(np.diag(change)), 1, atol=tolerance))


@pytest.fixture(scope="session")
def played() -> type[Played]:
    return Played


@pytest.fixture(scope="session")
def same() -> Callable[..., bool]:
    return same_up_to_z
