"""Simultaneous randomized benchmarking of couplers: what couplers next to one another add to each other's errors."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis
from qpu_calibration.clifford import words
from qpu_calibration.decays import drawn_with_more
from qpu_calibration.fit import Fit
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reading import Reading
from qpu_calibration.routine import Routine
from qpu_calibration.routines.rb2 import RB2, RB2Settings, entangler, sequences, spell, survived
from qpu_calibration.routines.rb_simultaneous import added, played_both, resting, silent, who


class RB2Simultaneous(Routine[RB2Settings]):
    """Random Cliffords of two qubits on all couplers without a qubit in common at once, and alone (see `RBSimultaneous`)."""

    name = "rb2_simultaneous"
    kind = Kind.COUPLER
    depends_on = ("rb2",)
    apart = 0
    essential = False
    look_share = 1
    timeout_h = 720.0
    reading = Reading.JOINT
    settings = RB2.settings

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RB2Settings) -> Sequence[Axis]:
        """Who plays, lengths, sequences, and in what they end."""
        return [who(snapshot, targets), *sequences(settings)]

    def play(self, page: Page, at: Point, settings: RB2Settings) -> None:
        """Each coupler its own sequence."""
        for target, still in zip(page.targets, resting(page, at), strict=True):
            gate = entangler(page.snapshot, target)
            forwards = gate.qubits == target
            seed = (settings.seed, *target, int(at.number("sample")))
            word = words(gate.name, forwards, int(at.number("length")), False, seed)
            with page.only(target):
                spell(page, at, word, gate.name, forwards, silent if still else None)
        page.measure()

    def fit_one(self, data: xr.Dataset) -> Fit:
        """Both decays; errors per Clifford."""
        return added(*survived(played_both(data), "beside"), floor=0.25, scale=0.75)

    def curve(self, data: xr.Dataset, fit: Fit) -> Curve:
        """What survives together."""
        return drawn_with_more(*survived(played_both(data), "beside"), 0.25, fit, "Cliffords, all together")
