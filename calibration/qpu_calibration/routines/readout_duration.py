"""Readout duration: how long to listen, between the receiver's noise and the qubit's relaxation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from pydantic import Field
from scipy.special import chdtrc, erfc

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reading import Reading
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.routines.readout_power import (
    MOST_APART,
    WORST,
    captured,
    confused,
    counted,
    listened,
    pace,
    rung,
    with_length,
)
from qpu_calibration.search import Asking, grid

LEAST_GAIN = 0.1
"""Share of the confusion that a change of length must be worth: kernel and line are to be found again after it."""
UNLIKELY = 0.01
"""Chance at which numbers may still be thought to be all the same."""


class ReadoutDurationSettings(Settings):
    """What is tried.

    Attributes:
        lengths: Captures, in units of the one that is believed.
    """

    shots: int = Field(3000, ge=200)
    lengths: tuple[float, ...] = Field((0.3, 0.4, 0.55, 0.75, 1.0, 1.4, 2.0, 3.0, 4.0), min_length=6)


class ReadoutDuration(Routine[ReadoutDurationSettings]):
    """The clouds of a prepared 0 and a prepared 1 for captures of several lengths, the tone as loud as it is.

    While it lasts the clouds part (as the square root of time, once the resonator has rung up), and more and more of the qubits
    in 1 decay: of both together there is a least. It is a parameter of the curve, so that its error is that of any other.
    """

    name = "readout_duration"
    depends_on = ("readout_power",)
    invalidates = ("readout_kernel", "readout")
    essential = False
    look_share = 1
    timeout_h = 168.0
    reading = Reading.POINTS
    settings = ReadoutDurationSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ReadoutDurationSettings) -> Sequence[Axis]:
        """What is prepared; how long is listened."""
        return [
            Axis("prepared", np.array([0.0, 1.0])),
            Axis("length", np.array(settings.lengths), stepped=True, reach=listened(snapshot, targets)),
        ]

    def play(self, page: Page, at: Point, settings: ReadoutDurationSettings) -> None:
        """Nothing or an ``x``, then readout of this length."""
        for (q,) in page.targets:
            page.snapshot = with_length(page.snapshot, q, at.number("length") * page.snapshot.measure(q).acquire_duration)
        page.prepare(at["prepared"])
        page.measure(plain=True)

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The samples of a capture in use, and those of the tone before it."""
        measure = snapshot.measure(target[0])
        return {"samples": float(measure.acquire_duration), "before": float(measure.acquire_start)}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Confusion of either level against length, and where their mean is least."""
        wrong, sigma = confused(data)
        used, before = float(data["samples"]), float(data["before"])
        lengths = captured(data["length"], used)
        top, low = lengths.max(), lengths.min()
        x = np.stack([part.ravel() for part in np.meshgrid([0.0, 1.0], before, lengths, indexing="ij")])
        starts = grid(
            part=np.array([1.0, 2.0, 3.5, 6.0]) / used**0.5,
            lag=np.array([0.02, 0.05, 0.2, 0.5]) * used,
            best=np.array([0.6, 0.9, 1.3, 1.8, 3.0]) * used,
            floor=wrong[0].min(),
            decayed=wrong[1].min(),
        )
        bounds = {"part": (0.0, MOST_APART / used**0.5), "lag": (used / 100, used)}
        bounds |= {"best": (0.2 * low, 3 * top)}
        bounds |= dict.fromkeys(("floor", "decayed"), (0.0, 0.2))
        found = yield from counted(confusion, x, wrong.ravel(), sigma.ravel(), starts, bounds, data["iq"].shape[-1])
        if not np.isfinite(list(found.value.values())).all():
            return bad("no clouds were found", found)
        best, open_ = found.value["best"], found.error["best"]
        tried = np.clip(best, low, top), used, top
        worth = _mean(np.array(tried)[:, None], before, **found.around())
        (least, now, longest), near = map(found.told, worth), float(np.hypot(*sigma).min()) / 2
        if not low < best < top or not open_ < 0.5 * best:
            # the next look goes on from the longest, if that is better for sure
            best, open_, least = (top, top, longest) if now[0] - longest[0] > 4 * near else (np.nan, np.nan, least)
        numbers = {"samples": (best, open_, ""), "error": least, "error_in_use": now}
        if wrong.mean(axis=0).min() > WORST:
            return bad("the clouds of 0 and 1 cannot be told apart at any length", found, **numbers)
        if _even(wrong.mean(axis=0), np.hypot(*sigma) / 2) > UNLIKELY:
            return bad("the duration makes no difference", found, **numbers)
        if found.chi_square > 6:
            return bad("the confusion is not that of clouds that part and decay", found, **numbers)
        if np.isnan(best):
            return bad("the lengths that were tried do not show the best one", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The duration, unless the one in use is as good; kernel and line are then for other routines to find again."""
        if self.deviation(snapshot, fit) < LEAST_GAIN:
            return snapshot
        return with_length(snapshot, fit.qubit, fit["samples"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """Confusion beyond the least, in units of the least and of what the shots leave open: another readout is much to redo."""
        return (fit["error_in_use"] - fit["error"]) / (fit["error"] + 3 * fit.error("error"))

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Mean confusion against length."""
        wrong, sigma = confused(data)
        x = captured(data["length"], float(data["samples"]))
        model = partial(_mean, before=float(data["before"]))
        return drawn(x, wrong.mean(axis=0), model, fit, "samples", np.hypot(*sigma) / 2)


def _even(numbers: Values, sigma: Values) -> float:
    """Chance of numbers that differ so much or more, if all are one."""
    mean = np.average(numbers, weights=sigma**-2)
    return float(chdtrc(len(numbers) - 1, (((numbers - mean) / sigma) ** 2).sum()))


def confusion(x: Values, part: float, lag: float, best: float, floor: float, decayed: float) -> Values:
    """Assignment error of captures.

    Args:
        x: Level, samples of the tone before the capture, samples of this.
        part: Distance of the clouds in units of twice their width, per square root of samples, once they part.
        lag: Samples in which the resonator rings up.
        best: Samples with the least mean of both levels: what decays per sample is what the clouds gain there.
        floor: What no readout sees of 0.
        decayed: What no readout sees of 1.
    """
    level, before, samples = x
    before = before[..., :1]  # it is the same for all points
    gathered, speed = rung(best, before, lag), pace(before + best, lag)
    gain = part * (speed / np.sqrt(best) - gathered / (2 * best**1.5))
    decay = 2 * gain * np.exp(-((part * gathered) ** 2) / best / 2) / np.sqrt(2 * np.pi)
    parted = part * rung(samples, before, lag) / np.sqrt(samples)
    return np.asarray(erfc(parted / np.sqrt(2)) / 2 + np.where(level > 0, decay * samples + decayed, floor))


def _mean(samples: Values, before: float, **shape: Any) -> Values:
    levels = (np.stack([np.full(samples.shape, part) for part in (level, before)] + [samples]) for level in (0.0, 1.0))
    return np.asarray(sum(confusion(level, **shape) for level in levels) / 2)
