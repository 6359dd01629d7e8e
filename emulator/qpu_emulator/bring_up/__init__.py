"""The lab's work on a fresh device, done on paper: solve the truth for the pulses that calibration would find."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from qpu_bridge.schedule import PortKind
from qpu_bridge.target import Snapshot
from qpu_bridge.target.gate import GateSpec
from qpu_bridge.target.line import FrameSpec, PortSpec
from qpu_bridge.target.qubit import MeasureSpec, QubitSpec
from qpu_bridge.target.shape import Shape
from qpu_bridge.target.snapshot import TimingSpec
from qpu_emulator.bring_up.echoed import direction
from qpu_emulator.bring_up.part import Part, Parts
from qpu_emulator.bring_up.recipe import DT, Done, Recipe, silent
from qpu_emulator.cache import Cache
from qpu_emulator.chip.device import Device, StaticCoupling, TunableCoupler


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
    parts = Parts(device, date, recipe or Recipe(), cache)
    waveforms: dict[str, Shape] = {}
    singles: dict[int, Part] = {}
    gates: list[GateSpec] = []
    measures: list[MeasureSpec] = []

    def add(part: Part, what: str) -> None:
        gates.extend(part.gates)
        measures.extend(part.measures)
        waveforms.update(part.waveforms)
        done(what)

    # solvers let go of the interpreter's lock while they propagate
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="bring-up") as pool:
        for qubit, part in enumerate(pool.map(parts.rotations, range(len(device.transmons)))):
            singles[qubit] = part
            add(part, f"qubit {qubit}")
        for part in pool.map(lambda coupler: parts.entangling(coupler, singles), device.couplers):
            add(part, f"coupler {part.gates[0].qubits}")
        for part in pool.map(parts.readout, range(len(device.resonators))):
            add(part, f"readout {part.measures[0].qubit}")
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
            control, target = direction(device, coupler)
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
