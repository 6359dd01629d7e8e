"""Complex envelopes, equal by content, with held levels kept short."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qpu_bridge.errors import ScheduleError

LONGEST = 2**40
"""Samples that a waveform, and all of a schedule's together, may last."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """An envelope as runs: ``samples[k]`` is held for ``repeats[k]`` samples of the port's clock.

    A Gaussian square of a microsecond is its two edges and one held level, which is what a controller wants to store.
    Equal neighbours are merged, so that one envelope has one form and one digest.
    Sample-and-hold, mid-point: sample ``j`` covers ``[j, j+1)`` and carries the envelope at ``j + 1/2``.

    Attributes:
        samples: ``complex128[runs]``, each of magnitude at most 1.
        repeats: ``int64[runs]``, each at least 1.
        duration: Length in samples of the port's clock.
        peak: Largest magnitude.
    """

    samples: NDArray[np.complex128]
    repeats: NDArray[np.int64]
    duration: int = field(init=False)
    peak: float = field(init=False)

    def __post_init__(self) -> None:
        samples = np.array(self.samples, dtype=np.complex128) + 0.0  # one zero: -0.0 would be another digest
        repeats = np.array(self.repeats, dtype=np.int64)
        if samples.ndim != 1 or samples.shape != repeats.shape or not len(samples):
            raise ScheduleError(
                "a waveform needs one repeat count for each of its samples, and at least one sample",
                given=f"samples of shape {samples.shape}, repeats of shape {repeats.shape}",
            )
        if (repeats < 1).any():
            raise ScheduleError("a waveform's repeat counts must be at least 1", given=int(repeats.min()))
        lasting = float(repeats.sum(dtype=np.float64))
        if lasting > LONGEST:
            raise ScheduleError(f"a waveform must last at most {LONGEST} samples", given=lasting)
        if not np.isfinite(samples).all():
            raise ScheduleError("a waveform's samples must be finite", given="nan or infinity")
        peak = float(np.abs(samples).max())
        if peak > 1 + 1e-12:
            raise ScheduleError("a waveform's samples must have magnitude at most 1", given=peak)
        first = np.concatenate([[True], samples[1:] != samples[:-1]])
        if not first.all():
            repeats = np.add.reduceat(repeats, np.flatnonzero(first))
            samples = samples[first]
        samples.setflags(write=False)
        repeats.setflags(write=False)
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "repeats", repeats)
        object.__setattr__(self, "duration", int(lasting))
        object.__setattr__(self, "peak", peak)

    @classmethod
    def of(cls, samples: ArrayLike) -> Waveform:
        """The waveform of plain samples ``complex[samples]``."""
        plain = np.atleast_1d(np.asarray(samples, dtype=np.complex128))
        return cls(plain, np.ones(plain.shape, np.int64))

    @cached_property
    def real(self) -> bool:
        """Whether all samples are real."""
        return not self.samples.imag.any()

    @cached_property
    def digest(self) -> bytes:
        """Key of the content, 16 bytes."""
        return blake2b(self.samples.tobytes() + self.repeats.tobytes(), digest_size=16).digest()

    def expand(self) -> NDArray[np.complex128]:
        """Plain samples, ``complex128[duration]``."""
        return np.repeat(self.samples, self.repeats)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Waveform) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)
