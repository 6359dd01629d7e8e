"""What a device's lines allow of what a snapshot plays: loudness, length, carriers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeVar

from qpu_bridge.schedule import Document, Limits, PortLimits
from qpu_bridge.target.gate import Curve
from qpu_bridge.target.shape import waveform
from qpu_bridge.target.snapshot import Snapshot

D = TypeVar("D", bound=Document)

ROUND = 1e-9
"""By how much sums of rounded numbers may be over."""


def beyond(snapshot: Snapshot, limits: Limits, known: Snapshot | None = None) -> Iterator[str]:
    """Say what of a snapshot goes beyond what the lines allow.

    Args:
        snapshot: Whose carriers, gates and readouts are looked at.
        limits: Of the device, narrowed by what its laboratory allows.
        known: What is the same there is not looked at, and what was too loud there may become less step by step.
    """
    lines = {port.name: port for port in limits.ports}
    for frame in _others(snapshot.frames, () if known is None else known.frames):
        line = lines.get(frame.port)
        if line is None:
            yield f"frame {frame.name} must be on a line of the device, but is on {frame.port}"
        elif not line.min_frequency <= frame.frequency <= line.max_frequency:
            yield (
                f"frame {frame.name} must be at {line.min_frequency:.6g} to {line.max_frequency:.6g} Hz on line {frame.port},"
                f" but would be at {frame.frequency:.9g} Hz"
            )
    gates, new = _others(snapshot.gates, () if known is None else known.gates), reshaped(known, snapshot)
    if new:
        gates = [gate for gate in snapshot.gates if gate in gates or not new.isdisjoint(pulse.waveform for pulse in gate.pulses)]
    for gate in gates:
        for pulse in gate.pulses:
            levels = pulse.amplitude.value if isinstance(pulse.amplitude, Curve) else (pulse.amplitude,)
            line, shape = lines.get(snapshot.frame(pulse.frame).port), waveform(snapshot.waveforms[pulse.waveform])
            what = f"{gate.name} on {list(gate.qubits)}"
            yield from _loud(what, max(map(abs, levels)) * shape.peak, line)
            yield from _long(what, shape.duration, line)
    measures = _others(snapshot.measures, () if known is None else known.measures)
    for measure in snapshot.measures:
        if measure not in measures and new.isdisjoint((measure.waveform, measure.kernel)):
            continue
        line, shape = lines.get(snapshot.frame(measure.drive_frame).port), waveform(snapshot.waveforms[measure.waveform])
        what = f"readout of qubit {measure.qubit}"
        yield from _loud(what, abs(measure.amplitude) * shape.peak, line)
        yield from _long(what, shape.duration, line)
        yield from _long(what, measure.acquire_duration, lines.get(snapshot.frame(measure.acquire_frame).port))
    if new or measures:
        yield from _crowded({} if known is None else _sums(known), _sums(snapshot), lines)


def _others(entries: Sequence[D], known: Sequence[D]) -> list[D]:
    """Entries that are not known. Edits keep what they do not touch, and its place: few numbers need to be compared."""
    kept = set(map(id, known))
    new = [(place, entry) for place, entry in enumerate(entries) if id(entry) not in kept]
    return [entry for place, entry in new if place >= len(known) or entry != known[place]]


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


def reshaped(known: Snapshot | None, snapshot: Snapshot) -> set[str]:
    """Names of the waveforms that are others than in a known snapshot; all, without one."""
    before = {} if known is None else known.waveforms
    new = [name for name, shape in snapshot.waveforms.items() if shape is not before.get(name)]
    return {name for name in new if snapshot.waveforms[name] != before.get(name)}
