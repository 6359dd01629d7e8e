"""Whether what fades along a sweep was lost at once: a readout that falls over leaves a level, as what has faded does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qpu_calibration.axis import Values
from qpu_calibration.curve import CurveFit
from qpu_calibration.search import Asking, Search

TORN = 36.0
"""By how much chi square is less with a tail, in units of what the points before it scatter; without one, 1/f noise alone reaches
29."""
FLAT = 9.0
"""Square of residuals, in their errors, up to which points rather belong to the tail than to the curve."""


def torn(curve: Search, found: CurveFit, sweep: Values, level: float) -> Asking[bool]:
    """Whether points follow the curve up to a moment, and a level from then on, better than the curve all the way.

    Slow noise makes points scatter, but no curve end at once: what is won by the tail counts in units of that scatter.

    Args:
        curve: What was asked; its model can fade as fast as anything that is known.
        found: What was found.
        sweep: Where each point is on the sweep, ``float64[n]``.
        level: Where the points would come to lie.
    """
    free = max(1, sweep.size - len(found.value))
    whole = found.chi_square * free
    if not whole - free > TORN:
        return False
    order = np.argsort(sweep, kind="stable")
    rest = ((curve.y - level) / curve.sigma)[order] ** 2
    begin = int(np.argmax(np.cumsum((FLAT - rest)[::-1])[::-1]))
    if begin <= len(found.value):
        return False
    sigma = curve.sigma.copy()
    # as good as left out
    sigma[order[begin:]] = 1e9 * curve.sigma.max()
    before = yield replace(curve, sigma=sigma, starts=found.value)
    scatter = max(1.0, before.chi_square * free / (begin - len(found.value)))
    return whole - before.chi_square * free - float(rest[begin:].sum()) > TORN * scatter
