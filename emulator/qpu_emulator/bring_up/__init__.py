"""The lab's work on a fresh device, done on paper: solve the truth for the pulses that calibration would find."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np

from qpu_bridge.schedule import PortKind
from qpu_bridge.target import Snapshot
from qpu_bridge.target.gate import GateSpec, PhaseSpec, PulseSpec
from qpu_bridge.target.line import FrameSpec, PortSpec
from qpu_bridge.target.qubit import MeasureSpec, QubitSpec
from qpu_bridge.target.shape import ConstantShape, DragShape, GaussianSquareShape, Shape, waveform
from qpu_bridge.target.snapshot import TimingSpec
from qpu_emulator.bring_up.conditional import double, pair_limit
from qpu_emulator.bring_up.discrimination import TONE_TICKS, solve_measure
from qpu_emulator.bring_up.echoed import EchoedPair
from qpu_emulator.bring_up.part import Part, kept
from qpu_emulator.bring_up.recipe import DT, GRAIN, Done, Recipe, silent, wait
from qpu_emulator.bring_up.rotation import rotate, single
from qpu_emulator.cache import Cache
from qpu_emulator.chip.device import Coupling, Device, StaticCoupling, TunableCoupler
from qpu_emulator.chip.line import IDEAL

_EDGE, _CROSS_SIGMA = 40, 13.0


def solve_snapshot(
    device: Device, date: datetime, recipe: Recipe | None = None, done: Done = silent, cache: Cache | None = None
) -> Snapshot:
    """A snapshot whose every pulse is solved from the truth; all times are multiples of 4 ns.

    Args:
        device: The truth.
        date: When the calibration is said to have been made.
        recipe: How long pulses are.
        done: Told of each qubit, coupler and readout that is solved.
        cache: Where solved parts are kept on disk; None for nowhere.

    Raises:
        SettingsError: If a coupler cannot make its gate.
    """
    assert date.tzinfo is UTC
    recipe = recipe or Recipe()
    tone = ConstantShape(shape="constant", duration=TONE_TICKS)
    waveforms: dict[str, Shape] = {"readout": tone}
    late = wait(device)

    def lines(*ports: str) -> list[object]:
        return [late, *((port, device.lines.get(port)) for port in ports)]

    def rotations(qubit: int) -> Part:
        line = device.line_of(qubit)
        enters = ["rotations", qubit, device.transmons[qubit], device.reach(qubit)[line], recipe.drive_of(qubit), lines(line)]

        def solve() -> Part:
            own: dict[str, Shape] = {}
            return Part(gates=tuple(single(device, qubit, recipe, own, date)), waveforms=own)

        return kept(cache, enters, date, solve)

    def entangling(coupler: Coupling) -> Part:
        transmons = [device.transmons[qubit] for qubit in coupler.qubits]
        if isinstance(coupler, StaticCoupling):
            control, _ = _direction(device, coupler)
            flip = next(gate for gate in singles if gate.name == "x" and gate.qubits == (control,))
            own = {name: waveforms[name] for name in (flip.pulses[0].waveform,)}
            reach = [device.reach(qubit) for qubit in coupler.qubits]
            numbers = [recipe.cross, recipe.cross_of(coupler.qubits), recipe.drive_of(control), recipe.rotary]
            passed = lines(*(device.line_of(qubit) for qubit in coupler.qubits))
            enters = ["echoed", coupler, transmons, reach, numbers, passed, flip.pulses[0], own[flip.pulses[0].waveform]]

            def solve() -> Part:
                return Part(gates=(_echoed(device, coupler, recipe, own, flip, date),), waveforms=own)

        else:
            own = {}
            numbers = [recipe.flux, recipe.flux_of(coupler.qubits)]
            enters = ["conditional", coupler, transmons, numbers, lines(coupler.port)]

            def solve() -> Part:
                return Part(gates=tuple(double(device, coupler, recipe, own, date)), waveforms=own)

        return kept(cache, enters, date, solve)

    def readout(index: int) -> Part:
        resonator = device.resonators[index]

        def solve() -> Part:
            own: dict[str, Shape] = {"readout": tone}
            return Part(measures=(solve_measure(device, index, own),), waveforms=own)

        return kept(cache, ["readout", resonator, device.transmons[resonator.qubit], tone], date, solve)

    singles: list[GateSpec] = []
    doubles: list[GateSpec] = []
    measures: list[MeasureSpec] = []
    # solvers let go of the interpreter's lock while they propagate
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="bring-up") as pool:
        for found in pool.map(rotations, range(len(device.transmons))):
            singles += found.gates
            waveforms |= found.waveforms
            done(f"qubit {found.gates[0].qubits[0]}")
        for found in pool.map(entangling, device.couplers):
            doubles += found.gates
            waveforms |= found.waveforms
            done(f"coupler {found.gates[0].qubits}")
        for found in pool.map(readout, range(len(device.resonators))):
            measures += found.measures
            waveforms |= found.waveforms
            done(f"readout {found.measures[0].qubit}")
    gates = singles + doubles
    # whoever lives longest decides when all have cooled
    slowest = max((transmon.t1 or 0.0 for transmon in device.transmons), default=0.0)
    cools = max(0.9e-3, round(8 * slowest, 4))
    return Snapshot(
        format=1,
        device=device.name,
        calibration_id=f"{device.name}-{date:%Y%m%dT%H%M%SZ}",
        calibrated_at=date,
        timing=TimingSpec(
            dt=DT,
            granularity=4,
            default_rep_delay=cools + 0.1e-3,
            min_rep_delay=1e-6,
            max_rep_delay=max(10e-3, 2 * cools),
            passive_reset=cools,
            feedback_latency=400,
            max_circuit_duration=10e-3,
        ),
        ports=_ports(device),
        frames=_frames(device),
        waveforms=dict(sorted(waveforms.items())),
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
        measures=tuple(measures),
        description=f"Emulated device {device.name}: {len(device.transmons)} transmons, {len(device.couplers)} couplers.",
    )


def _ports(device: Device) -> tuple[PortSpec, ...]:
    names: dict[str, PortKind] = {}
    for transmon in device.transmons:
        names |= dict.fromkeys(transmon.rabi, PortKind.DRIVE)
    names |= {coupler.port: PortKind.FLUX for coupler in device.couplers if isinstance(coupler, TunableCoupler)}
    names |= {resonator.port: PortKind.READOUT for resonator in device.resonators}
    names |= {resonator.acquire_port: PortKind.ACQUIRE for resonator in device.resonators}
    return tuple(PortSpec(name=name, kind=kind, dt=DT) for name, kind in names.items())


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


def _echoed(
    device: Device, coupler: StaticCoupling, recipe: Recipe, waveforms: dict[str, Shape], x: GateSpec, date: datetime
) -> GateSpec:
    control, target = _direction(device, coupler)
    ports = [device.line_of(control), device.line_of(target)]
    # tones that arrive at different times must not reach into the x between the halves
    early, late = sorted(device.lines.get(port, IDEAL).delay for port in ports)
    apart = round((late - early) / float(DT))
    cross = recipe.cross_of(coupler.qubits)
    half_name = "cross" if cross == recipe.cross else f"cross{cross}"
    shape = GaussianSquareShape(shape="gaussian_square", duration=cross, sigma=_CROSS_SIGMA, width=cross - 2 * _EDGE)
    waveforms[half_name] = shape
    flip, flip_ticks = x.pulses[0], recipe.drive_of(control)
    drag = waveforms[flip.waveform]
    assert isinstance(drag, DragShape)
    assert isinstance(flip.amplitude, float)
    flipped = rotate(device, control, flip_ticks, drag.beta, np.array([flip.amplitude]))[0][:2, :2]
    middle = cross + apart
    later = middle + flip_ticks + apart
    pair = EchoedPair(device, coupler, control, waveform(shape), flipped, later - cross, float(DT))
    echo = pair.solve(0.3, (recipe.rotary,))
    ticks = -(-(later + cross + wait(device)) // GRAIN) * GRAIN

    def half(place: int, start: int, sign: int) -> tuple[PulseSpec, PulseSpec]:
        across = PulseSpec(
            frame=f"u{control}_{target}",
            waveform=half_name,
            start=start,
            amplitude=sign * echo.amplitude,
            phase=echo.phase[place],
        )
        rotary = PulseSpec(
            frame=f"q{target}", waveform=half_name, start=start, amplitude=sign * echo.rotary, phase=echo.rotary_phase[place]
        )
        return across, rotary

    return GateSpec(
        name="ecr",
        qubits=(control, target),
        duration=ticks,
        error=pair_limit(device, coupler.qubits, ticks) + echo.infidelity,
        pulses=(*half(0, 0, 1), flip.model_copy(update={"start": middle}), *half(1, later, -1)),
        phases=tuple(PhaseSpec(qubit=q, angle=turn) for q, turn in zip((control, target), echo.turns, strict=True)),
        calibrated_at=date,
    )
