"""Joint assignment: what is read of two neighbours for each state in which both are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import sheet
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reading import Reading, binomial_variance
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.routines.readout import WORST

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STATES = ("00", "10", "01", "11")
"""In the order of the outcomes, whose lowest bit is the first place; digits are in the order of the places."""
DRAWS, SEED = 400, 1
"""Repetitions of the bootstrap, and its seed: the same data always give the same errors."""


class AssignmentSettings(Settings):
    """How many shots of each prepared state."""

    shots: int = Field(4000, ge=200)


class Assignment(Routine[AssignmentSettings]):
    """Neither, one or both of two neighbours are prepared in 1, then both are read together.

    Without crosstalk the 4x4 matrix is the product of those of either qubit. How far it is from that product is said twice: the
    ``shift`` of a qubit is signed and 0 without crosstalk; the ``distance`` sees also errors that come together, and is never
    0, for shots scatter: ``by_chance`` is what it would be without crosstalk. Errors of the preparation (relaxation, a bad
    ``x``) are in the matrix as they are in that of one qubit.
    """

    name = "assignment"
    kind = Kind.COUPLER
    depends_on = ("readout", "fine_amplitude")
    # other targets would be in the same states and heard too: this far, no two share a readout line of eight qubits
    apart = 8
    essential = False
    timeout_h = 168.0
    reading = Reading.JOINT
    settings = AssignmentSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: AssignmentSettings) -> Sequence[Axis]:
        """What is prepared, numbered as outcomes are."""
        return [Axis("prepared", np.arange(4.0))]

    def play(self, page: Page, at: Point, settings: AssignmentSettings) -> None:
        """An ``x`` where a 1 is wanted, then both readouts."""
        for place in range(2):
            page.prepare(at["prepared"] // 2**place % 2, of=place)
        page.measure()

    def fit_one(self, data: Measured) -> Fit:
        """The shares are the matrix; what it is without crosstalk is made of its own margins."""
        matrix, shots = data["joint"].T, int(data.attrs["shots"])
        error = np.sqrt(binomial_variance(matrix, shots))
        numbers = {
            f"prob_meas{read}_prep{prepared}": (matrix[j, i], error[j, i], "")
            for i, prepared in enumerate(STATES)
            for j, read in enumerate(STATES)
        }
        draw = np.random.default_rng(SEED)
        alone = product(matrix)
        spread = float(np.std(_distances(draw, matrix, shots)))
        chance = _distances(draw, alone, shots)
        shift, sure = shifts(matrix, shots)
        found = {
            "distance": (distance(matrix), spread, ""),
            "by_chance": (float(chance.mean()), float(chance.std()), ""),
            "first_shift": (shift[0], sure[0], ""),
            "second_shift": (shift[1], sure[1], ""),
        }
        for place, word in enumerate(("first", "second")):
            # beside either state of its neighbour: one may have been measured when the readout had fallen over
            if _wrong(matrix, place).max() > WORST:
                return bad(f"0 and 1 of the {word} qubit cannot be told apart", **found, **numbers)
        return good(**found, **numbers)

    def plot(self, data: xr.Dataset, fits: Sequence[Fit]) -> Figure:
        """The matrices, in percent."""
        far = [
            [] if fit.reason else [f"{fit['distance']:.2%} from the product, {fit['by_chance']:.2%} by chance"] for fit in fits
        ]
        figure, places = sheet(self.name, data.attrs["kind"], list(zip(fits, far, strict=True)))
        for index, axes in enumerate(places):
            matrix = data["joint"].values[index].T
            axes.imshow(matrix, vmin=0, vmax=1, cmap="Blues")
            for (read, prepared), share in np.ndenumerate(matrix):
                axes.text(
                    prepared, read, f"{share:.2%}", ha="center", va="center", color="white" if share > 0.5 else "k", fontsize=7
                )
            axes.set_xticks(range(4), STATES)
            axes.set_yticks(range(4), STATES)
            axes.set_xlabel("prepared", fontsize=8)
            axes.set_ylabel("read", fontsize=8)
        return figure


def product(matrix: Values) -> Values:
    """What a joint matrix would be without crosstalk: the product of those of either qubit, its neighbour's states averaged.

    Args:
        matrix: ``float64[..., 4, 4]``, probability of an outcome (row) of a prepared state (column).
    """
    second, first = _alone(matrix)
    return np.asarray(np.einsum("...bd,...ac->...badc", second, first).reshape(matrix.shape))


def distance(matrix: Values) -> Values:
    """Total variation between a joint matrix and its `product`, mean of the four prepared states; 0 to 1."""
    return np.asarray(np.abs(matrix - product(matrix)).sum(axis=-2).mean(axis=-1) / 2)


def shifts(matrix: Values, shots: int) -> tuple[Values, Values]:
    """By how much either qubit is read as 1 more often if its neighbour is in 1, mean of its own states; and standard errors."""
    found, error = [], []
    for ones in _ones(matrix):
        found.append(float((ones[1] - ones[0]).mean()))
        error.append(float(np.sqrt(binomial_variance(ones, shots).sum()) / 2))
    return np.array(found), np.array(error)


def _alone(matrix: Values) -> tuple[Values, Values]:
    """``[..., read, prepared]`` of the second qubit and of the first."""
    parts = np.reshape(matrix, (*matrix.shape[:-2], 2, 2, 2, 2))
    return parts.sum(axis=-3).mean(axis=-1), parts.sum(axis=-4).mean(axis=-2)


def _ones(matrix: Values) -> tuple[Values, Values]:
    """How often the first qubit is read as 1, and the second: ``[neighbour's state, own]``."""
    parts = np.reshape(matrix, (2, 2, 2, 2))
    # of read and prepared, the second qubit comes first: it is the higher bit
    return parts.sum(axis=0)[1], parts.sum(axis=1)[1].T


def _wrong(matrix: Values, place: int) -> Values:
    """How often one qubit is read wrong, mean of its own states, for either state of the other."""
    ones = _ones(matrix)[place]
    return np.asarray((ones[:, 0] + 1 - ones[:, 1]) / 2)


def _distances(draw: np.random.Generator, matrix: Values, shots: int) -> Values:
    """Distances of matrices that so many shots would give of a true one."""
    drawn = draw.multinomial(shots, matrix.T / matrix.T.sum(axis=-1, keepdims=True), (DRAWS, 4)) / shots
    return distance(np.swapaxes(drawn, -1, -2))
