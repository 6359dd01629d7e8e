"""The lab's work on a fresh device, done on paper: solve the truth for the pulses that calibration would find."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
from scipy.optimize import brentq, minimize

from qpu_bridge.schedule import PortKind, shapes
from qpu_bridge.target import Snapshot
from qpu_bridge.target.gate import Curve, GateSpec, PhaseSpec, PulseSpec
from qpu_bridge.target.line import FrameSpec, PortSpec
from qpu_bridge.target.qubit import QubitSpec
from qpu_bridge.target.shape import ConstantShape, CosineSquareShape, DragShape, Shape, waveform
from qpu_bridge.target.snapshot import TimingSpec
from qpu_emulator.basis import Complex, Real
from qpu_emulator.device import Device, TunableCoupler
from qpu_emulator.discrimination import TONE_TICKS, solve_measure
from qpu_emulator.pair import Pair
from qpu_emulator.propagator import drive

_TAU = 2 * np.pi
_DT = Fraction(1, 10**9)
_DRIVE_TICKS = 36
_FLUX_TICKS, _RISE = 60, 30


def solve_snapshot(device: Device, date: datetime) -> Snapshot:
    """A snapshot whose every pulse is solved from the truth; all times are multiples of 4 ns.

    Args:
        device: The truth.
        date: When the calibration is said to have been made.
    """
    assert date.tzinfo is UTC
    waveforms: dict[str, Shape] = {"readout": ConstantShape(shape="constant", duration=TONE_TICKS)}
    gates: list[GateSpec] = []
    for qubit in range(len(device.transmons)):
        gates += _single(device, qubit, waveforms, date)
    waveforms["flux"] = CosineSquareShape(shape="cosine_square", duration=_FLUX_TICKS, rise=_RISE)
    for coupler in device.couplers:
        gates += _double(device, coupler, waveforms, date)
    measures = tuple(solve_measure(device, index, waveforms) for index in range(len(device.resonators)))
    return Snapshot(
        format=1,
        device=device.name,
        calibration_id=f"{device.name}-{date:%Y%m%dT%H%M%SZ}",
        calibrated_at=date,
        timing=TimingSpec(
            dt=_DT,
            granularity=4,
            default_rep_delay=1e-3,
            min_rep_delay=1e-6,
            max_rep_delay=10e-3,
            passive_reset=0.9e-3,
            feedback_latency=400,
            max_circuit_duration=10e-3,
        ),
        ports=_ports(device),
        frames=_frames(device),
        waveforms=waveforms,
        qubits=tuple(
            QubitSpec(
                index=index,
                drive_frame=f"q{index}",
                frequency=transmon.frequency,
                anharmonicity=transmon.anharmonicity,
                t1=transmon.t1 or 1.0,
                t2=transmon.t2 or 1.0,
            )
            for index, transmon in enumerate(device.transmons)
        ),
        gates=tuple(gates),
        measures=measures,
        description=f"Emulated device {device.name}: transmons in a line with tunable couplers.",
    )


def _ports(device: Device) -> tuple[PortSpec, ...]:
    names: dict[str, PortKind] = {}
    for transmon in device.transmons:
        names |= dict.fromkeys(transmon.rabi, PortKind.DRIVE)
    names |= {coupler.port: PortKind.FLUX for coupler in device.couplers}
    names |= {resonator.port: PortKind.READOUT for resonator in device.resonators}
    names |= {resonator.acquire_port: PortKind.ACQUIRE for resonator in device.resonators}
    return tuple(PortSpec(name=name, kind=kind, dt=_DT) for name, kind in names.items())


def _frames(device: Device) -> tuple[FrameSpec, ...]:
    drives = [
        FrameSpec(name=f"q{index}", port=_line(device, index), frequency=transmon.frequency, follows=index)
        for index, transmon in enumerate(device.transmons)
    ]
    fluxes = [FrameSpec(name=f"{coupler.port}", port=coupler.port, frequency=0.0) for coupler in device.couplers]
    readouts = [
        FrameSpec(name=f"{letter}{resonator.qubit}", port=port, frequency=resonator.frequency)
        for resonator in device.resonators
        for letter, port in (("m", resonator.port), ("a", resonator.acquire_port))
    ]
    return (*drives, *fluxes, *readouts)


def _line(device: Device, qubit: int) -> str:
    return max(device.transmons[qubit].rabi, key=device.transmons[qubit].rabi.__getitem__)


def _rotate(device: Device, qubit: int, beta: float, amplitudes: Real) -> Complex:
    """Propagators ``complex[n, 3, 3]`` of the DRAG pulse."""
    transmon = device.transmons[qubit]
    envelope = shapes.drag(_DRIVE_TICKS, _DRIVE_TICKS / 4, beta)
    samples = np.multiply.outer(np.pi * transmon.rabi[_line(device, qubit)] * amplitudes, envelope.samples)
    still = np.zeros((9, 9))
    detuning = np.zeros(len(amplitudes))
    return drive(samples, envelope.repeats, float(_DT), detuning, _TAU * transmon.anharmonicity, still)[0]


def infidelity(achieved: Complex, wanted: Complex) -> float:
    """Average gate infidelity of a block of a larger unitary."""
    size = len(wanted)
    block = achieved[:size, :size]
    overlap = abs(np.trace(wanted.conj().T @ block)) ** 2
    return float(1 - (overlap + np.trace(block.conj().T @ block).real) / (size * (size + 1)))


def _rx(angle: float) -> Complex:
    return np.array([[np.cos(angle / 2), -1j * np.sin(angle / 2)], [-1j * np.sin(angle / 2), np.cos(angle / 2)]])


def _single(device: Device, qubit: int, waveforms: dict[str, Shape], date: datetime) -> list[GateSpec]:
    transmon = device.transmons[qubit]
    area = shapes.drag(_DRIVE_TICKS, _DRIVE_TICKS / 4, 0.0).expand().real.sum() * float(_DT)
    pi_guess = 0.5 / (transmon.rabi[_line(device, qubit)] * area)
    beta_guess = -1.06 / (2 * _TAU * transmon.anharmonicity * float(_DT))

    def cost(x: Real) -> float:
        both = _rotate(device, qubit, x[2] * beta_guess, np.array([x[0], x[1] / 2]) * pi_guess)
        return 1e4 * (infidelity(both[0], _rx(np.pi)) + infidelity(both[1], _rx(np.pi / 2)))

    best = minimize(cost, [1.0, 1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 800}).x
    beta = float(np.round(best[2] * beta_guess, 6))
    name = f"drag{qubit}"
    waveforms[name] = DragShape(shape="drag", duration=_DRIVE_TICKS, sigma=_DRIVE_TICKS / 4, beta=beta)
    half = float(np.round(best[1] / 2 * pi_guess, 9))
    full = float(np.round(best[0] * pi_guess, 9))
    angles = np.linspace(-np.pi, np.pi, 33)
    curve = [_amplitude(device, qubit, beta, angle, pi_guess) for angle in angles]
    relaxation = 0.5 - np.exp(-_DRIVE_TICKS * 1e-9 / (transmon.t1 or np.inf)) / 6
    limit = float(relaxation - np.exp(-_DRIVE_TICKS * 1e-9 / (transmon.t2 or np.inf)) / 3)

    def gate(label: str, amplitude: float | Curve | None, duration: int) -> GateSpec:
        pulses = () if amplitude is None else (PulseSpec(frame=f"q{qubit}", waveform=name, amplitude=amplitude),)
        error = limit if pulses else 0.0
        return GateSpec(name=label, qubits=(qubit,), duration=duration, error=error, pulses=pulses, calibrated_at=date)

    return [
        gate("rz", None, 0),
        gate("id", None, _DRIVE_TICKS),
        gate("sx", half, _DRIVE_TICKS),
        gate("x", full, _DRIVE_TICKS),
        gate("rx", Curve(angle=tuple(angles.tolist()), value=tuple(curve)), _DRIVE_TICKS),
    ]


def _amplitude(device: Device, qubit: int, beta: float, angle: float, pi_guess: float) -> float:
    guess = angle / np.pi * pi_guess
    if angle == 0:
        return 0.0

    def cost(x: Real) -> float:
        return 1e4 * infidelity(_rotate(device, qubit, beta, x * guess)[0], _rx(angle))

    found = minimize(cost, [1.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    return float(np.round(found.x[0] * guess, 9))


def _double(device: Device, coupler: TunableCoupler, waveforms: dict[str, Shape], date: datetime) -> list[GateSpec]:
    pair = Pair(device, coupler)
    envelope = waveform(waveforms["flux"])

    def phases(amplitudes: Real) -> tuple[Real, Real, Real]:
        frequency = pair.frequency(np.multiply.outer(amplitudes, envelope.samples.real))
        final, _ = pair.propagate(frequency, envelope.repeats, float(_DT))
        first, second, both = (np.angle(final[:, s, s] / final[:, 0, 0]) for s in (3, 1, 4))
        return first, second, both - first - second

    grid = np.linspace(-0.3, 1.0, 261)
    found = np.unwrap(np.stack(phases(grid)), axis=1)
    rest = int(np.argmin(abs(grid)))
    found -= np.round(found[:, rest : rest + 1] / _TAU) * _TAU
    # from rest on, the conditional phase falls: keep its first way down to beyond -pi
    first_past = rest + int(np.argmax(found[2, rest:] < -np.pi - 0.2))
    use = slice(0, first_past + 1)

    def conditional(amplitude: float, wanted: float) -> float:
        raw = float(phases(np.array([amplitude]))[2][0])
        near = float(np.interp(amplitude, grid[use], found[2, use]))
        return raw + _TAU * round((near - raw) / _TAU) - wanted

    angles = np.pi / 2 * np.linspace(0, 1, 33) ** 2
    amplitudes = []
    for angle in angles:
        below = np.flatnonzero(found[2, use] > -2 * angle)[-1]
        top = min(below + 1, first_past)
        amplitudes.append(brentq(conditional, grid[below], grid[top], args=(-2 * angle,), xtol=1e-10))
    first, second, _ = phases(np.array(amplitudes))
    first, second = np.unwrap(angles - first), np.unwrap(angles - second)
    first -= np.round(first[0] / _TAU) * _TAU
    second -= np.round(second[0] / _TAU) * _TAU
    a, b = coupler.qubits
    error = _pair_limit(device, coupler)

    def gate(name: str, amplitude: float | Curve, turns: list[float | Curve]) -> GateSpec:
        return GateSpec(
            name=name,
            qubits=(a, b),
            duration=_FLUX_TICKS,
            error=error,
            pulses=(PulseSpec(frame=coupler.port, waveform="flux", amplitude=amplitude),),
            phases=tuple(PhaseSpec(qubit=q, angle=turn) for q, turn in zip((a, b), turns, strict=True)),
            calibrated_at=date,
        )

    def curve(values: Real | list[float]) -> Curve:
        return Curve(angle=tuple(angles.tolist()), value=tuple(np.round(values, 9).tolist()))

    local = [float(np.round(np.angle(np.exp(1j * (turn[-1] - np.pi / 2))), 9)) for turn in (first, second)]
    return [
        gate("cz", float(np.round(amplitudes[-1], 9)), list(local)),
        gate("rzz", curve(amplitudes), [curve(first), curve(second)]),
    ]


def _pair_limit(device: Device, coupler: TunableCoupler) -> float:
    kept = []
    for qubit in coupler.qubits:
        transmon = device.transmons[qubit]
        time = _FLUX_TICKS * 1e-9
        kept.append(1 + np.exp(-time / (transmon.t1 or np.inf)) + 2 * np.exp(-time / (transmon.t2 or np.inf)))
    return float((16 - kept[0] * kept[1]) / 20)
