"""What a line makes of a pulse on its way to the chip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qpu_bridge.schedule import Document, Waveform
from qpu_emulator.windows.basis import Complex

_FORGOTTEN = 1e-10


class Settling(Document):
    """One exponential in a line's answer to a step.

    Attributes:
        weight: Of the step, -1 for a plain low-pass filter, a few percent for the distortion of a flux line.
        time: Constant in s.
    """

    weight: float
    time: float = Field(gt=0)


class Line(Document):
    """A line from the instrument to the chip; its answer to a unit step is ``gain (1 + sum_k weight_k exp(-t / time_k))``.

    Attributes:
        gain: Factor on the amplitude.
        delay: Travel time in s. The carrier is delayed with the envelope; the envelope arrives at a whole tick.
        settling: Exponentials; none = an ideal line.
    """

    gain: float = 1.0
    delay: float = Field(0.0, ge=0)
    settling: tuple[Settling, ...] = ()

    def scaled(self, factor: float) -> Line:
        """The line with its imperfections times a factor; 0 = an ideal line."""
        settling = tuple(part.model_copy(update={"weight": part.weight * factor}) for part in self.settling if factor)
        return Line(gain=1 + factor * (self.gain - 1), delay=factor * self.delay, settling=settling)

    def respond(self, waveform: Waveform, dt: float) -> tuple[Complex, NDArray[np.int64]]:
        """The envelope that arrives, as runs: in each tick the mean of the exact answer to the held samples.

        What would still arrive after the last tick is cut off.

        Args:
            waveform: What was sent.
            dt: Tick in s.

        Returns:
            ``complex[runs]`` and ``int[runs]``.
        """
        if not self.settling:
            return self.gain * waveform.samples, waveform.repeats
        weight = np.array([part.weight for part in self.settling])
        kept = np.exp(-dt / np.array([part.time for part in self.settling]))
        mean = np.array([part.time for part in self.settling]) / dt * (1 - kept)
        slowest = max(part.time for part in self.settling)
        settles = int(np.ceil(-np.log(_FORGOTTEN) * slowest / dt))
        samples: list[complex] = []
        repeats: list[int] = []
        state = np.zeros(len(weight), complex)
        before = 0.0 + 0.0j
        for level, held in zip(waveform.samples.tolist(), waveform.repeats.tolist(), strict=True):
            state = state + weight * (level - before)
            before = level
            alone = min(held, settles)
            for _ in range(alone):
                samples.append(self.gain * (level + complex(mean @ state)))
                repeats.append(1)
                state = state * kept
            if held > alone:
                samples.append(self.gain * level)
                repeats.append(held - alone)
                state = 0 * state
        return np.array(samples), np.array(repeats)


IDEAL = Line()
