"""The numbers of a snapshot by name, with units, and how two snapshots differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from qpu_bridge.target import Curve, GateSpec, MeasureSpec, QubitSpec, SampledShape, Snapshot, waveform
from qpu_calibration.page import Target


class Number(NamedTuple):
    """A number: of which target (none: of all), its name, its value and unit."""

    target: Target
    name: str
    value: float
    unit: str


class Change(NamedTuple):
    """A number that differs; None where one of the snapshots does not have it."""

    target: Target
    name: str
    before: float | None
    after: float | None
    unit: str


def numbers(snapshot: Snapshot) -> Iterator[Number]:
    """All that calibration may change: of the whole device, of qubits, of couplers."""
    yield Number((), "wait between shots", snapshot.timing.default_rep_delay, "s")
    yield Number((), "wait until all have cooled", snapshot.timing.passive_reset, "s")
    for qubit in snapshot.qubits:
        yield from _qubit(qubit)
        yield from _measure(snapshot, snapshot.measure(qubit.index))
    for coupling in snapshot.couplings:
        yield Number(coupling.qubits, "ZZ", coupling.zz, "Hz")
    for gate in snapshot.gates:
        yield from _gate(snapshot, gate)


def diff(before: Snapshot, after: Snapshot) -> list[Change]:
    """What differs, in the order of `numbers`."""
    old = {(n.target, n.name): n for n in numbers(before)}
    new = {(n.target, n.name): n for n in numbers(after)}
    found = []
    for key, either in (old | new).items():
        was, now = old.get(key), new.get(key)
        if was is None or now is None or was.value != now.value:
            found.append(Change(*key, None if was is None else was.value, None if now is None else now.value, either.unit))
    return found


def _qubit(qubit: QubitSpec) -> Iterator[Number]:
    target = (qubit.index,)
    yield Number(target, "operational", float(qubit.operational), "")
    yield Number(target, "f01", qubit.frequency, "Hz")
    yield Number(target, "anharmonicity", qubit.anharmonicity, "Hz")
    yield Number(target, "T1", qubit.t1, "s")
    yield Number(target, "T2", qubit.t2, "s")


def _measure(snapshot: Snapshot, measure: MeasureSpec) -> Iterator[Number]:
    target = (measure.qubit,)
    yield Number(target, "readout frequency", snapshot.frame(measure.drive_frame).frequency, "Hz")
    yield Number(target, "readout amplitude", measure.amplitude, "")
    yield Number(target, "readout duration", float(measure.duration * snapshot.timing.dt), "s")
    yield Number(target, "readout angle", measure.angle, "rad")
    yield Number(target, "readout threshold", measure.threshold, "")
    yield Number(target, "1 read from 0", measure.prob_meas1_prep0, "")
    yield Number(target, "0 read from 1", measure.prob_meas0_prep1, "")
    if measure.kernel is not None:
        yield from _samples(snapshot, target, "kernel", measure.kernel)


def _gate(snapshot: Snapshot, gate: GateSpec) -> Iterator[Number]:
    if gate.pulses or len(gate.qubits) > 1:
        yield Number(gate.qubits, f"{gate.name} error", gate.error, "")
    if len(gate.qubits) > 1:
        yield Number(gate.qubits, f"{gate.name} operational", float(gate.operational), "")
        yield Number(gate.qubits, f"{gate.name} duration", float(gate.duration * snapshot.timing.dt), "s")
    for place, pulse in enumerate(gate.pulses):
        name = gate.name if len(gate.pulses) == 1 else f"{gate.name} pulse {place} ({pulse.frame})"
        yield from _level(gate.qubits, f"{name} amplitude", pulse.amplitude, "")
        if len(gate.qubits) > 1:
            yield Number(gate.qubits, f"{name} phase", pulse.phase, "rad")
        yield from _samples(snapshot, gate.qubits, f"{name}", pulse.waveform)
    for phase in gate.phases:
        yield from _level(gate.qubits, f"{gate.name} Z of qubit {phase.qubit}", phase.angle, "rad")


def _level(target: Target, name: str, level: float | Curve, unit: str) -> Iterator[Number]:
    if isinstance(level, Curve):
        yield Number(target, f"{name} at {level.angle[-1]:.4g} rad", level.value[-1], unit)
        middle = len(level.value) // 2
        yield Number(target, f"{name} at {level.angle[middle]:.4g} rad", level.value[middle], unit)
    else:
        yield Number(target, name, level, unit)


def _samples(snapshot: Snapshot, target: Target, name: str, key: str) -> Iterator[Number]:
    """The parameters of an envelope; of plain samples, their number and root mean square."""
    shape = snapshot.waveforms[key]
    if isinstance(shape, SampledShape):
        samples = waveform(shape).expand()
        yield Number(target, f"{name} samples", float(len(samples)), "")
        yield Number(target, f"{name} weight", float(np.sqrt(np.mean(np.abs(samples) ** 2))), "")
        yield Number(target, f"{name} phase", float(np.angle(np.sum(samples))), "rad")
        return
    for field, value in shape.model_dump(exclude={"shape"}).items():
        yield Number(target, f"{name} {field}", float(value), "samples")
