"""Readout frequency: where the answers of 0 and 1 are farthest apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.edit import with_readout_frequency
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.median import median
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reach import frequency_range
from qpu_calibration.reading import Reading
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.routines.resonator_spectroscopy import answer, capture, readout_frequency
from qpu_calibration.search import Asking, Search, grid


class ReadoutFrequencySettings(Settings):
    """One scan.

    Attributes:
        span_hz: Half of the scan, around the frequency that is believed.
        points: Frequencies.
    """

    shots: int = Field(400, ge=1)
    span_hz: float = Field(6e6, gt=0)
    points: int = Field(37, ge=12)


class ReadoutFrequency(Routine[ReadoutFrequencySettings]):
    """A readout tone of varied frequency on a prepared 0 and a prepared 1.

    The noise of the receiver is the same everywhere, so the best frequency is where the average points are farthest apart,
    between the resonances of both levels.
    """

    name = "readout_frequency"
    depends_on = ("rabi",)
    invalidates = ("readout_kernel", "readout")
    timeout_h = 72.0
    reading = Reading.MEAN
    settings = ReadoutFrequencySettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ReadoutFrequencySettings) -> Sequence[Axis]:
        """What is prepared, and frequencies around each target's own."""
        believed = np.array([readout_frequency(snapshot, q) for (q,) in targets])
        tones = believed[:, None] + np.linspace(-1, 1, settings.points) * settings.span_hz
        allowed = frequency_range(snapshot, [snapshot.measure(q).drive_frame for (q,) in targets])
        return [Axis("prepared", np.array([0.0, 1.0])), Axis("frequency", tones, "Hz", reach=allowed)]

    def play(self, page: Page, at: Point, settings: ReadoutFrequencySettings) -> None:
        """All samples weigh alike: a kernel is right for one frequency."""
        page.prepare(at["prepared"])
        page.measure(frequency=at["frequency"], plain=True)

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """When the capture begins and ends, after the tone's beginning."""
        return capture(snapshot, target[0])

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """The distance of two resonances."""
        x, distance, sigma = _distances(data)
        model = _model(data)
        top, span = float(distance.max()), x[-1] - x[0]
        if not top > 8 * float(median(sigma)):
            return bad("0 and 1 answer alike")
        centres = [x[distance > 0.8 * top].mean(), x[np.argmax(distance)]]
        starts = grid(height=top, centre=centres, half_width=np.array([0.05, 0.1, 0.2]) * span, pull=[0.5, 1.0, 2.0])
        starts["pull"] = starts["pull"] * starts["half_width"]
        bounds = {"height": (0.0, 20 * top), "half_width": (span / 200, span), "pull": (span / 500, span)}
        found = yield Search(model, x, distance, sigma, starts, bounds)
        numbers = {
            "frequency": found.of("centre", "Hz"),
            "linewidth": found.of("half_width", "Hz", 2.0),
            "chi": found.of("pull", "Hz"),
        }
        if not x[0] + span / 20 < found.value["centre"] < x[-1] - span / 20:
            return bad("the best frequency lies at the edge of the scan or outside of it", found, **numbers)
        if max(found.value["half_width"], found.value["pull"]) > span / 2:
            return bad("both resonances are as wide or as far apart as the scan", found, **numbers)
        if found.error["centre"] > span / 20:
            return bad("the scan does not tell the best frequency", found, **numbers)
        if found.error["half_width"] > found.value["half_width"] / 2:
            return bad("the scan does not tell how wide the resonances are", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Tone and capture. Kernel and line are for other routines to find again."""
        return with_readout_frequency(snapshot, fit.qubit, fit["frequency"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of a fifth of a linewidth."""
        return abs(fit["frequency"] - readout_frequency(snapshot, fit.qubit)) / (0.2 * fit["linewidth"])

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Distance of both points."""
        x, distance, sigma = _distances(data)
        return drawn(x, distance, _model(data), fit, "readout frequency, GHz", sigma, scale=1e-9)


def _distances(data: Measured) -> tuple[Values, Values, Values]:
    """Frequencies, distances of the answers, and their scatter as fourth differences show it."""
    gaps = data["iq"][1].astype(complex) - data["iq"][0]
    # the curve has hardly any; each holds seventy times the variance of a point
    bends = np.diff(gaps, 4)
    scatter = float(median(np.abs(bends)) / np.sqrt(70 * np.log(2) * 2))
    distance = np.abs(gaps)
    return data["frequency"], distance, np.full(distance.shape, max(scatter, 1e-9 * float(distance.max()), 1e-300))


def _model(data: Measured) -> Callable[..., Values]:
    """`apart` in the capture of the data."""
    return _in_capture(float(data["begins"]), float(data["ends"]))


@lru_cache
def _in_capture(begins: float, ends: float) -> Callable[..., Values]:
    # one function for all targets of a capture, so that they are fitted together
    return partial(apart, begins=begins, ends=ends)


def apart(x: Values, height: float, centre: float, half_width: float, pull: float, begins: float, ends: float) -> Values:
    """Distance of the answers of a linear resonator that is pulled by ``-pull`` and ``+pull`` (Hz), ``height`` in the middle.

    ``begins`` and ``ends`` are those of the capture, s after the tone's beginning.
    """

    def gap(off: Values) -> Values:
        low, high = (answer(off + side * pull, 2 * half_width, begins, ends) for side in (1, -1))
        return np.abs(high - low)

    return np.asarray(height * gap(x - centre) / gap(np.zeros(1)))
