"""Whether a snapshot agrees with itself: what the types of its fields cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from operator import ge
from typing import TYPE_CHECKING
from weakref import ref

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import PortKind
from qpu_bridge.target.gate import Curve, GateSpec
from qpu_bridge.target.native import NATIVE
from qpu_bridge.target.qubit import MeasureSpec

if TYPE_CHECKING:
    from qpu_bridge.target.snapshot import Snapshot

MOST_FAULTS = 5
"""More than this many sentences help nobody."""


_LAST: list[ref[Snapshot]] = []
"""The last one that was found without faults: what an edit leaves of it, the very objects, need not be looked at again."""


def faults(snapshot: Snapshot) -> list[str]:
    """Sentences on what does not fit together, each naming its field; empty if all does. At most `MOST_FAULTS`."""
    found: list[str] = []
    for fault in _Check(snapshot, _LAST[0]() if _LAST else None).all():
        found.append(fault)
        if len(found) == MOST_FAULTS:
            break
    if not found:
        _LAST[:] = [ref(snapshot)]
    return found


class _Check:
    def __init__(self, snapshot: Snapshot, known: Snapshot | None) -> None:
        self.snapshot = snapshot
        self.known = known
        self.ports = {port.name: port for port in snapshot.ports}
        self.frames = {frame.name: frame for frame in snapshot.frames}
        self.size = len(snapshot.qubits)
        self.lengths: dict[str, int] = {}

    def all(self) -> Iterator[str]:
        yield from self.names()
        yield from self.timing()
        yield from self.waveforms()
        yield from self.qubits()
        kept = self.kept()
        for index, gate in enumerate(self.snapshot.gates):
            if id(gate) not in kept:
                where = f"gates[{index}] ({gate.name} on {list(gate.qubits)})"
                yield from (f"{where}: {fault}" for fault in self.gate(gate))
        for index, measure in enumerate(self.snapshot.measures):
            if id(measure) not in kept:
                where = f"measures[{index}] (qubit {measure.qubit})"
                yield from (f"{where}: {fault}" for fault in self.measure(measure))
        yield from self.couplings()
        yield from self.resets()

    def kept(self) -> set[int]:
        """Identities of gates and readouts without faults: those that are known, if all that they refer to is as it was there."""
        known = self.known
        return {id(one) for one in (*known.gates, *known.measures)} if known is not None and self.refers_alike(known) else set()

    def refers_alike(self, known: Snapshot) -> bool:
        here, timing = self.snapshot, known.timing
        if (here.timing.dt, here.timing.granularity, self.size) != (timing.dt, timing.granularity, len(known.qubits)):
            return False
        if here.ports != known.ports or self.homes(here) != self.homes(known):
            return False
        return all(
            here.waveforms.get(name) is shape or self.lengths.get(name) == known.envelope(name).duration
            for name, shape in known.waveforms.items()
        )

    @staticmethod
    def homes(snapshot: Snapshot) -> list[tuple[str, str]]:
        return [(frame.name, frame.port) for frame in snapshot.frames]

    def names(self) -> Iterator[str]:
        snapshot = self.snapshot
        yield from _twice("ports", [port.name for port in snapshot.ports])
        yield from _twice("frames", [frame.name for frame in snapshot.frames])
        yield from _twice("gates", [f"{gate.name} on {list(gate.qubits)}" for gate in snapshot.gates])
        for frame in snapshot.frames:
            if frame.port not in self.ports:
                yield f"frames: {frame.name!r} must name a port that is listed, but names {frame.port!r}"
            if frame.follows is not None and not 0 <= frame.follows < self.size:
                yield f"frames: {frame.name!r} must follow one of the {self.size} qubits, but follows {frame.follows}"

    def timing(self) -> Iterator[str]:
        timing = self.snapshot.timing
        if not 0 <= timing.min_rep_delay <= timing.default_rep_delay <= timing.max_rep_delay:
            yield "timing: rep delays must be ascending: 0 <= min_rep_delay <= default_rep_delay <= max_rep_delay"
        if timing.feedback_latency < 0 or timing.passive_reset < 0 or timing.max_circuit_duration <= 0:
            yield "timing: feedback_latency and passive_reset must not be negative, max_circuit_duration must be positive"
        if self.snapshot.calibrated_at.utcoffset() is None:
            yield "calibrated_at: a time must name its zone, for example 2026-11-21T08:00:00Z"
        if self.snapshot.max_shots < 1:
            yield "max_shots: must be at least 1"

    def waveforms(self) -> Iterator[str]:
        for name in self.snapshot.waveforms:
            try:
                self.lengths[name] = self.snapshot.envelope(name).duration
            except ScheduleError as error:
                yield f"waveforms.{name}: {error}"

    def qubits(self) -> Iterator[str]:
        for place, qubit in enumerate(self.snapshot.qubits):
            if qubit.index != place:
                yield f"qubits[{place}]: indices must count up from 0, but here stands {qubit.index}"
            if not (qubit.t1 > 0 and qubit.t2 > 0 and qubit.frequency > 0):
                yield f"qubits[{place}]: frequency, t1 and t2 must be positive"
            yield from (f"qubits[{place}].drive_frame: {fault}" for fault in self.frame(qubit.drive_frame, PortKind.DRIVE))
            frame = self.frames.get(qubit.drive_frame)
            if frame is not None and frame.follows != qubit.index:
                yield f"qubits[{place}].drive_frame: {frame.name!r} must follow qubit {qubit.index}, but follows {frame.follows}"
        measured = sorted(measure.qubit for measure in self.snapshot.measures)
        if measured != list(range(self.size)):
            yield f"measures: must hold each of the {self.size} qubits once, but hold {measured}"

    def gate(self, gate: GateSpec) -> Iterator[str]:
        native = NATIVE.get(gate.name)
        if native is None:
            yield f"must be one of {', '.join(NATIVE)}"
            return
        if len(gate.qubits) != native.qubits or len(set(gate.qubits)) != native.qubits:
            yield f"must act on {native.qubits} different qubits"
        if not all(0 <= qubit < self.size for qubit in gate.qubits):
            yield f"must act on qubits 0 to {self.size - 1}"
        if gate.name == "rz" and (gate.pulses or gate.phases or gate.duration):
            yield "must have no pulses, phases or duration: its angle is a virtual Z"
        if gate.duration < 0 or gate.duration % self.snapshot.timing.granularity:
            yield f"duration must be a multiple of {self.snapshot.timing.granularity} ticks, but is {gate.duration}"
        for place, pulse in enumerate(gate.pulses):
            yield from (f"pulses[{place}].frame: {fault}" for fault in self.frame(pulse.frame))
            yield from self.play(f"pulses[{place}]", pulse.frame, pulse.waveform, pulse.start, gate.duration)
            if not isinstance(pulse.amplitude, Curve) and not abs(pulse.amplitude) <= 1:
                yield f"pulses[{place}].amplitude must be within full scale, but is {pulse.amplitude}"
        for place, phase in enumerate(gate.phases):
            if phase.qubit not in gate.qubits and not 0 <= phase.qubit < self.size:
                yield f"phases[{place}].qubit must be one of the {self.size} qubits, but is {phase.qubit}"
        yield from self.curves(gate)

    def curves(self, gate: GateSpec) -> Iterator[str]:
        amplitudes = [pulse.amplitude for pulse in gate.pulses if isinstance(pulse.amplitude, Curve)]
        angles = [phase.angle for phase in gate.phases if isinstance(phase.angle, Curve)]
        fractional = bool(NATIVE[gate.name].angles) and gate.name != "rz"
        if fractional != bool(amplitudes or angles):
            yield "a gate with an angle needs a curve" if fractional else "a gate without an angle takes no curve"
        for curve in [*amplitudes, *angles]:
            if len(curve.angle) != len(curve.value) or len(curve.angle) < 2:
                yield "a curve needs as many values as angles, and at least two"
            elif any(map(ge, curve.angle, curve.angle[1:])):
                yield "a curve's angles must be ascending"
        if not all(abs(value) <= 1 for curve in amplitudes for value in curve.value):
            yield "a curve of amplitudes must stay within full scale"

    def measure(self, measure: MeasureSpec) -> Iterator[str]:
        yield from (f"drive_frame: {fault}" for fault in self.frame(measure.drive_frame, PortKind.READOUT))
        yield from (f"acquire_frame: {fault}" for fault in self.frame(measure.acquire_frame, PortKind.ACQUIRE))
        yield from self.play("readout tone", measure.drive_frame, measure.waveform, 0, measure.duration)
        if not abs(measure.amplitude) <= 1:
            yield f"amplitude must be within full scale, but is {measure.amplitude}"
        if measure.duration <= 0 or measure.duration % self.snapshot.timing.granularity:
            yield f"duration must be a positive multiple of {self.snapshot.timing.granularity} ticks, but is {measure.duration}"
        if measure.acquire_start < 0 or measure.acquire_duration < 1:
            yield "a capture must not start before the measurement, and needs at least one sample"
        end = self.ticks(measure.acquire_frame, measure.acquire_start, measure.acquire_duration)
        if end is not None and end > measure.duration:
            yield f"the capture ends at tick {end}, after the measurement ({measure.duration})"
        if measure.kernel is not None:
            if measure.kernel not in self.snapshot.waveforms:
                yield f"kernel must name a waveform that is listed, but names {measure.kernel!r}"
            elif self.lengths.get(measure.kernel, measure.acquire_duration) != measure.acquire_duration:
                length = self.lengths[measure.kernel]
                yield f"kernel must be as long as the capture ({measure.acquire_duration} samples), but has {length}"

    def couplings(self) -> Iterator[str]:
        for index, coupling in enumerate(self.snapshot.couplings):
            if len(set(coupling.qubits)) != 2 or not all(0 <= qubit < self.size for qubit in coupling.qubits):
                yield (
                    f"couplings[{index}].qubits: must be two different ones of qubits 0 to {self.size - 1},"
                    f" but are {list(coupling.qubits)}"
                )
        yield from _twice("couplings", [str(sorted(coupling.qubits)) for coupling in self.snapshot.couplings])

    def resets(self) -> Iterator[str]:
        flipped = {gate.qubits for gate in self.snapshot.gates if gate.name == "x"}
        for qubit in self.snapshot.qubits:
            if qubit.operational and (qubit.index,) not in flipped:
                yield f"gates: qubit {qubit.index} is operational and so needs an x (reset is a measurement and an x)"

    def frame(self, name: str, kind: PortKind | None = None) -> Iterator[str]:
        frame = self.frames.get(name)
        if frame is None:
            yield f"must name a frame that is listed, but names {name!r}"
        elif kind is not None and frame.port in self.ports and self.ports[frame.port].kind is not kind:
            yield f"{name!r} must be on a {kind} port, but {frame.port!r} is a {self.ports[frame.port].kind} port"

    def play(self, what: str, frame: str, waveform: str, start: int, duration: int) -> Iterator[str]:
        if waveform not in self.snapshot.waveforms:
            yield f"{what}.waveform must name a waveform that is listed, but names {waveform!r}"
            return
        if start < 0:
            yield f"{what} must not start before tick 0, but starts at {start}"
        end = self.ticks(frame, start, self.lengths.get(waveform, 0))
        if end is not None and end > duration:
            yield f"{what} ends at tick {end}, after the end ({duration})"

    def ticks(self, frame: str, start: int, samples: int) -> int | None:
        port = self.ports.get(self.frames[frame].port) if frame in self.frames else None
        if port is None:
            return None
        return start + self.snapshot.ticks(port.name, samples)


def _twice(field: str, names: Iterable[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{field}: {name} must stand once, but stands {count} times"
