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
from qpu_bridge.target.shape import ConstantShape, CosineSquareShape, DragShape, GaussianSquareShape, Shape, waveform
from qpu_bridge.target.snapshot import TimingSpec
from qpu_emulator.basis import Complex, Real
from qpu_emulator.device import Device, StaticCoupling, TunableCoupler
from qpu_emulator.discrimination import TONE_TICKS, solve_measure
from qpu_emulator.echoed import EchoedPair
from qpu_emulator.line import IDEAL
from qpu_emulator.pair import Pair
from qpu_emulator.propagator import drive
from qpu_emulator.tones import Tone, combine

_TAU = 2 * np.pi
_DT = Fraction(1, 10**9)
_DRIVE_TICKS = 36
_FLUX_TICKS, _RISE = 60, 30
_CROSS_TICKS, _EDGE, _CROSS_SIGMA = 208, 40, 13.0
_ROTARY = 0.06
_GRAIN = 4


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
    for coupler in device.couplers:
        if isinstance(coupler, StaticCoupling):
            gates.append(_echoed(device, coupler, waveforms, gates, date))
        else:
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
        description=f"Emulated device {device.name}: {len(device.transmons)} transmons, {len(device.couplers)} couplers.",
    )


def _ports(device: Device) -> tuple[PortSpec, ...]:
    names: dict[str, PortKind] = {}
    for transmon in device.transmons:
        names |= dict.fromkeys(transmon.rabi, PortKind.DRIVE)
    names |= {coupler.port: PortKind.FLUX for coupler in device.couplers if isinstance(coupler, TunableCoupler)}
    names |= {resonator.port: PortKind.READOUT for resonator in device.resonators}
    names |= {resonator.acquire_port: PortKind.ACQUIRE for resonator in device.resonators}
    return tuple(PortSpec(name=name, kind=kind, dt=_DT) for name, kind in names.items())


def _frames(device: Device) -> tuple[FrameSpec, ...]:
    drives = [
        FrameSpec(name=f"q{index}", port=device.line_of(index), frequency=transmon.frequency, follows=index)
        for index, transmon in enumerate(device.transmons)
    ]
    for coupler in device.couplers:
        if isinstance(coupler, StaticCoupling):
            control, target = _direction(device, coupler)
            frequency = device.transmons[target].frequency
            drives.append(
                FrameSpec(name=f"u{control}_{target}", port=device.line_of(control), frequency=frequency, follows=target)
            )
    fluxes = [
        FrameSpec(name=coupler.port, port=coupler.port, frequency=0.0)
        for coupler in device.couplers
        if isinstance(coupler, TunableCoupler)
    ]
    readouts = [
        FrameSpec(name=f"{letter}{resonator.qubit}", port=port, frequency=resonator.frequency)
        for resonator in device.resonators
        for letter, port in (("m", resonator.port), ("a", resonator.acquire_port))
    ]
    return (*drives, *fluxes, *readouts)


def _direction(device: Device, coupler: StaticCoupling) -> tuple[int, int]:
    """Control and target: the higher transmon controls, so that the drive lies between its f01 and f12."""
    low, high = sorted(coupler.qubits, key=lambda qubit: device.transmons[qubit].frequency)
    return high, low


def _wait(device: Device) -> int:
    """Ticks by which gates are longer than their pulses, so that what a line delays arrives in time."""
    latest = max((line.delay for line in device.lines.values()), default=0.0)
    return -(-round(latest / float(_DT)) // _GRAIN) * _GRAIN


def _rotate(device: Device, qubit: int, beta: float, amplitudes: Real) -> Complex:
    """Propagators ``complex[n, 3, 3]`` of the DRAG pulse."""
    transmon = device.transmons[qubit]
    tone = Tone(shapes.drag(_DRIVE_TICKS, _DRIVE_TICKS / 4, beta), float(_DT), 0.0, device.line_of(qubit))
    numbers = np.zeros((len(amplitudes), 1, 3))
    numbers[:, 0, 0] = amplitudes
    samples, repeats, dt = combine((tone,), numbers, [device.reach(qubit)], device.lines)
    still, detuning = np.zeros((9, 9)), np.zeros(len(amplitudes))
    return drive(np.ascontiguousarray(samples[:, 0]), repeats, dt, detuning, _TAU * transmon.anharmonicity, still)[0]


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
    line = device.line_of(qubit)
    pi_guess = 0.5 / (transmon.rabi[line] * area * device.lines.get(line, IDEAL).gain)
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

    ticks = _DRIVE_TICKS + _wait(device)
    return [
        gate("rz", None, 0),
        gate("id", None, ticks),
        gate("sx", half, ticks),
        gate("x", full, ticks),
        gate("rx", Curve(angle=tuple(angles.tolist()), value=tuple(curve)), ticks),
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
    waveforms["flux"] = CosineSquareShape(shape="cosine_square", duration=_FLUX_TICKS, rise=_RISE)
    samples, repeats = device.lines.get(coupler.port, IDEAL).respond(waveform(waveforms["flux"]), float(_DT))

    def phases(amplitudes: Real) -> tuple[Real, Real, Real]:
        frequency = pair.frequency(np.multiply.outer(amplitudes, samples.real))
        final, _ = pair.propagate(frequency, repeats, float(_DT))
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
    ticks = _FLUX_TICKS + _wait(device)
    error = _pair_limit(device, coupler.qubits, ticks)

    def gate(name: str, amplitude: float | Curve, turns: list[float | Curve]) -> GateSpec:
        return GateSpec(
            name=name,
            qubits=(a, b),
            duration=ticks,
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


def _echoed(
    device: Device, coupler: StaticCoupling, waveforms: dict[str, Shape], gates: list[GateSpec], date: datetime
) -> GateSpec:
    control, target = _direction(device, coupler)
    ports = [device.line_of(control), device.line_of(target)]
    # tones that arrive at different times must not reach into the x between the halves
    early, late = sorted(device.lines.get(port, IDEAL).delay for port in ports)
    apart = round((late - early) / float(_DT))
    waveforms["cross"] = GaussianSquareShape(
        shape="gaussian_square", duration=_CROSS_TICKS, sigma=_CROSS_SIGMA, width=_CROSS_TICKS - 2 * _EDGE
    )
    flip = next(gate.pulses[0] for gate in gates if gate.name == "x" and gate.qubits == (control,))
    drag = waveforms[flip.waveform]
    assert isinstance(drag, DragShape)
    assert isinstance(flip.amplitude, float)
    flipped = _rotate(device, control, drag.beta, np.array([flip.amplitude]))[0][:2, :2]
    middle = _CROSS_TICKS + apart
    later = middle + _DRIVE_TICKS + apart
    pair = EchoedPair(device, coupler, control, waveform(waveforms["cross"]), flipped, later - _CROSS_TICKS, float(_DT))
    echo = pair.solve(0.3, (_ROTARY,))
    ticks = -(-(later + _CROSS_TICKS + _wait(device)) // _GRAIN) * _GRAIN

    def half(place: int, start: int, sign: int) -> tuple[PulseSpec, PulseSpec]:
        across = PulseSpec(
            frame=f"u{control}_{target}",
            waveform="cross",
            start=start,
            amplitude=sign * echo.amplitude,
            phase=echo.phase[place],
        )
        rotary = PulseSpec(
            frame=f"q{target}", waveform="cross", start=start, amplitude=sign * echo.rotary, phase=echo.rotary_phase[place]
        )
        return across, rotary

    return GateSpec(
        name="ecr",
        qubits=(control, target),
        duration=ticks,
        error=_pair_limit(device, coupler.qubits, ticks) + echo.infidelity,
        pulses=(*half(0, 0, 1), flip.model_copy(update={"start": middle}), *half(1, later, -1)),
        phases=tuple(PhaseSpec(qubit=q, angle=turn) for q, turn in zip((control, target), echo.turns, strict=True)),
        calibrated_at=date,
    )


def _pair_limit(device: Device, qubits: tuple[int, int], ticks: int) -> float:
    """Infidelity that relaxation alone leaves."""
    kept = []
    for qubit in qubits:
        transmon = device.transmons[qubit]
        time = ticks * float(_DT)
        kept.append(1 + np.exp(-time / (transmon.t1 or np.inf)) + 2 * np.exp(-time / (transmon.t2 or np.inf)))
    return float((16 - kept[0] * kept[1]) / 20)
