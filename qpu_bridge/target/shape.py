"""Shapes: envelopes and kernels as the file holds them, and as samples."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Document, Waveform, shapes


class ConstantShape(Document):
    """A held level of 1 for ``duration`` samples."""

    shape: Literal["constant"]
    duration: int


class DragShape(Document):
    """A lifted Gaussian with derivative; duration and sigma in samples, beta in samples."""

    shape: Literal["drag"]
    duration: int
    sigma: float
    beta: float


class GaussianSquareShape(Document):
    """A flat top of ``width`` samples between Gaussian edges."""

    shape: Literal["gaussian_square"]
    duration: int
    sigma: float
    width: int


class CosineSquareShape(Document):
    """A flat top with raised-cosine edges of ``rise`` samples."""

    shape: Literal["cosine_square"]
    duration: int
    rise: int


class SampledShape(Document):
    """Plain samples, real and imaginary parts, each held for ``repeats`` samples if given."""

    shape: Literal["samples"]
    real: tuple[float, ...]
    imag: tuple[float, ...]
    repeats: tuple[int, ...] | None = None


Shape = Annotated[
    ConstantShape | DragShape | GaussianSquareShape | CosineSquareShape | SampledShape, Field(discriminator="shape")
]


@lru_cache(maxsize=1024)
def waveform(shape: Shape) -> Waveform:
    """The samples of a shape; kept, for the same few are asked for again and again.

    Raises:
        ScheduleError: If the numbers make no envelope of magnitude at most 1.
    """
    if isinstance(shape, ConstantShape):
        return shapes.constant(shape.duration)
    if isinstance(shape, DragShape):
        return shapes.drag(shape.duration, shape.sigma, shape.beta)
    if isinstance(shape, GaussianSquareShape):
        return shapes.gaussian_square(shape.duration, shape.sigma, shape.width)
    if isinstance(shape, CosineSquareShape):
        return shapes.cosine_square(shape.duration, shape.rise)
    if len(shape.real) != len(shape.imag):
        raise ScheduleError(
            "samples need as many real as imaginary parts", given=f"{len(shape.real)} real, {len(shape.imag)} imaginary"
        )
    samples = np.array(shape.real) + 1j * np.array(shape.imag)
    if shape.repeats is None:
        return Waveform.of(samples)
    return Waveform(samples, np.array(shape.repeats))
