"""Interleaved randomized benchmarking of single qubits: the errors of sx and x apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis
from qpu_calibration.decays import UNLIKE, bound, drawn_with_more, fit_two_decays, rejection
from qpu_calibration.edit import known_gate, with_error
from qpu_calibration.fit import Estimate, Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.routine import Routine
from qpu_calibration.routines.rb import RBSettings, sequence_axes, sequences, survived
from qpu_calibration.search import Asking

GATES = ("", "sx", "x")
"""What is between the Cliffords, by its number on the axis."""


class RBInterleaved(Routine[RBSettings]):
    """Random Cliffords, plain, with an ``sx`` after each, and with an ``x`` (Magesan et al., PRL 109, 080505).

    ``bound`` is how far a gate's error may be from what is found in the worst case, whatever its standard error: the gate's own
    pulses make the Cliffords, so that coherent errors of both may add up or cancel.
    """

    name = "rb_interleaved"
    depends_on = ("rb",)
    essential = False
    look_share = 1
    tells = True
    timeout_h = 168.0
    settings = RBSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RBSettings) -> Sequence[Axis]:
        """What is between, lengths, sequences, and in what they end."""
        return [Axis("between", np.arange(len(GATES), dtype=float), stepped=True), *sequences(settings)]

    def play(self, page: Page, at: Point, settings: RBSettings) -> None:
        """Two ``sx`` and what is between, again and again."""
        gate = GATES[int(at.number("between"))]
        axes = sequence_axes(page, at, settings, gate)
        order = np.arange(len(axes)) % 3 == 2 if gate else np.zeros(len(axes))
        page.passage([("sx", (0,)), (gate, (0,))], order.astype(np.int64), axes)
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """For each gate, its sequences and the plain ones."""
        numbers: dict[str, Estimate] = {}
        for number, name in enumerate(GATES[1:], start=1):
            found = yield from fit_two_decays(*survived(data.at(between=[0, number]), "between"), floor=0.5)
            numbers[f"{name}_error"] = found.of("more", scale=0.5)
            numbers[f"{name}_bound"] = bound(found, 2)
            if reason := rejection(found, 0.5):
                return bad(reason, found, **numbers)
            if not found.error["more"] < 0.5 * found.value["more"]:
                return bad(f"the sequences do not tell the error of {name}", found, **numbers)
        return good(found, UNLIKE, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The believed errors of ``sx`` and ``x``, where they are others: `rb` knows their mean three times as well."""
        for name in GATES[1:]:
            found, believed = fit[f"{name}_error"], known_gate(snapshot, name, fit.target).error
            if abs(found - believed) > 3 * fit.error(f"{name}_error"):
                snapshot = with_error(snapshot, name, fit.target, round(found, 9))
        return snapshot

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of what is believed and what the fit leaves open."""
        believed = {f"{name}_error": known_gate(snapshot, name, fit.target).error for name in GATES[1:]}
        return max(fit.off(name, error, error) for name, error in believed.items())

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What survives with an ``x`` between."""
        plain_and_x = survived(data.at(between=[0, GATES.index("x")]), "between")
        return drawn_with_more(*plain_and_x, 0.5, fit, "Cliffords, interleaved with x")
