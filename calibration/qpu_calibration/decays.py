"""Two decays of randomized benchmarking, fitted together.

One is of plain sequences. The other is of the same sequences with something *more*: an interleaved gate, or neighbours that play
at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from qpu_calibration.axis import Values
from qpu_calibration.curve import CurveFit
from qpu_calibration.fit import Estimate, Fit
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.search import Asking, Search, grid

UNLIKE = 100.0
"""Chi square that is no fault of the curve yet: pulses wrong in the same way each time make sequences differ, and errors grow."""


def fit_two_decays(x: Values, y: Values, sigma: Values, floor: float) -> Asking[CurveFit]:
    """Fit both decays.

    Args:
        x: ``float64[2, n]``: number of Cliffords; 1 for sequences with something more, 0 for plain ones.
        y: ``float64[n]``, survival probabilities.
        sigma: Their standard errors.
        floor: Survival probability of infinitely long sequences, one over the dimension.

    Returns:
        Parameters ``height``, ``height_more``, ``decay`` and ``more`` of `survival`.
    """
    height = 0.95 * (1 - floor)
    starts = grid(height=height, height_more=height, decay=np.array([0.1, 0.5, 2.0, 8.0]) / x[0].max(), more=[0.0, 0.5])
    starts["more"] = starts["more"] * starts["decay"]
    bounds = dict.fromkeys(("height", "height_more"), (0.0, 1.2 * (1 - floor))) | dict.fromkeys(("decay", "more"), (-0.1, 1.0))
    return (yield Search(_survival_to(floor), x, y, sigma, starts, bounds))


@cache
def _survival_to(floor: float) -> Callable[..., Values]:
    return lambda x, **shape: survival(x, floor, **shape)


def survival(x: Values, floor: float, height: float, height_more: float, decay: float, more: float) -> Values:
    """Survival probability: ``floor + height (1 - decay)^n``.

    With something more it is ``floor + height_more ((1 - decay) (1 - more))^n``.

    Args:
        x: As in `fit_two_decays`.
        floor: Survival probability of infinitely long sequences.
        height: That of plain sequences of length 0, less the floor.
        height_more: The same of sequences with something more.
        decay: 1 less the depolarizing parameter of a Clifford.
        more: 1 less the depolarizing parameter of what comes with each Clifford.
    """
    length, beside = x
    kept = np.log(np.maximum(1 - decay, 1e-9)) + beside * np.log(np.maximum(1 - more, 1e-9))
    return np.asarray(floor + np.where(beside > 0, height_more, height) * np.exp(kept * length))


def rejection(found: CurveFit, floor: float) -> str:
    """Why both decays are rejected; empty if they are not."""
    heights = [(found.value[name], found.error[name]) for name in ("height", "height_more")]
    dead = any(height < 0.4 * (1 - floor) or height < 6 * error for height, error in heights)
    return "no sequence survives" if dead else ""


def drawn_with_more(x: Values, y: Values, sigma: Values, floor: float, fit: Fit, label: str) -> Curve:
    """The panel of sequences with something more: points as `fit_two_decays` takes them, and their curve."""
    more = x[1] > 0

    def model(lengths: Values, **shape: float) -> Values:
        return survival(np.stack([lengths, np.ones_like(lengths)]), floor, **shape)

    return drawn(x[0, more], y[more], model, fit, label, sigma[more])


def bound(found: CurveFit, dimension: int) -> Estimate:
    """Systematic bound of interleaved benchmarking: how far the gate's error may be from what both decays say.

    Magesan et al., PRL 109, 080505, equation 5. It holds whatever kinds of errors the gates have, and comes on top of the
    standard error. Its own standard error takes both decays for independent.

    Args:
        found: Of `fit_two_decays`.
        dimension: 2 for one qubit, 4 for two.
    """

    def worst(decay: float, more: float) -> float:
        linear = (1 - 1 / dimension) * (abs(more - decay) + decay)
        if decay >= 1:
            return linear
        share = dimension**2 - 1
        root = 2 * share * decay / ((1 - decay) * dimension**2) + 4 * np.sqrt(max(decay, 0.0) * share) / (1 - decay)
        return float(min(linear, root))

    decay, more = found.value["decay"], found.value["more"]
    value = worst(decay, more)
    if not np.isfinite([found.error["decay"], found.error["more"]]).all():
        return value, np.inf, ""
    moved = worst(decay + found.error["decay"], more) - value, worst(decay, more + found.error["more"]) - value
    return value, float(np.hypot(*moved)), ""
