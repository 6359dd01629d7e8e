"""Decays: how much of a Pauli each further pair of layers takes, free of what preparation and measurement take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import OperatorError
from qpu_bridge.programs.layers.samples import Samples

Values = NDArray[np.float64]

_ROUNDS = 100
_SETTLED = 1e-12
_LARGEST = 3.0
"""What one pair of layers may take, as an exponent, on the way to the fit."""


@dataclass(frozen=True, slots=True)
class Decays:
    """Exponents of ``value = exp(offset - exponent * depth)``.

    Attributes:
        exponents: ``float64[path]``, that of one pair of layers.
        precision: ``float64[path]``, inverse variance if shots were all that spreads: weights for what follows.
        influence: ``float64[path, sample]``, what each sample moved each exponent by, so that ``influence @ influence.T`` is the
            covariance of all exponents, also of those that were read from the same shots.
    """

    exponents: Values
    precision: Values
    influence: Values


def fit(samples: Samples, depths: tuple[int, ...]) -> Decays:
    """Fit all decays side by side, by least squares with the binomial spread of the fitted values (Gauss-Newton).

    The spread within the data does not choose the weights: small values would seem sharper than they are. It makes the
    covariance: randomizations are independent, so how far each lies from the mean says how far the fit would move.

    Raises:
        OperatorError: If nothing is left to see of a Pauli at any depth.
    """
    means, totals = _means(samples)
    _require_signal(means, totals)
    depth = np.asarray(depths, float)
    offset, exponent = _start(means, totals, depth)
    for _ in range(_ROUNDS):
        fitted, gain = _gain(offset, exponent, totals, depth)
        step = np.einsum("kpd,pd->kp", gain, means - fitted)
        before = exponent
        offset = np.clip(offset + np.clip(step[0], -1, 1), -_LARGEST, 1)
        exponent = np.clip(exponent + np.clip(step[1], -1, 1), -1, _LARGEST)
        if np.abs(exponent - before).max() < _SETTLED:
            break
    fitted, gain = _gain(offset, exponent, totals, depth)
    information = _information(fitted, totals, depth)
    return Decays(exponent, information, _influence(samples, means, totals, gain[1]))


def mean_logs(samples: Samples) -> Decays:
    """Without any layer in between: minus the logarithm of what preparation and measurement leave."""
    means, totals = _means(samples)
    _require_signal(means, totals)
    value = means[:, 0]
    influence = _influence(samples, means, totals, -1 / means)
    return Decays(-np.log(value), totals[:, 0] * value**2 / (1 - value**2 + 1 / totals[:, 0]), influence)


def _means(samples: Samples) -> tuple[Values, Values]:
    totals = samples.shots.sum(axis=(2, 3))
    return (samples.values * samples.shots).sum(axis=(2, 3)) / totals, totals


def _require_signal(means: Values, totals: Values) -> None:
    if not (means[:, 0] > 3 / np.sqrt(totals[:, 0])).all():
        raise OperatorError(
            "every Pauli of a layer must be seen above the noise of shots at the smallest depth",
            given=f"{means[:, 0].min():.3f} from {totals[:, 0].min():.0f} shots",
            remedy="Use more shots or randomizations, or smaller depths; look whether the layer's qubits can be read.",
        )


def _start(means: Values, totals: Values, depth: Values) -> tuple[Values, Values]:
    """A straight line through the logarithms of what is clearly seen."""
    seen = np.where(means > 2 / np.sqrt(totals), means, 0)
    weight, logs = totals * seen**2, -np.log(np.where(seen > 0, seen, 1))
    total = weight.sum(axis=1)
    centre, level = (weight @ depth) / total, (weight * logs).sum(axis=1) / total
    away = depth - centre[:, np.newaxis]
    spread = (weight * away**2).sum(axis=1)
    slope = (weight * away * logs).sum(axis=1) / np.where(spread > 0, spread, 1)
    return slope * centre - level, slope


def _gain(offset: Values, exponent: Values, totals: Values, depth: Values) -> tuple[Values, Values]:
    """Fitted values ``[path, depth]``, and what each value moves offset and exponent by: ``[2, path, depth]``."""
    fitted = np.exp(offset[:, np.newaxis] - exponent[:, np.newaxis] * depth)
    weight = _weight(fitted, totals)
    slopes = np.stack([fitted, -depth * fitted])
    normal = np.einsum("kpd,lpd,pd->pkl", slopes, slopes, weight)
    return fitted, np.einsum("pkl,lpd,pd->kpd", np.linalg.inv(normal), slopes, weight)


def _weight(fitted: Values, totals: Values) -> Values:
    bounded = np.minimum(fitted, 1)
    return totals / (1 - bounded**2 + 1 / totals)


def _information(fitted: Values, totals: Values, depth: Values) -> Values:
    """Inverse variance of the exponents."""
    weight = _weight(fitted, totals) * fitted**2
    away = depth - (weight @ depth / weight.sum(axis=1))[:, np.newaxis]
    return np.asarray((weight * away**2).sum(axis=1))


def _influence(samples: Samples, means: Values, totals: Values, gain: Values) -> Values:
    share = samples.shots / totals[..., np.newaxis, np.newaxis]
    count = (samples.shots > 0).sum(axis=(2, 3))
    small = np.sqrt(count / np.maximum(count - 1, 1))  # the mean is from the same data
    off = share * (samples.values - means[..., np.newaxis, np.newaxis])
    moved = (gain * small)[..., np.newaxis, np.newaxis] * off
    return np.asarray(moved.reshape(len(moved), -1))
