"""The guard: whatever a fit says, amplitudes and frequencies stay within what the device's lines allow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from qpu_bridge.schedule import Limits, PortLimits
from qpu_bridge.target import Curve, Snapshot, waveform


def offences(before: Snapshot, after: Snapshot, limits: Limits) -> list[str]:
    """What an update must not do; empty if it may be adopted. Only what differs from before is looked at.

    Args:
        before: The snapshot that holds.
        after: The one that would.
        limits: Of the device, narrowed by what its laboratory allows.
    """
    return list(_offences(before, after, limits))


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
            most = max(map(abs, levels)) * _peak(after, pulse.waveform)
            yield from _loud(f"{gate.name} on {list(gate.qubits)}", most, lines.get(after.frame(pulse.frame).port))
    old_measures = set(before.measures)
    if old_measures != set(after.measures) or reshaped:
        yield from _readout(after, lines)


def _readout(after: Snapshot, lines: dict[str, PortLimits]) -> Iterator[str]:
    sums: dict[str, float] = defaultdict(float)
    for measure in after.measures:
        port = after.frame(measure.drive_frame).port
        most = abs(measure.amplitude) * _peak(after, measure.waveform)
        sums[port] += most
        yield from _loud(f"readout of qubit {measure.qubit}", most, lines.get(port))
    for port, total in sums.items():
        line = lines.get(port)
        if line is not None and line.max_sum is not None and total > line.max_sum + 1e-9:
            yield f"the tones of line {port} must add up to at most {line.max_sum:g}, but would make {total:.4g}"


def _loud(what: str, most: float, line: PortLimits | None) -> Iterator[str]:
    if line is not None and most > line.max_amplitude + 1e-9:
        yield f"{what} must play at most {line.max_amplitude:g} on line {line.name}, but would play {most:.4g}"


def _reshaped(before: Snapshot, after: Snapshot) -> set[str]:
    return {name for name, shape in after.waveforms.items() if before.waveforms.get(name) != shape}


def _peak(snapshot: Snapshot, name: str) -> float:
    return float(np.abs(waveform(snapshot.waveforms[name]).samples).max())
