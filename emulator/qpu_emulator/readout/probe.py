"""What a resonator is probed with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Waveform


class Probe(NamedTuple):
    """One tone and one capture of a measurement: what a resonator is probed with.

    Attributes:
        tone: Envelope.
        tone_dt: Its tick, s.
        tone_start: s after the start of the measurement.
        tone_frequency: Hz.
        kernel: Weights, None for ones; "raw" captures take none.
        dt: Sample of the capture, s.
        start: Of the capture, s after the start of the measurement.
        samples: Of the capture.
        frequency: Demodulation frequency, Hz.
    """

    tone: Waveform
    tone_dt: float
    tone_start: float
    tone_frequency: float
    kernel: Waveform | None
    dt: float
    start: float
    samples: int
    frequency: float

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Of tone and capture, ``float[1, 2]`` in Hz."""
        return np.array([[self.tone_frequency, self.frequency]])

    @property
    def until(self) -> int:
        """End of the capture, samples after the start of the measurement."""
        return round(self.start / self.dt) + self.samples
