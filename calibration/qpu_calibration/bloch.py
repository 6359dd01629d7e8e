"""Tomography of one qubit: populations along opposite directions in pairs, so that what readout adds cancels."""

from __future__ import annotations

import numpy as np

from qpu_bridge.target import Snapshot, waveform
from qpu_calibration.axis import Axis, Values
from qpu_calibration.edit import amplitude, drag_pulse
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page
from qpu_calibration.reading import excited

_TURNS = np.array([np.pi / 2, -np.pi / 2, np.pi, 0.0])
"""Axes (rad) of the ``sx`` before the measurement, so that outcome 1 means +x, -x, +y, -y."""

FAR = 5.0
"""Standard errors by which opposite sides do not contradict one another yet."""


def sides(*, poles: bool = False) -> Axis:
    """The directions that are measured, as an axis: +x, -x, +y, -y, and with the poles +z, -z."""
    return Axis("side", np.arange(6.0 if poles else 4.0))


def look(page: Page, side: Values, of: int) -> None:
    """Turn the directions ``side`` (of `sides`) of one place to the axis that readout tells; two pulses, or one without poles."""
    number = side.astype(int)
    halves = np.array([amplitude(page.snapshot, target[of], "sx") for target in page.targets])[:, None]
    shapes = [waveform(drag_pulse(page.snapshot, target[of], "sx")[1]) for target in page.targets]
    around, flip = number < 4, number == 4
    axes = _TURNS[np.where(around, number, 3)]
    page.drive(shapes, halves * (around | flip), axes, of=of)
    if number.max() > 3:
        page.drive(shapes, halves * flip, 0.0, of=of)


def exposed(snapshot: Snapshot, qubit: int) -> float:
    """Time on the equator, s, during which a weak turn about Z does as much as during an ``sx`` between the equator and a pole.

    It acts in proportion to the part of the vector that is on the equator.
    """
    pulse, shape = drag_pulse(snapshot, qubit, "sx")
    envelope = waveform(shape).expand().real
    turned = np.pi / 2 * np.cumsum(envelope) / envelope.sum()
    return float(np.sin(turned).sum() * float(snapshot.port(snapshot.frame(pulse.frame).port).dt))


def vector(data: Measured) -> tuple[Values, Values]:
    """Bloch vectors and their standard errors, ``float[..., 2 or 3]``; ``side`` must be the last dimension of the populations.

    Populations of opposite sides add up to 1. Where they do not, by far, one of them is wrong, and errors say by how much.
    """
    assert data.dims["ones"][-1] == "side"
    y, sigma = excited(data)
    found, error = y[..., ::2] - y[..., 1::2], np.hypot(sigma[..., ::2], sigma[..., 1::2])
    apart = np.abs(y[..., ::2] + y[..., 1::2] - 1)
    return found, np.hypot(error, np.where(apart > FAR * error, apart, 0.0))


def angle(found: Values, sigma: Values) -> tuple[Values, Values]:
    """Direction in the plane of vectors ``[..., 2]``, rad, and its standard error, which grows as they shrink.

    Only what is across a vector turns it, and shots tell that part less well than its length.
    """
    (x, y), (dx, dy) = np.moveaxis(found, -1, 0), np.moveaxis(sigma, -1, 0)
    way = np.arctan2(y, x)
    return way, np.hypot(np.sin(way) * dx, np.cos(way) * dy) / np.maximum(np.hypot(x, y), 1e-3)


def wrap_phase(phase: Values | float) -> Values:
    """Phases in rad, brought to within half a turn."""
    return np.angle(np.exp(1j * np.asarray(phase)))
