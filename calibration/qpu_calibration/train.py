"""Trains of ``ecr`` and an ``x`` on its control: what one pair of them turns the target by adds up.

For the control in 0 a perfect pair turns the target by a quarter turn about +X, for the control in 1 about -X, and leaves the
control where it was. All six numbers by which these two turns may differ are fitted at once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration import bloch
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import CurveFit
from qpu_calibration.fit import Estimate, Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, grid


class TrainSettings(Settings):
    """The trains.

    Attributes:
        pairs: How many pairs of ``ecr`` and ``x`` each has.
    """

    pairs: tuple[int, ...] = Field((1, 2, 3), min_length=2)


S = TypeVar("S", bound=TrainSettings)


class Train(Routine[S], Generic[S]):
    """Trains on the target at +z and at +x, the control in 0 and in 1, and the target's Bloch vector after each."""

    kind = Kind.COUPLER
    gate = "ecr"

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: S) -> Sequence[Axis]:
        """The control's level, where the target begins (0: +z, 1: +x), how many pairs, and sides."""
        return [
            Axis("control", np.array([0.0, 1.0]), stepped=True),
            Axis("begin", np.array([0.0, 1.0]), stepped=True),
            Axis("pairs", np.array(settings.pairs, float), stepped=True),
            bloch.sides(poles=True),
        ]

    def play(self, page: Page, at: Point, settings: S) -> None:
        """The gates as they are."""
        if at.number("control"):
            page.x()
        if at.number("begin"):
            page.sx(phase=np.pi / 2, of=1)
        page.barrier()
        for _ in range(int(at.number("pairs"))):
            page.gate("ecr")
            page.x()
        page.barrier()
        bloch.look(page, at["side"], 1)
        page.measure()

    @abstractmethod
    def numbers(self, data: Measured, found: CurveFit) -> dict[str, Estimate]:
        """What this routine makes of the turns."""

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Six numbers of two turns, and how vectors shrink."""
        x, y, sigma = _points(data)
        angles, axes = np.pi / 2 * np.array([0.8, 0.9, 1.0, 1.1, 1.2]), [-0.6, -0.2, 0.2, 0.6]
        starts = grid(height=0.95, decay=0.01, angle=angles, ix=0.0, axis=axes, iy=0.0, z=0.0, zz=0.0)
        bounds = {"height": (0.0, 1.1), "decay": (-0.02, 0.3), "angle": (0.5, 2.6), "axis": (-1.5, 1.5)}
        bounds |= dict.fromkeys(("ix", "iy", "z", "zz"), (-0.8, 0.8))
        found = yield Search(turned, x, y, sigma, starts, bounds)
        numbers = self.numbers(data, found)
        if found.value["height"] < 0.6:
            return bad("the target's turns do not follow the control", found, **numbers)
        return good(found, **numbers)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Components of all vectors, with the model's beside them."""
        x, y, sigma = _points(data)
        number = np.arange(y.size)
        found = {"x": number, "y": y, "error": sigma, "label": "component"}
        return found | ({"model_x": number, "model": turned(x, **fit.shape)} if fit.shape else {})


def _points(data: Measured) -> tuple[Values, Values, Values]:
    """``[control, begin, pairs, component]`` of each component of a vector, it, and its error."""
    vector, sigma = bloch.vector(data.at(place=1))
    grid = np.meshgrid(data["control"], data["begin"], data["pairs"], np.arange(3), indexing="ij")
    return np.stack([part.ravel() for part in grid]), vector.ravel(), sigma.ravel()


def turned(
    x: Values, height: float, decay: float, angle: float, ix: float, axis: float, iy: float, z: float, zz: float
) -> Values:
    """Components after trains.

    Args:
        x: ``[control, begin, pairs, component]``.
        height: Length of a vector after no pair.
        decay: By which it shrinks, each pair.
        angle: By which the control's level makes the target turn, rad.
        ix: By which it turns whatever the control's level, rad.
        axis: In the plane, rad.
        iy: Angle by which the axis parts for the control's levels, rad.
        z: Turn about Z after each, rad.
        zz: By which that parts for the control's levels, rad.
    """
    # a quarter of a second to import, for cross resonance alone
    from scipy.spatial.transform import Rotation

    control, begin, pairs, component = x.astype(int)
    shape = np.broadcast_shapes(np.shape(axis), np.shape(iy), np.shape(angle), np.shape(ix), np.shape(z), np.shape(zz))
    found = np.empty((*shape[:-1], x.shape[1]))
    for level in (0, 1):
        sign = 1 - 2 * level
        way, size = axis + sign * iy, sign * angle + ix
        still = np.zeros(shape)
        about = Rotation.from_rotvec(np.stack([size * np.cos(way), size * np.sin(way), still], axis=-1).reshape(-1, 3))
        one = Rotation.from_rotvec(np.stack([still, still, z + sign * zz], axis=-1).reshape(-1, 3)) * about
        for count in np.unique(pairs):
            ends = (one**count).as_matrix().reshape(*shape[:-1], 3, 3)[..., [2, 0]]
            here = (control == level) & (pairs == count)
            found[..., here] = ends[..., component[here], begin[here]] * height * np.exp(-decay * count)
    return found
