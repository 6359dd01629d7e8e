"""How many samples of its port an event lasts: counted here, and nowhere else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule.schedule import Schedule


def samples_of_events(schedule: Schedule) -> NDArray[np.int64]:
    """Samples that each event lasts on its port's own clock: ``int64[events]``.

    A play lasts as its envelope, a capture as its kernel; without one as many whole samples as fit into its ticks.
    """
    events = schedule.events
    lengths = np.array([wave.duration for wave in schedule.waveforms] or [0], np.int64)
    waveform = events["waveform"]
    ratios = [schedule.clock.dt / port.clock.dt for port in schedule.ports]
    numerator = np.array([ratio.numerator for ratio in ratios] or [1], object)
    denominator = np.array([ratio.denominator for ratio in ratios] or [1], object)
    bare = waveform < 0
    samples = np.asarray(lengths[waveform])
    if bare.any():
        port = events["port"][bare]
        ticks = events["duration"][bare].astype(object)  # exact: a product of ticks and a numerator may pass 63 bits
        samples[bare] = (ticks * numerator[port] // denominator[port]).astype(np.int64)
    return samples
