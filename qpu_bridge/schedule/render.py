"""The reference waveform: what each port emits in one shot, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule.event import Operation
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.unroll import Measured, unroll


def render(
    schedule: Schedule,
    values: NDArray[np.float64] | None = None,
    bits: Measured | None = None,
    references: Mapping[int, float] | None = None,
) -> dict[int, NDArray[np.complex128]]:
    """Sample the envelope of every emitting port in a frame that rotates at one frequency per port.

    A play at frequency ``f`` and phase ``p`` that starts at ``t0`` adds, at the middle ``t`` of each sample it holds,
    ``amplitude * envelope(t - t0) * exp(1j * (p - 2 pi (f - reference) t))``: physics by rotation, see the README.

    Args:
        schedule: The template.
        values: ``float64[slots]``, see `row_values`.
        bits: What captures measure, see `unroll`.
        references: Port -> frequency of its rotating frame, Hz; the rest frequency of the port's first frame if not named.

    Returns:
        Port -> ``complex128[samples]`` on the port's own clock, from the start of the shot to its end. A play whose start
        does not fall on a sample starts at the nearest one, see `residuals`.
    """
    shot = unroll(schedule, values, bits)
    rest = {frame.port: frame.frequency for frame in reversed(schedule.frames)}
    rest |= references or {}
    signals: dict[int, NDArray[np.complex128]] = {}
    for event in shot.events[shot.events["operation"] == int(Operation.PLAY)]:
        port = int(event["port"])
        clock = schedule.ports[port].clock
        if port not in signals:
            signals[port] = np.zeros(clock.ticks_covering(schedule.clock, shot.duration), np.complex128)
        envelope = schedule.waveforms[event["waveform"]].expand()
        first = int(clock.place(int(event["start"]) * schedule.clock.dt)[0])
        signal = signals[port]
        envelope = envelope[: len(signal) - first]
        middle = (first + np.arange(len(envelope)) + 0.5) * float(clock.dt)
        turn = float(event["phase"]) - 2 * np.pi * (float(event["frequency"]) - rest[port]) * middle
        signal[first : first + len(envelope)] += float(event["amplitude"]) * envelope * np.exp(1j * turn)
    return signals


def residuals(schedule: Schedule, values: NDArray[np.float64] | None = None, bits: Measured | None = None) -> NDArray[np.float64]:
    """By how much each event of one shot is moved to start on a sample of its port: the nearest, of two the even one.

    Args:
        schedule: The template.
        values: ``float64[slots]``, see `row_values`.
        bits: What captures measure, see `unroll`.

    Returns:
        ``float64[played]`` in the order of `unroll`: placed minus asked start, s.
    """
    events = unroll(schedule, values, bits).events
    clocks = [port.clock for port in schedule.ports]
    dt = schedule.clock.dt
    moved = [clocks[port].place(start * dt)[1] for port, start in zip(events["port"], events["start"].tolist(), strict=True)]
    return np.array(moved, np.float64)
