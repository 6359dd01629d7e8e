"""Edits: a snapshot with one thing changed, and all that follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import CouplingSpec, Curve, DragShape, GateSpec, PhaseSpec, PulseSpec, Shape, Snapshot

WARM = 5.0
"""Shortest wait between shots, in T1: it leaves 0.7 % of an excitation, which is as much as a good readout errs."""

COLD = 8.0
"""Wait between shots that is set where one is too short, in T1: it leaves 0.03 % of an excitation."""


def with_qubit(snapshot: Snapshot, qubit: int, **changes: Any) -> Snapshot:
    """With other fields of a qubit (``t1``, ``t2``, ``anharmonicity``, ``operational``); for f01 see `with_frequency`."""
    qubits = tuple(q.model_copy(update=changes) if q.index == qubit else q for q in snapshot.qubits)
    return snapshot.model_copy(update={"qubits": qubits})


def with_t1(snapshot: Snapshot, qubit: int, t1: float, error: float = 0.0) -> Snapshot:
    """With another T1 of this standard error (s), and what follows: T2, errors of gates, the wait between shots (`with_rest`).

    T2 and errors are measured less often. Pure dephasing is taken to be what it was. Relaxation in a time t adds
    ``t / T1 * d / (2 d + 2)`` to the infidelity of a gate on a space of d dimensions (Abad et al., PRL 129, 150504).
    """
    before = snapshot.qubits[qubit]
    t1 = round(float(t1), 10)
    faster = 1 / t1 - 1 / before.t1
    rate = max(1 / before.t2 + faster / 2, 1 / (2 * t1))
    dt = float(snapshot.timing.dt)

    def worn(gate: GateSpec) -> GateSpec:
        if qubit not in gate.qubits or not gate.pulses:
            return gate
        dimension = 2 ** len(gate.qubits)
        more = gate.duration * dt * faster * dimension / (2 * dimension + 2)
        return _erring(gate, round(gate.error + more, 9))

    snapshot = with_rest(with_qubit(snapshot, qubit, t1=t1, t2=round(1 / rate, 10)), t1, error)
    return snapshot.model_copy(update={"gates": tuple(worn(gate) for gate in snapshot.gates)})


def with_rest(snapshot: Snapshot, t1: float, error: float = 0.0) -> Snapshot:
    """With a wait between shots that lets a qubit of this T1 (s) relax, as far as the machine may wait.

    A wait that is shorter than `WARM` by two standard errors of T1 becomes `COLD`; one that is too long stays. A default wait
    that was shorter than ``passive_reset`` (it left the rest to an active reset) stays; any other grows by as much as that does.
    """
    timing = snapshot.timing
    cools = min(round(COLD * t1, 6), timing.max_rep_delay)
    if timing.passive_reset >= WARM * (t1 - 2 * error) or timing.passive_reset >= cools:
        return snapshot
    default = timing.default_rep_delay
    if default >= timing.passive_reset:
        default = min(round(default + cools - timing.passive_reset, 6), timing.max_rep_delay)
    changed = timing.model_copy(update={"passive_reset": cools, "default_rep_delay": default})
    return snapshot.model_copy(update={"timing": changed})


def with_operational(snapshot: Snapshot, target: tuple[int, ...], operational: bool) -> Snapshot:
    """With a qubit, or all gates of a coupler, given to users or kept from them."""
    if len(target) == 1:
        return with_qubit(snapshot, target[0], operational=operational)
    gates = tuple(
        gate.model_copy(update={"operational": operational}) if set(gate.qubits) == set(target) else gate
        for gate in snapshot.gates
    )
    return snapshot.model_copy(update={"gates": gates})


def with_frequency(snapshot: Snapshot, qubit: int, hz: float) -> Snapshot:
    """With another f01: the qubit, and every carrier that follows it (its drive, and cross-resonance tones that drive it)."""
    hz = round(float(hz), 1)
    frames = tuple(f.model_copy(update={"frequency": hz}) if f.follows == qubit else f for f in snapshot.frames)
    return with_qubit(snapshot.model_copy(update={"frames": frames}), qubit, frequency=hz)


def with_readout_frequency(snapshot: Snapshot, qubit: int, hz: float) -> Snapshot:
    """With another readout frequency: tone and capture."""
    measure = snapshot.measure(qubit)
    names = {measure.drive_frame, measure.acquire_frame}
    frames = tuple(f.model_copy(update={"frequency": round(float(hz), 1)}) if f.name in names else f for f in snapshot.frames)
    return snapshot.model_copy(update={"frames": frames})


def with_measure(snapshot: Snapshot, qubit: int, **changes: Any) -> Snapshot:
    """With other fields of a qubit's measurement."""
    measures = tuple(m.model_copy(update=changes) if m.qubit == qubit else m for m in snapshot.measures)
    return snapshot.model_copy(update={"measures": measures})


def with_waveform(snapshot: Snapshot, name: str, shape: Shape) -> Snapshot:
    """With a waveform of this name, new or instead of the one there."""
    return snapshot.model_copy(update={"waveforms": snapshot.waveforms | {name: shape}})


def known_gate(snapshot: Snapshot, name: str, qubits: tuple[int, ...]) -> GateSpec:
    """A native gate that a routine plays or changes.

    Raises:
        SettingsError: If the machine does not have it.
    """
    gate = snapshot.gate(name, *qubits)
    if gate is None:
        raise SettingsError("a routine plays gates that the snapshot has", given=f"{name} on {list(qubits)}")
    return gate


def with_gate(snapshot: Snapshot, gate: GateSpec) -> Snapshot:
    """With a gate instead of the one of the same name on the same qubits, or as a new one."""
    there = snapshot.gate(gate.name, *gate.qubits)
    gates = (*snapshot.gates, gate) if there is None else tuple(gate if known is there else known for known in snapshot.gates)
    return snapshot.model_copy(update={"gates": gates})


def drag_pulse(snapshot: Snapshot, qubit: int, name: str = "x") -> tuple[PulseSpec, DragShape]:
    """The one pulse of a qubit's ``x`` or ``sx``, and its DRAG envelope.

    Raises:
        SettingsError: If there is no such gate, or it is not one DRAG pulse of a fixed amplitude.
    """
    pulses = known_gate(snapshot, name, (qubit,)).pulses
    pulse = pulses[0] if len(pulses) == 1 else None
    shape = None if pulse is None else snapshot.waveforms[pulse.waveform]
    if pulse is None or not isinstance(shape, DragShape) or isinstance(pulse.amplitude, Curve):
        raise SettingsError("a calibrated rotation must be one DRAG pulse", given="another", where=f"{name} of qubit {qubit}")
    return pulse, shape


def amplitude(snapshot: Snapshot, qubit: int, name: str = "x") -> float:
    """The amplitude of a qubit's ``x`` or ``sx``."""
    value = drag_pulse(snapshot, qubit, name)[0].amplitude
    assert isinstance(value, float)
    return value


def with_amplitude(snapshot: Snapshot, qubit: int, name: str, value: float) -> Snapshot:
    """With another amplitude of ``x`` or ``sx``.

    With ``x``, the curve of a fractional ``rx`` is stretched alike, and copies of the pulse in gates of two qubits (the echo of a
    cross-resonance gate) follow.
    """
    pulse, _ = drag_pulse(snapshot, qubit, name)
    value = round(float(value), 9)
    old = amplitude(snapshot, qubit, name)
    drive = snapshot.qubits[qubit].drive_frame

    def copies(part: PulseSpec) -> bool:
        return part.frame == drive and part.waveform == pulse.waveform and part.amplitude == old

    def changed(gate: GateSpec) -> GateSpec:
        if qubit not in gate.qubits:
            return gate
        if gate.name == name and gate.qubits == (qubit,):
            return gate.model_copy(update={"pulses": (pulse.model_copy(update={"amplitude": value}),)})
        if name == "x" and gate.name == "rx" and gate.qubits == (qubit,):
            return gate.model_copy(update={"pulses": tuple(_stretched(p, value / old if old else 1.0) for p in gate.pulses)})
        # a gate that stays the very object is not looked at again by whoever checks the update
        if name == "x" and len(gate.qubits) == 2 and any(map(copies, gate.pulses)):
            parts = (part.model_copy(update={"amplitude": value}) if copies(part) else part for part in gate.pulses)
            return gate.model_copy(update={"pulses": tuple(parts)})
        return gate

    return snapshot.model_copy(update={"gates": tuple(changed(gate) for gate in snapshot.gates)})


def with_beta(snapshot: Snapshot, qubit: int, beta: float) -> Snapshot:
    """With another DRAG coefficient (samples) of all the qubit's rotations; an envelope that other qubits share stays theirs."""
    pulse, shape = drag_pulse(snapshot, qubit)
    drive = snapshot.qubits[qubit].drive_frame
    old = pulse.waveform
    shared = any(p.waveform == old and p.frame != drive for gate in snapshot.gates for p in gate.pulses)
    name = f"{old}_q{qubit}" if shared else old
    snapshot = with_waveform(snapshot, name, shape.model_copy(update={"beta": round(float(beta), 6)}))
    if not shared:
        return snapshot

    def renamed(part: PulseSpec) -> PulseSpec:
        own = part.waveform == old and part.frame == drive
        return part.model_copy(update={"waveform": name}) if own else part

    gates = tuple(g.model_copy(update={"pulses": tuple(renamed(p) for p in g.pulses)}) for g in snapshot.gates)
    return snapshot.model_copy(update={"gates": gates})


def flux_pulse(snapshot: Snapshot, pair: tuple[int, ...]) -> PulseSpec:
    """The one flux pulse of a coupler's ``cz``.

    Raises:
        SettingsError: If there is no such gate, or it is not one pulse of a fixed amplitude.
    """
    pulses = known_gate(snapshot, "cz", pair).pulses
    pulse = pulses[0] if len(pulses) == 1 else None
    if pulse is None or isinstance(pulse.amplitude, Curve):
        raise SettingsError("a calibrated cz must be one flux pulse", given="another", where=f"cz of qubits {list(pair)}")
    return pulse


def flux_amplitude(snapshot: Snapshot, pair: tuple[int, ...]) -> float:
    """The amplitude of a coupler's ``cz``."""
    value = flux_pulse(snapshot, pair).amplitude
    assert isinstance(value, float)
    return value


def with_flux_amplitude(snapshot: Snapshot, pair: tuple[int, ...], value: float) -> Snapshot:
    """With another amplitude of ``cz``; the curve of a fractional ``rzz`` is stretched alike."""
    pulse = flux_pulse(snapshot, pair)
    value = round(float(value), 9)
    old = flux_amplitude(snapshot, pair)
    ratio = value / old if old else 1.0

    def changed(gate: GateSpec) -> GateSpec:
        if gate.qubits == pair and gate.name == "cz":
            return gate.model_copy(update={"pulses": (pulse.model_copy(update={"amplitude": value}),)})
        if gate.qubits == pair and gate.name == "rzz":
            return gate.model_copy(update={"pulses": tuple(_stretched(p, ratio) for p in gate.pulses)})
        return gate

    return snapshot.model_copy(update={"gates": tuple(changed(gate) for gate in snapshot.gates)})


def flux_window(snapshot: Snapshot, pair: tuple[int, ...]) -> tuple[int, int]:
    """Ticks at which the flux pulse of a coupler's ``cz`` starts within its gate, and of the gate."""
    return flux_pulse(snapshot, pair).start, known_gate(snapshot, "cz", pair).duration


def with_flux_window(snapshot: Snapshot, pair: tuple[int, ...], start: int, duration: int) -> Snapshot:
    """With flux pulses that start at another tick of ``cz`` and ``rzz``, and other lengths of both."""
    for name in ("cz", "rzz"):
        gate = snapshot.gate(name, *pair)
        if gate is not None:
            pulses = tuple(pulse.model_copy(update={"start": start}) for pulse in gate.pulses)
            snapshot = with_gate(snapshot, gate.model_copy(update={"pulses": pulses, "duration": duration}))
    return snapshot


def with_zz(snapshot: Snapshot, pair: tuple[int, ...], hz: float) -> Snapshot:
    """With another believed ZZ of two coupled qubits."""
    known = {frozenset(one.qubits): one for one in snapshot.couplings}
    known[frozenset(pair)] = CouplingSpec(qubits=(pair[0], pair[1]), zz=round(float(hz), 1))
    return snapshot.model_copy(update={"couplings": tuple(known.values())})


def virtual_z(snapshot: Snapshot, name: str, pair: tuple[int, ...]) -> tuple[float, ...]:
    """Virtual Z (rad) at the end of a gate of fixed angle, in the order of its qubits."""
    found = dict.fromkeys(pair, 0.0)
    for phase in known_gate(snapshot, name, pair).phases:
        if isinstance(phase.angle, Curve):
            raise SettingsError("a gate of fixed angle must end with fixed phases", given="a curve", where=name)
        found[phase.qubit] += phase.angle
    return tuple(found.values())


def with_virtual_z(snapshot: Snapshot, name: str, pair: tuple[int, ...], angles: Sequence[float]) -> Snapshot:
    """With other virtual Z (rad, brought to half a turn) at the end of a gate, in the order of its qubits."""
    phases = tuple(
        PhaseSpec(qubit=qubit, angle=round(math.remainder(angle, math.tau), 9)) for qubit, angle in zip(pair, angles, strict=True)
    )
    return with_gate(snapshot, known_gate(snapshot, name, pair).model_copy(update={"phases": phases}))


def with_error(snapshot: Snapshot, name: str, qubits: tuple[int, ...], error: float) -> Snapshot:
    """With another believed infidelity of a gate."""
    gate = snapshot.gate(name, *qubits)
    return snapshot if gate is None else with_gate(snapshot, _erring(gate, error))


def _erring(gate: GateSpec, error: float) -> GateSpec:
    return gate.model_copy(update={"error": min(1.0, max(0.0, error))})


def _stretched(pulse: PulseSpec, ratio: float) -> PulseSpec:
    if not isinstance(pulse.amplitude, Curve):
        return pulse
    values = tuple(round(knot * ratio, 9) for knot in pulse.amplitude.value)
    return pulse.model_copy(update={"amplitude": pulse.amplitude.model_copy(update={"value": values})})
