"""Two decays of randomized benchmarking, fitted together.

One is of plain sequences. The other is of the same sequences with something *more*: an interleaved gate, or neighbours that play
at the same time. Some sequences are worse than others with it and without; what both have in common does not part them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
        x: ``float64[2, n]``: number of Cliffords; 1 for sequences with something more, 0 for plain ones. These come first, and
            those with something more in the same order.
        y: ``float64[n]``, survival probabilities.
        sigma: Their standard errors, of the shots.
        floor: Survival probability of infinitely long sequences, one over the dimension.

    Returns:
        Parameters ``height``, ``height_more``, ``decay`` and ``more`` of `survival`; chi square is that of the shots' errors.
    """
    height = 0.95 * (1 - floor)
    starts = grid(height=height, height_more=height, decay=np.array([0.1, 0.5, 2.0, 8.0]) / x[0].max(), more=[0.0, 0.5])
    starts["more"] = starts["more"] * starts["decay"]
    bounds = dict.fromkeys(("height", "height_more"), (0.0, 1.2 * (1 - floor))) | dict.fromkeys(("decay", "more"), (-0.1, 1.0))
    rough = yield Search(_survival_to(floor), x, y, sigma, starts, bounds)
    if not np.isfinite(rough.chi_square):
        return rough
    plain, more = np.split((survival(x, floor, **rough.value) - y) / sigma, 2)
    alone, both, common = _scatter(plain, more, len(rough.value) / 2)
    # those with something more less what the plain ones say of it: their errors have nothing in common
    (first, second), half = np.split(sigma, 2), len(y) // 2
    share = common / alone * second / first
    unsure = np.append(first * np.sqrt(alone), second * np.sqrt(max(both - common**2 / alone, 1.0)))
    apart = np.append(y[:half], y[half:] - share * y[:half])
    shares = np.append(np.zeros(half), share)
    found = yield Search(_apart_to(floor), np.vstack([x, shares]), apart, unsure, rough.value, bounds)
    return replace(found, chi_square=rough.chi_square, lone=rough.lone)


def _scatter(plain: Values, more: Values, free: float) -> tuple[float, float, float]:
    """Variances of residuals of either kind of sequences, at least those of the shots, and what they have in common.

    Args:
        plain: Residuals in errors of the shots.
        more: Those of the same sequences with something more.
        free: Parameters that were fitted to either.
    """
    degrees = max(len(plain) - free, 1.0)
    alone, both, common = (float(one @ other) / degrees for one, other in ((plain, plain), (more, more), (plain, more)))
    # what shots explain is not in common
    return max(alone, 1.0), max(both, 1.0), min(max(common, 0.0), max((alone + both) / 2 - 1, 0.0))


@cache
def _survival_to(floor: float) -> Callable[..., Values]:
    return lambda x, **shape: survival(x, floor, **shape)


@cache
def _apart_to(floor: float) -> Callable[..., Values]:
    """The same less shares ``x[2]`` of the plain sequences."""

    def model(x: Values, **shape: Values) -> Values:
        found, half = survival(x[:2], floor, **shape), x.shape[-1] // 2  # type: ignore[arg-type]
        found[..., half:] -= x[2][..., half:] * found[..., :half]
        return found

    return model


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
