"""Two decays of randomized benchmarking that are compared: one of sequences, one of the same sequences and something more."""

from __future__ import annotations

import numpy as np

from qpu_calibration.axis import Values
from qpu_calibration.curve import CurveFit, fit_curve
from qpu_calibration.fit import Fit, Number
from qpu_calibration.picture import Curve, drawn


def compared(x: Values, y: Values, sigma: Values, floor: float) -> CurveFit:
    """Fit both decays.

    Args:
        x: Cliffords; 1 where there is something more, 0 where there is not: ``float64[2, n]``.
        y: Share that ends where it should.
        sigma: Its standard error.
        floor: What long sequences tend to: one over the dimension.

    Returns:
        Parameters ``height``, ``height_more``, ``decay`` and ``more``, as of `survival`.
    """
    height = 0.95 * (1 - floor)
    starts = [
        {"height": height, "height_more": height, "decay": decay / x[0].max(), "more": share * decay / x[0].max()}
        for decay in (0.1, 0.5, 2.0, 8.0)
        for share in (0.0, 0.5)
    ]
    bounds = dict.fromkeys(("height", "height_more"), (0.0, 1.2 * (1 - floor))) | dict.fromkeys(("decay", "more"), (-0.1, 1.0))

    def model(x: Values, height: float, height_more: float, decay: float, more: float) -> Values:
        return survival(x, floor, height, height_more, decay, more)

    return fit_curve(model, x, y, sigma, starts, bounds)


def survival(x: Values, floor: float, height: float, height_more: float, decay: float, more: float) -> Values:
    """Share that ends where it should.

    Args:
        x: Cliffords; whether there is something more.
        floor: What long sequences tend to.
        height: Above it, of sequences of no length.
        height_more: The same with something more.
        decay: Of the depolarizing parameter per Clifford.
        more: Of the depolarizing parameter per Clifford, by what there is more.
    """
    length, beside = x
    kept = np.log(np.maximum(1 - decay, 1e-9)) + beside * np.log(np.maximum(1 - more, 1e-9))
    return np.asarray(floor + np.where(beside > 0, height_more, height) * np.exp(kept * length))


def amiss(found: CurveFit, floor: float) -> str:
    """Why two decays are not believed; empty if they are."""
    heights = [(found.value[name], found.error[name]) for name in ("height", "height_more")]
    if any(height < 0.4 * (1 - floor) or height < 6 * error for height, error in heights):
        return "no sequence survives"
    # pulses that are wrong in the same way each time make sequences differ: that is in the errors, and no fault of the curve
    return "what survives is no exponential of the length" if found.chi_square > 100 else ""


def drawn_with_more(x: Values, y: Values, sigma: Values, floor: float, fit: Fit, label: str) -> Curve:
    """Of points as `compared` takes them: those with something more, and their curve."""
    more = x[1] > 0

    def model(lengths: Values, **shape: float) -> Values:
        return survival(np.stack([lengths, np.ones_like(lengths)]), floor, **shape)

    return drawn(x[0, more], y[more], model, fit, label, sigma[more])


def bound(found: CurveFit, dimension: int) -> Number:
    """How far the error of an interleaved gate may be from what decays say, whatever the errors of gates are made of.

    Magesan et al., PRL 109, 080505, equation 5, on top of the standard error. Its own is that of both decays, as if they were
    independent.
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
