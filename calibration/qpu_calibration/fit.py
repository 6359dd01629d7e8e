"""Fits: what was found of one target, how sure, and whether it is good enough to believe."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from qpu_bridge.schedule import Document
from qpu_calibration.curve import MOST, CurveFit

Estimate = tuple[float, float, str]
"""Value, standard error, unit."""
ROUTINE_ERRORS = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a routine's author did not think of raises one of these; it must not end the work for other targets."""


class Parameter(Document):
    """A number with its standard error, both in ``unit``."""

    value: float
    error: float = Field(ge=0)
    unit: str = ""


class Fit(Document):
    """What one target's data say.

    Attributes:
        target: Qubits; `Routine.fit` fills them in.
        parameters: By name; empty where nothing could be made of the data.
        good: Whether to believe them.
        reason: Why not; empty if good.
        played: Whether anything was measured for it; False where the device may not play what it takes.
        chi_square: Of the residuals, per degree of freedom; 0 where there is no such number.
        shape: Numbers of the fitted curve, for the figure.
        series: What was found that is no single number: a kernel, a curve.
    """

    target: tuple[int, ...] = ()
    parameters: dict[str, Parameter] = {}
    good: bool
    reason: str = ""
    played: bool = True
    chi_square: float = Field(0.0, ge=0)
    shape: dict[str, float] = {}
    series: dict[str, tuple[float, ...]] = {}

    def __getitem__(self, name: str) -> float:
        """The value of a parameter."""
        return self.parameters[name].value

    def error(self, name: str) -> float:
        """The standard error of a parameter."""
        return self.parameters[name].error

    def part(self, curve: str) -> dict[str, float]:
        """Numbers of one of several curves (`curve.several`) that were fitted; empty if that one was not."""
        start = f"{curve}."
        return {name.removeprefix(start): value for name, value in self.shape.items() if name.startswith(start)}

    def off(self, name: str, believed: float, tolerated: float) -> float:
        """How far a parameter is from what is believed, in units of what is tolerated and three of its standard errors."""
        return abs(self[name] - believed) / (tolerated + 3 * self.error(name))

    @property
    def qubit(self) -> int:
        """The first qubit of the target."""
        return self.target[0]


def good(found: CurveFit | None = None, most: float = MOST, /, **parameters: Estimate) -> Fit:
    """A fit to believe, if the points follow the curve.

    Args:
        found: The curve that was fitted, if one was; its shape and chi square are kept for the figure.
        most: Chi square per degree of freedom above which they do not.
        parameters: ``(value, standard error, unit)`` each. Numbers that are not finite make the fit a bad one.
    """
    return _fit("" if found is None else found.fault(most), found, parameters)


def bad(reason: str, found: CurveFit | None = None, /, **parameters: Estimate) -> Fit:
    """A fit not to believe: why, and what was found all the same."""
    return _fit(reason, found, parameters)


def error_sentence(error: Exception, what: str) -> str:
    """Why nothing was made of what was found.

    Args:
        error: One of `ROUTINE_ERRORS`.
        what: What the routine must be able to do with it.
    """
    return f"{what}; got {type(error).__name__}: {str(error)[:200]}"


def _fit(reason: str, found: CurveFit | None, parameters: Mapping[str, Estimate]) -> Fit:
    kept = {}
    for name, (value, error, unit) in parameters.items():
        if np.isfinite(value) and np.isfinite(error):
            kept[name] = Parameter(value=float(value), error=float(error), unit=unit)
        else:
            reason = reason or f"{name} has no finite value or error"
    square = found.chi_square if found is not None and np.isfinite(found.chi_square) else 0.0
    shape = {} if found is None else {name: value for name, value in found.value.items() if np.isfinite(value)}
    return Fit(parameters=kept, good=not reason, reason=reason, chi_square=square, shape=shape)
