"""The guard: whatever a fit says, a snapshot stays one, and what it plays stays within what the device's lines allow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pydantic import ValidationError

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Document, Limits, PortLimits
from qpu_bridge.target import Curve, Snapshot, waveform
from qpu_bridge.target.file import sentences

ROUND = 1e-9
"""By how much sums of rounded numbers may be over."""


def offences(before: Snapshot, after: Snapshot, limits: Limits) -> list[str]:
    """What an update must not do; empty if it may be adopted. Only what differs from before is looked at.

    Args:
        before: The snapshot that holds.
        after: The one that would.
        limits: Of the device, narrowed by what its laboratory allows.
    """
    # of numbers that are none nothing else can be said
    return list(_nonsense(before, after)) or list(_offences(before, after, limits))


def _nonsense(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Entries that a file could not hold: an update copies what is there without looking at it."""
    for field in ("qubits", "frames", "gates", "measures", "couplings"):
        known = {id(entry) for entry in getattr(before, field)}
        for index, entry in enumerate(getattr(after, field)):
            if id(entry) not in known:
                yield from _wrong(f"{field}[{index}]", entry)
    for name in sorted(_reshaped(before, after)):
        shape = after.waveforms[name]
        found = list(_wrong(f"waveforms.{name}", shape))
        yield from found
        if not found:
            try:
                waveform(shape)
            except ScheduleError as error:
                yield f"waveforms.{name}: {error.sentence}"


def _wrong(where: str, entry: Document) -> Iterator[str]:
    try:
        type(entry).model_validate_json(entry.model_dump_json(warnings=False))
    except ValidationError as error:
        yield f"{where}: {sentences(error)}"


def _offences(before: Snapshot, after: Snapshot, limits: Limits) -> Iterator[str]:
    lines = {port.name: port for port in limits.ports}
    old = set(before.frames)
    for frame in after.frames:
        if frame in old:
            continue
        line = lines.get(frame.port)
        if line is None:
            yield f"frame {frame.name} must be on a line of the device, but is on {frame.port}"
        elif not line.min_frequency <= frame.frequency <= line.max_frequency:
            yield (
                f"frame {frame.name} must be at {line.min_frequency:.6g} to {line.max_frequency:.6g} Hz on line {frame.port},"
                f" but would be at {frame.frequency:.9g} Hz"
            )
    old_gates, reshaped = set(before.gates), _reshaped(before, after)
    for gate in after.gates:
        names = {pulse.waveform for pulse in gate.pulses}
        if gate in old_gates and not names & reshaped:
            continue
        for pulse in gate.pulses:
            levels = pulse.amplitude.value if isinstance(pulse.amplitude, Curve) else (pulse.amplitude,)
            line, shape = lines.get(after.frame(pulse.frame).port), waveform(after.waveforms[pulse.waveform])
            what = f"{gate.name} on {list(gate.qubits)}"
            yield from _loud(what, max(map(abs, levels)) * shape.peak, line)
            yield from _long(what, shape.duration, line)
    old_measures = set(before.measures)
    for measure in after.measures:
        if measure in old_measures and not {measure.waveform, measure.kernel} & reshaped:
            continue
        line, shape = lines.get(after.frame(measure.drive_frame).port), waveform(after.waveforms[measure.waveform])
        what = f"readout of qubit {measure.qubit}"
        yield from _loud(what, abs(measure.amplitude) * shape.peak, line)
        yield from _long(what, shape.duration, line)
        yield from _long(what, measure.acquire_duration, lines.get(after.frame(measure.acquire_frame).port))
    if old_measures != set(after.measures) or reshaped:
        yield from _crowded(_sums(before), _sums(after), lines)


def _crowded(before: dict[str, float], after: dict[str, float], lines: dict[str, PortLimits]) -> Iterator[str]:
    for port, total in after.items():
        line = lines.get(port)
        # what was too much before may become less step by step
        if line is not None and line.max_sum is not None and total > max(line.max_sum + ROUND, before.get(port, 0.0)):
            yield f"the tones of line {port} must add up to at most {line.max_sum:g}, but would make {total:.4g}"


def _sums(snapshot: Snapshot) -> dict[str, float]:
    """What all readout tones of a line are together."""
    sums: dict[str, float] = defaultdict(float)
    for measure in snapshot.measures:
        tone = abs(measure.amplitude) * waveform(snapshot.waveforms[measure.waveform]).peak
        sums[snapshot.frame(measure.drive_frame).port] += tone
    return sums


def _loud(what: str, most: float, line: PortLimits | None) -> Iterator[str]:
    if line is not None and most > line.max_amplitude + ROUND:
        yield f"{what} must play at most {line.max_amplitude:g} on line {line.name}, but would play {most:.4g}"


def _long(what: str, samples: int, line: PortLimits | None) -> Iterator[str]:
    if line is not None and samples > line.max_duration:
        yield f"{what} must last at most {line.max_duration} samples on line {line.name}, but would last {samples}"


def _reshaped(before: Snapshot, after: Snapshot) -> set[str]:
    return {name for name, shape in after.waveforms.items() if before.waveforms.get(name) != shape}
