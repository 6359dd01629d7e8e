"""Readings: what a measurement returns, and populations made of it."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from qpu_calibration.axis import Values
from qpu_calibration.measured import Measured
from qpu_calibration.median import median


class Reading(StrEnum):
    """What comes back of each measured qubit.

    ``ones``: how often it was 1 (variable ``ones``, a fraction). ``joint``: how often each outcome of a target's qubits came
    (variable ``joint`` with the dimension ``outcome``, the first place is its lowest bit). ``mean``: the average IQ point
    (variable ``iq``). ``points``: the IQ point of each shot (``iq`` with the dimension ``shot``). ``trace``: the average signal
    that returns, sample by sample (``iq`` with the dimension ``sample``).
    """

    ONES = "ones"
    JOINT = "joint"
    MEAN = "mean"
    POINTS = "points"
    TRACE = "trace"

    @property
    def bits(self) -> bool:
        """Whether the device's line between the clouds is used."""
        return self in (Reading.ONES, Reading.JOINT)


def excited(data: Measured) -> tuple[Values, Values]:
    """Population of the excited state, readout errors undone, and its standard error; of data of one target.

    The error is that of the shots (`binomial_variance`); what the belief about the readout adds is not in it, so a fit leaves
    height and offset free where that matters.
    """
    ones, shots = data["ones"], float(data.attrs["shots"])
    low, high = data["prob_meas1_prep0"], 1 - data["prob_meas0_prep1"]
    contrast = np.maximum(high - low, 0.05)
    return (ones - low) / contrast, np.sqrt(binomial_variance(ones, shots)) / contrast


def binomial_variance(share: Values, shots: float, outcomes: int = 2) -> Values:
    """Variance of shares that were counted in some shots, never 0.

    Four shots are added, the same number to each outcome (Agresti and Coull, The American Statistician 52, 119).

    Args:
        share: Of the shots, each 0 to 1.
        shots: How many there were.
        outcomes: How many outcomes a shot has.
    """
    likely = (share * shots + 4 / outcomes) / (shots + 4)
    return np.asarray(likely * (1 - likely) / (shots + 4))


def iq_projection(data: Measured) -> tuple[Values, Values]:
    """Averaged IQ points, projected on the axis along which they scatter most (their first principal component).

    `qiskit-experiments` calls this step `SVD`. The sign of the axis is arbitrary; positions count from the median point.

    Returns:
        Positions in digitizer units, in the shape of the data; and their standard error, the scatter across the axis.
    """
    heard = data["iq"]
    points = heard - median(heard.real.ravel()) - 1j * median(heard.imag.ravel())
    flat = points.ravel()
    _, _, axes = np.linalg.svd(
        np.stack([flat.real, flat.imag], axis=1) - [flat.real.mean(), flat.imag.mean()], full_matrices=False
    )
    turned = points * np.conj(axes[0, 0] + 1j * axes[0, 1])
    across = np.std(turned.imag) if flat.size > 2 else 0.0
    return turned.real, np.full(points.shape, max(float(across), 1e-12))
