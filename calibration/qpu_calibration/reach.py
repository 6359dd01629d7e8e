"""How far an axis may go: the ranges of amplitude, frequency and duration that a device's lines allow (`Axis.reach`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from qpu_bridge.schedule import Limits, PortLimits, Waveform
from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Reach, Values


def amplitude_range(snapshot: Snapshot, frames: Sequence[str], shapes: Sequence[Waveform]) -> Reach:
    """Amplitudes of either sign that a line allows; a line that carries several readout tones gives each an equal share.

    Args:
        snapshot: What is believed of the machine.
        frames: At which each target's pulse is played.
        shapes: Its envelope.
    """
    ports = [snapshot.frame(name).port for name in frames]
    tones = Counter(snapshot.frame(measure.drive_frame).port for measure in snapshot.measures)

    def reach(limits: Limits) -> tuple[Values, Values]:
        lines = _lines(limits, ports)
        sums = [np.inf if line.max_sum is None else line.max_sum / max(1, tones[line.name]) for line in lines]
        tops = np.array([min(line.max_amplitude, total) for line, total in zip(lines, sums, strict=True)])
        # an envelope whose peak lies between samples is no reason for an amplitude beyond full scale
        most = np.minimum(tops / np.array([shape.peak for shape in shapes]), 1.0)
        return -most, most

    return reach


def frequency_range(snapshot: Snapshot, frames: Sequence[str]) -> Reach:
    """Frequencies in Hz within the band of each target's line.

    Args:
        snapshot: What is believed of the machine.
        frames: Each target's frame, whose frequency the axis replaces.
    """
    ports = [snapshot.frame(name).port for name in frames]

    def reach(limits: Limits) -> tuple[Values, Values]:
        lines = _lines(limits, ports)
        return np.array([line.min_frequency for line in lines]), np.array([line.max_frequency for line in lines])

    return reach


def duration_range(snapshot: Snapshot, frames: Sequence[str], more: Sequence[int]) -> Reach:
    """Durations in s that all targets share, up to what the narrowest of their lines allows.

    Args:
        snapshot: What is believed of the machine.
        frames: At which each target's pulse is played.
        more: By how many samples each pulse is longer than the axis says (its edges).
    """
    ports = [snapshot.frame(name).port for name in frames]

    def reach(limits: Limits) -> tuple[Values, Values]:
        lines = _lines(limits, ports)
        most = min((line.max_duration - extra) * float(line.dt) for line, extra in zip(lines, more, strict=True))
        return np.zeros(1), np.array([most])

    return reach


def _lines(limits: Limits, ports: Sequence[str]) -> list[PortLimits]:
    known = {port.name: port for port in limits.ports}
    return [known[name] for name in ports]
