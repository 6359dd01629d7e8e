"""Readout: the line between the clouds, and how often it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.bloch import wrap_phase
from qpu_calibration.edit import with_measure
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import sheet
from qpu_calibration.plan import Point
from qpu_calibration.reading import Reading, binomial_variance
from qpu_calibration.routine import Routine, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORST = 0.25
"""A mean error above which two clouds cannot be told apart well enough to calibrate with."""
DRAWS, SEED = 60, 1
"""Repetitions of the bootstrap, and its seed: the same data always give the same errors."""
LINES = np.linspace(-0.25, 0.25, 101)
"""Lines that are tried, from the middle of the clouds on, in units of their distance."""


MOVED = 0.25
"""Share of the clouds' distance by which either may have moved when it is measured again: one whose contrast was lost meanwhile
is off by all of what is left of it."""


class ReadoutSettings(Settings):
    """How many shots of each prepared level, each time."""

    shots: int = Field(2000, ge=100)


class Readout(Routine[ReadoutSettings]):
    """The clouds of a prepared 0 and a prepared 1: angle, threshold and assignment errors.

    Both are measured twice in turn: of a readout that falls over on the way, one time and the other do not agree.
    """

    name = "readout"
    depends_on = ("readout_kernel",)
    timeout_h = 12.0
    reading = Reading.POINTS
    settings = ReadoutSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ReadoutSettings) -> Sequence[Axis]:
        """Once and again, what is prepared."""
        return [Axis("again", np.array([0.0, 1.0])), Axis("prepared", np.array([0.0, 1.0]))]

    def play(self, page: Page, at: Point, settings: ReadoutSettings) -> None:
        """Nothing or an ``x``, then readout."""
        page.prepare(at["prepared"])
        page.measure()

    def fit_one(self, data: Measured) -> Fit:
        """The line across the middle of both clouds, moved to where the errors are fewest."""
        clouds = data.along("iq", "prepared", "again", "shot").astype(complex)
        low, high = clouds.reshape(2, -1)
        arm = np.mean(high) - np.mean(low)
        if not abs(arm):
            return bad("the clouds of 0 and 1 cannot be told apart")
        angle = float(np.angle(arm))
        zero, one = ((points * np.exp(-1j * angle)).real for points in (low, high))
        threshold, unsure = _line(zero, one)
        counts = len(low)
        first, second = float(np.mean(zero > threshold)), float(np.mean(one <= threshold))
        errors = np.sqrt(binomial_variance(np.array([first, second]), counts)).tolist()
        widths = [float(np.std((points * np.exp(-1j * angle)).imag)) for points in (low, high)]
        width = float(np.sqrt(np.mean(np.square(widths))))
        ratio, arm_error = abs(arm) / (2 * max(width, 1e-300)), np.sqrt((np.var(zero) + np.var(one)) / counts)
        numbers = {
            "angle": (angle, width * np.sqrt(2 / counts) / max(abs(arm), 1e-300), "rad"),
            "threshold": (threshold, unsure, ""),
            "prob_meas1_prep0": (first, errors[0], ""),
            "prob_meas0_prep1": (second, errors[1], ""),
            "signal_to_noise": (ratio, float(np.hypot(arm_error / (2 * max(width, 1e-300)), ratio / (2 * np.sqrt(counts)))), ""),
        }
        moved = np.abs(np.diff(clouds.mean(axis=-1), axis=-1))
        # both times are means of half of the shots, in two quadratures
        if moved.max() > MOVED * abs(arm) + 5 * width * np.sqrt(8 / counts):
            return bad("the clouds of 0 and 1 are elsewhere when they are measured again", **numbers)
        if (first + second) / 2 > WORST:
            return bad("the clouds of 0 and 1 cannot be told apart", **numbers)
        if max(widths) > 2 * min(widths):
            return bad("the clouds of 0 and 1 are not alike in width, though the receiver is the same", **numbers)
        return good(**numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Line and errors."""
        fields = ("angle", "threshold", "prob_meas1_prep0", "prob_meas0_prep1")
        return with_measure(snapshot, fit.qubit, **{field: round(fit[field], 6) for field in fields})

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """The angle in units of 0.1 rad, the mean error in units of a third of itself and what the shots leave open."""
        measure = snapshot.measure(fit.qubit)
        turned = abs(float(wrap_phase(fit["angle"] - measure.angle))) / 0.1
        before = (measure.prob_meas1_prep0 + measure.prob_meas0_prep1) / 2
        now = (fit["prob_meas1_prep0"] + fit["prob_meas0_prep1"]) / 2
        open_to = before / 3 + 3 * (fit.error("prob_meas1_prep0") + fit.error("prob_meas0_prep1")) / 2
        return float(max(turned, abs(now - before) / open_to))

    def plot(self, data: xr.Dataset, fits: Sequence[Fit]) -> Figure:
        """Both clouds, and the line."""
        errors = [[f"{fit['prob_meas1_prep0']:.2%}, {fit['prob_meas0_prep1']:.2%}"] if fit.good else [] for fit in fits]
        figure, places = sheet(self.name, data.attrs["kind"], list(zip(fits, errors, strict=True)))
        for index, (axes, fit) in enumerate(zip(places, fits, strict=True)):
            clouds = data["iq"].isel({data.attrs["kind"]: index}).transpose("prepared", "shot", "again").values.reshape(2, -1)
            for points, color in zip(clouds, ("tab:blue", "tab:red"), strict=True):
                axes.plot(points.real[:800], points.imag[:800], ".", ms=1.5, color=color)
            if "angle" in fit.parameters:
                foot = fit["threshold"] * np.exp(1j * fit["angle"])
                along = 1j * np.exp(1j * fit["angle"]) * np.array([-1, 1]) * np.ptp(data["iq"].values[index].real) / 2
                axes.plot((foot + along).real, (foot + along).imag, "k", lw=0.8)
            axes.set_aspect("equal", "datalim")
        return figure


def _line(zero: Values, one: Values) -> tuple[float, float]:
    """Where a line makes the fewest errors, by a parabola through their number; its scatter over shots drawn again."""
    middle, gap = (zero.mean() + one.mean()) / 2, one.mean() - zero.mean()
    low, high = (_between(points, middle, gap) for points in (zero, one))
    best = _lowest(np.cumsum(high[:-1]) - np.cumsum(low[:-1]))
    draw = np.random.default_rng(SEED)
    low, high = (
        draw.multinomial(len(points), share, DRAWS)[:, :-1].cumsum(axis=1) / len(points)
        for points, share in ((zero, low), (one, high))
    )
    return float(middle + gap * best), float(abs(gap) * np.std(_lowest(high - low)))


def _between(points: Values, middle: float, gap: float) -> Values:
    """Shares of the points below the first of `LINES`, between it and the next, ..., above the last."""
    return np.bincount(np.searchsorted(middle + gap * LINES, points), minlength=len(LINES) + 1) / len(points)


def _lowest(wrong: Values) -> Values:
    """Where among `LINES` parabolas through ``wrong[..., lines]`` are lowest."""
    slope, bend = np.moveaxis(wrong @ _parabola(), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(bend > 0, np.clip(-slope / (2 * bend), LINES[0], LINES[-1]), 0.0))


@cache
def _parabola() -> Values:
    """What makes slope and bend of the nearest parabola of numbers at all `LINES`."""
    return np.asarray(np.linalg.pinv(np.vander(LINES, 3, increasing=True)).T[:, 1:], np.float64)
