"""Plays that act together, as one drive on each transmon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Waveform
from qpu_emulator.chip.line import IDEAL, Line
from qpu_emulator.windows.basis import Complex, Real

_TAU = 2 * np.pi
_BEAT_STEPS = 4


@dataclass(frozen=True, slots=True)
class Tone:
    """One play inside a window: envelope, tick length in s, start in s after the window's start, line."""

    waveform: Waveform
    dt: float
    offset: float
    port: str


def alike(numbers: Real) -> list[NDArray[np.int64]]:
    """Rows of windows in which the same tones have another frequency than the first; ``numbers`` as in `combine`."""
    beating = numbers[:, :, 1] != numbers[:, :1, 1]
    if not beating.any():
        return [np.arange(len(numbers))]
    few, which = np.unique(beating, axis=0, return_inverse=True)
    return [np.flatnonzero(which.ravel() == pattern) for pattern in range(len(few))]


def starts_alone(tones: tuple[Tone, ...]) -> bool:
    """Whether there is one tone, from the start of the window on, and nothing to be lined up."""
    return len(tones) == 1 and not tones[0].offset


def scaled(
    tone: Tone, numbers: Real, reach: Sequence[Mapping[str, complex]], lines: Mapping[str, Line]
) -> tuple[Complex, NDArray[np.int64], Complex]:
    """The envelope of a tone that is alone, and times what it is half the Rabi rate.

    Args:
        tone: The play.
        numbers: ``float[n, 3]``, as of `combine`, as are those that follow.
        reach: The same.
        lines: The same.

    Returns:
        ``complex[runs]``, ``int[runs]``, and ``complex[n, transmons]`` in rad/s.
    """
    samples, repeats = lines.get(tone.port, IDEAL).respond(tone.waveform, tone.dt)
    rates = np.array([np.pi * lines_of.get(tone.port, 0.0) for lines_of in reach])
    return samples, repeats, numbers[:, :1] * np.exp(1j * numbers[:, 2:]) * rates


def combine(
    tones: tuple[Tone, ...], numbers: Real, reach: Sequence[Mapping[str, complex]], lines: Mapping[str, Line]
) -> tuple[Complex, NDArray[np.int64], float]:
    """Half the Rabi rate on some transmons, run by run, in the frame of the first tone at phase zero.

    Tones of one frequency keep their held levels; one that beats with the first is followed in quarters of a tick while it plays.

    Args:
        tones: The plays.
        numbers: ``float[n, tones, 3]``: amplitude, frequency in Hz from any common origin, phase in rad at the window's start
            relative to the first tone. In all windows the same tones beat (`alike`).
        reach: Of each transmon: line -> complex Rabi frequency in Hz per unit of amplitude.
        lines: By port; a line that is not listed is ideal.

    Returns:
        ``complex[n, transmons, runs]`` in rad/s, ``int[runs]``, and the step in s.
    """
    dt = min(tone.dt for tone in tones)
    if starts_alone(tones):
        samples, repeats, factor = scaled(tones[0], numbers[:, 0], reach, lines)
        return factor[:, :, None] * samples, repeats, dt
    arrived = [lines.get(tone.port, IDEAL).respond(tone.waveform, tone.dt) for tone in tones]
    beating = numbers[0, :, 1] != numbers[0, 0, 1]
    fine = _BEAT_STEPS if beating.any() else 1
    firsts = [round(tone.offset / dt) * fine for tone in tones]
    bounds = [
        first + np.concatenate([[0], np.cumsum(repeats) * round(tone.dt / dt) * fine])
        for first, tone, (_, repeats) in zip(firsts, tones, arrived, strict=True)
    ]
    followed = [np.arange(bound[0], bound[-1]) for bound, beats in zip(bounds, beating, strict=True) if beats]
    cuts = np.unique(np.concatenate([[0], *bounds, *followed]))
    middle = (cuts[:-1] + cuts[1:]) / 2
    total = np.zeros((len(numbers), len(reach), len(middle)), complex)
    for index, (tone, bound, (samples, _)) in enumerate(zip(tones, bounds, arrived, strict=True)):
        where = np.searchsorted(bound, middle) - 1
        inside = (where >= 0) & (where < len(samples))
        plain = np.where(inside, samples[np.clip(where, 0, len(samples) - 1)], 0.0)
        phase = numbers[:, index, 2, None]
        if beating[index]:
            phase = phase - _TAU * np.multiply.outer(numbers[:, index, 1] - numbers[:, 0, 1], middle * dt / fine)
        sent = numbers[:, index, 0, None] * plain * np.exp(1j * phase)
        for transmon, lines_of in enumerate(reach):
            total[:, transmon] += np.pi * lines_of.get(tone.port, 0.0) * sent
    return total, np.diff(cuts).astype(np.int64), dt / fine
