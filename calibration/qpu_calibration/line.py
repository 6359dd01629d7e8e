"""A spectral line: a peak on a constant, wherever in a scan it is."""

from __future__ import annotations

import numpy as np

from qpu_calibration.axis import Values
from qpu_calibration.curve import CurveFit
from qpu_calibration.median import median
from qpu_calibration.search import Asking, Search, grid


def peak(x: Values, height: float, centre: float, width: float, base: float) -> Values:
    """A Gaussian peak; ``width`` is its standard deviation, in units of x."""
    return base + height * np.exp(-0.5 * ((x - centre) / width) ** 2)


def find_line(x: Values, y: Values, sigma: Values) -> Asking[tuple[CurveFit, str]]:
    """The strongest line of a scan, up or down.

    Returns:
        The peak, and why it is not to be believed; empty if it is.
    """
    span, step = x[-1] - x[0], (x[-1] - x[0]) / (len(x) - 1)
    base = float(median(y))
    top = int(np.argmax(np.abs(y - base)))
    centres, widths = x[top] + np.array([-1, 0, 1]) * step, np.array([0.7, 2.0, 5.0]) * step
    starts = grid(height=y[top] - base, centre=centres, width=widths, base=base)
    bounds = {"centre": (x[0] - span / 4, x[-1] + span / 4), "width": (0.3 * step, span)}
    found = yield Search(peak, x, y, sigma, starts, bounds)
    height, error = found.value["height"], found.error["height"]
    # of many points one always stands out somewhat
    if not abs(height) > (3 + np.sqrt(2 * np.log(len(x)))) * error:
        return found, "no line stands out of the noise"
    if not x[0] + step < found.value["centre"] < x[-1] - step:
        return found, "the line lies at the edge of the scan or outside of it"
    if found.value["width"] > span / 4:
        return found, "the line is as wide as the scan"
    left = np.abs(y - peak(x, **found.value))[np.abs(x - found.value["centre"]) > 3 * found.value["width"] + step]
    if left.max(initial=0.0) > max(abs(height) / 2, 6 * float(median(sigma))):
        return found, "there is more than one line"
    return found, ""
