"""The envelopes of the field, as waveforms of peak 1 (the play's amplitude scales them)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.waveform import Waveform


def constant(duration: int) -> Waveform:
    """A level of 1 held for ``duration`` samples."""
    return Waveform(np.ones(1, np.complex128), np.array([duration]))


def gaussian(duration: int, sigma: float) -> Waveform:
    """A Gaussian lifted so that it starts and ends at zero.

    Args:
        duration: Length in samples.
        sigma: Standard deviation in samples.
    """
    return Waveform.of(_lifted(duration, sigma)[0])


def drag(duration: int, sigma: float, beta: float) -> Waveform:
    """A lifted Gaussian ``g`` with its derivative in quadrature, ``g + i beta g'`` (Motzoi et al., PRL 103, 110501).

    Args:
        duration: Length in samples.
        sigma: Standard deviation in samples.
        beta: Weight of the derivative, in samples.

    Raises:
        ScheduleError: If ``beta`` lifts a sample above magnitude 1.
    """
    g, slope = _lifted(duration, sigma)
    return Waveform.of(g + 1j * beta * slope)


def gaussian_square(duration: int, sigma: float, width: int) -> Waveform:
    """A level of 1 held for ``width`` samples between the halves of a lifted Gaussian.

    Args:
        duration: Length in samples; ``duration - width`` must be even and not negative.
        sigma: Standard deviation of the edges in samples.
        width: Length of the flat top in samples.
    """
    edges = duration - width
    if edges < 0 or edges % 2 or width < 0:
        raise ScheduleError(
            "a Gaussian square needs edges of equal whole length (duration - width even, not negative)",
            given=f"duration {duration}, width {width}",
        )
    if not edges:
        return constant(duration)
    edge = _lifted(edges, sigma)[0] if edges > 1 else np.zeros(1)
    half = edges // 2
    return _flat_top(edge[:half], width, edge[half:])


def cosine_square(duration: int, rise: int) -> Waveform:
    """A flat top with raised-cosine edges, the usual shape of a flux pulse.

    Args:
        duration: Length in samples, at least ``2 * rise``.
        rise: Length of each edge in samples.
    """
    if rise < 0 or 2 * rise > duration:
        raise ScheduleError("the two edges must fit into the pulse", given=f"duration {duration}, rise {rise}")
    edge = 0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / max(rise, 1))
    return _flat_top(edge, duration - 2 * rise, edge[::-1])


def _flat_top(up: NDArray[np.float64], width: int, down: NDArray[np.float64]) -> Waveform:
    top = [1.0] if width else []
    repeats = np.ones(len(up) + len(top) + len(down), np.int64)
    repeats[len(up) : len(up) + len(top)] = width
    return Waveform(np.concatenate([up, top, down]), repeats)


def _lifted(duration: int, sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mid-point samples of the lifted Gaussian and of its derivative per sample."""
    if duration < 1 or not sigma > 0:
        raise ScheduleError(
            "a Gaussian needs a duration of at least one sample and a positive sigma",
            given=f"duration {duration}, sigma {sigma}",
        )
    t = np.arange(duration) + 0.5 - duration / 2
    floor = np.exp(-0.5 * (duration / 2 / sigma) ** 2)
    bell = np.exp(-0.5 * (t / sigma) ** 2)
    return (bell - floor) / (1 - floor), -t / sigma**2 * bell / (1 - floor)
