"""Active reset: what is left of a 1 when it is measured and flipped in real time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings

LEAST = 0.3
"""Population that a prepared 1 must have above a prepared 0 where nothing is flipped, to tell anything."""

UNEVEN = 0.25
"""By how much populations of a prepared 0 and a prepared 1, as they are read first, may differ from 1 together: a readout that is
worse than is believed makes some percent of it, one that has lost its contrast a half."""


class ActiveResetSettings(Settings):
    """How many shots of each case."""

    shots: int = Field(4000, ge=200)


class ActiveReset(Routine[ActiveResetSettings]):
    """Prepare, measure, flip what was 1, measure again; and the same with a wait in place of the flip.

    A device that cannot branch on a bit refuses the schedule, and the target is skipped with its reason.
    """

    name = "active_reset"
    depends_on = ("readout", "fine_amplitude")
    essential = False
    timeout_h = 168.0
    # bits of several qubits come one after the other, and qubits would relax while they wait for their turn
    apart = 1000
    settings = ActiveResetSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ActiveResetSettings) -> Sequence[Axis]:
        """What is prepared, and whether it is flipped."""
        return [Axis("prepared", np.array([0.0, 1.0])), Axis("flipped", np.array([0.0, 1.0]), stepped=True)]

    def play(self, page: Page, at: Point, settings: ActiveResetSettings) -> None:
        """One case."""
        page.prepare(at["prepared"])
        page.measure(in_turn=True)
        if at.number("flipped"):
            page.flip_if_one()
        else:
            timing = page.snapshot.timing
            page.wait(-(-timing.feedback_latency // timing.granularity) * timing.granularity * float(timing.dt))
        page.measure(in_turn=True)

    def fit_one(self, data: Measured) -> Fit:
        """Populations at the second measurement, readout errors undone."""
        both, errors = excited(data)
        y, sigma = both[..., 1], errors[..., 1]
        numbers = {
            "residual": (y[1, 1], sigma[1, 1], ""),
            "residual_of_0": (y[0, 1], sigma[0, 1], ""),
            "without": (y[1, 0], sigma[1, 0], ""),
            "without_of_0": (y[0, 0], sigma[0, 0], ""),
        }
        # an x turns what is in 0 into 1, however warm the qubit is
        odd = both[..., 0].sum(axis=0) - 1
        if (np.abs(odd) > UNEVEN + 5 * np.hypot(*errors[..., 0])).any():
            return bad("what is read first is not that of a qubit in 0 and of the same after an x", **numbers)
        if y[1, 0] - y[0, 0] < LEAST + 5 * np.hypot(sigma[1, 0], sigma[0, 0]):
            return bad("a prepared 1 is not seen again even where nothing is flipped", **numbers)
        if y[1, 1] > (y[1, 0] + y[0, 0]) / 2:
            return bad("the flip leaves more than half of a prepared 1", **numbers)
        if y[0, 1] > (y[1, 0] + y[0, 0]) / 2:
            return bad("the flip takes more than half of a prepared 0 away", **numbers)
        return good(**numbers)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """The four populations."""
        y, sigma = (values[..., 1] for values in excited(data))
        return {"x": np.arange(4), "y": y.ravel(), "error": sigma.ravel(), "label": "0, 0 flipped, 1, 1 flipped"}
