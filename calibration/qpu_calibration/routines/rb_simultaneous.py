"""Simultaneous randomized benchmarking of single qubits: what neighbours add to each other's errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qpu_bridge.target import PulseSpec, Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.decays import UNLIKE, drawn_with_more, fit_two_decays, rejection
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.graph import couplers
from qpu_calibration.groups import groups
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.routine import Routine
from qpu_calibration.routines.rb import PULSES, RB, RBSettings, sequence_axes, sequences, survived
from qpu_calibration.search import Asking

TOGETHER, ALONE, STILL = 0.0, 1.0, -1.0
"""What a target does in a step of the axis ``alone``."""


class RBSimultaneous(Routine[RBSettings]):
    """Random Cliffords on all qubits at once, and on qubits that are no neighbours while the others rest.

    Gambetta et al., PRL 109, 240504.
    The sequences are the same both times, and those that rest play pulses of no amplitude, so that nothing but the neighbours'
    drives differs: crosstalk, ZZ and collisions of frequencies. The errors of the snapshot are those of gates alone: they stay.
    """

    name = "rb_simultaneous"
    depends_on = ("rb",)
    apart = 0
    essential = False
    look_share = 1
    timeout_h = 720.0
    settings = RB.settings

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RBSettings) -> Sequence[Axis]:
        """Who plays, lengths, sequences, and in what they end."""
        return [who(snapshot, targets), *sequences(settings)]

    def play(self, page: Page, at: Point, settings: RBSettings) -> None:
        """Sequence by sequence, the axes of all pulses."""
        still = resting(page, at)
        axes = sequence_axes(page, at, settings)

        def played(index: int, pulse: PulseSpec) -> tuple[float, float] | None:
            return silent(index, pulse) if still[index] else None

        page.passage([("sx", (0,))], np.zeros(len(axes), np.int64), axes, played)
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Both decays; errors of a pulse."""
        return (yield from added(*survived(played_both(data), "alone_point"), floor=0.5, scale=0.5 / PULSES))

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What survives together."""
        return drawn_with_more(*survived(played_both(data), "alone_point"), 0.5, fit, "Cliffords, all together")


def who(snapshot: Snapshot, targets: Sequence[Target]) -> Axis:
    """First all together; then one group after the other, of targets that are no neighbours, alone."""
    parted = groups(couplers(snapshot), targets)
    steps = [[TOGETHER] * len(targets), *([ALONE if target in group else STILL for target in targets] for group in parted)]
    return Axis("alone", np.array(steps).T, stepped=True)


def resting(page: Page, at: Point) -> list[bool]:
    """Which targets of a page rest while others play alone."""
    return [number == STILL for number in at.numbers("alone", len(page.targets))]


def silent(_: int, pulse: PulseSpec) -> tuple[float, float]:
    """A pulse of no amplitude (`page.Played`)."""
    return 0.0, pulse.phase


def played_both(data: Measured) -> Measured:
    """The two steps of a target: alone and together, in this order, for which ``alone_point`` is 0 and 1."""
    alone = data["alone"]
    steps = [int(np.flatnonzero(alone == what)[0]) for what in (ALONE, TOGETHER)]
    both = data.at(alone_point=steps)
    return replace(both, arrays={**both.arrays, "alone_point": np.array([0.0, 1.0])})


def added(x: Values, y: Values, sigma: Values, floor: float, scale: float) -> Asking[Fit]:
    """Error alone, what neighbours add to it, and both.

    Args:
        x: Cliffords; whether together.
        y: Share that ends where it should.
        sigma: Its standard error.
        floor: What long sequences tend to.
        scale: Error for each unit of a decay.
    """
    found = yield from fit_two_decays(x, y, sigma, floor)
    alone, more = found.of("decay", scale=scale), found.of("more", scale=scale)
    around = found.around()
    together = found.told(scale * (around["decay"] + around["more"]))
    if reason := rejection(found, floor):
        return bad(reason, found, alone=alone, added=more, together=together)
    return good(found, UNLIKE, alone=alone, added=more, together=together)
