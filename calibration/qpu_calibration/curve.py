"""Least squares with honest errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import lmfit
import numpy as np

from qpu_calibration.axis import Values

BEST_STARTS = 3
"""So many of the starts, those nearest to the data, are followed to their end."""


@dataclass(frozen=True)
class CurveFit:
    """A curve through points.

    Attributes:
        value: Parameter -> best value.
        error: Parameter -> standard error; inf where the data do not say.
        chi_square: Per degree of freedom, against the errors of the points.
    """

    value: Mapping[str, float]
    error: Mapping[str, float]
    chi_square: float

    def of(self, name: str, unit: str = "", scale: float = 1.0) -> tuple[float, float, str]:
        """Value, error and unit of one parameter, as `fit.good` takes them."""
        return self.value[name] * scale, self.error[name] * abs(scale), unit


def fit_curve(
    model: Callable[..., Values],
    x: Values,
    y: Values,
    sigma: Values,
    starts: Iterable[Mapping[str, float]],
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> CurveFit:
    """Fit ``model(x, **parameters)`` by least squares (Levenberg and Marquardt, lmfit) from several starts; the best is taken.

    The points' own errors are the weights. Where the residuals scatter more than they say (slow noise, a model that leaves
    something out) the parameters' errors grow by the square root of `CurveFit.chi_square`.

    Args:
        model: The curve.
        x: ``float64[n]``.
        y: ``float64[n]``.
        sigma: Standard error of each ``y``.
        starts: Where to begin; each names all parameters.
        bounds: Parameter -> least and greatest value.
    """
    known = lmfit.Model(model, independent_vars=["x"])
    ranked = sorted(starts, key=lambda start: float(np.sum(((model(x, **start) - y) / sigma) ** 2)))
    best = None
    for start in ranked[:BEST_STARTS]:
        parameters = known.make_params(**start)
        for name, (low, high) in (bounds or {}).items():
            parameters[name].set(min=low, max=high)
        try:
            found = known.fit(y, parameters, x=x, weights=1 / sigma, scale_covar=False, max_nfev=4000)
        except ValueError:
            # lmfit's word for a residual that is not finite
            continue
        if best is None or found.chisqr < best.chisqr:
            best = found
    if best is None:
        names = list(ranked[0])
        return CurveFit(dict.fromkeys(names, np.nan), dict.fromkeys(names, np.inf), np.inf)
    reduced = float(best.chisqr / max(1, best.nfree))
    grown = max(1.0, reduced) ** 0.5
    errors = {name: np.inf if p.stderr is None else float(p.stderr) * grown for name, p in best.params.items()}
    return CurveFit({name: float(p.value) for name, p in best.params.items()}, errors, reduced)


def random_effect(sigma: Values, pattern: Values, rest: Values, free: int, most: float) -> Values:
    """Errors of points that something moves, another for each and of unknown size: slow noise moves some more than others.

    The variance of that something is the mean of all that the residuals make likely (a flat prior of its root).

    Args:
        sigma: Errors of the points without it.
        pattern: By how much a unit of it moves each.
        rest: Residuals.
        free: Parameters that were fitted.
        most: Its largest standard deviation.
    """
    sizes = np.linspace(0, most, 51)
    variance = sigma**2 + np.multiply.outer(sizes, pattern) ** 2
    square = rest**2 * rest.size / max(1, rest.size - free)
    likely = -(np.log(variance) + square / variance).sum(axis=1) / 2
    weight = np.exp(likely - likely.max())
    return np.asarray(np.sqrt(sigma**2 + float(weight @ sizes**2 / weight.sum()) * pattern**2))
