"""Simultaneous randomized benchmarking of couplers: what couplers next to one another add to each other's errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qpu_bridge.target import GateSpec, Snapshot
from qpu_calibration.axis import Axis
from qpu_calibration.clifford import SequenceStep, two_qubit_sequence
from qpu_calibration.decays import drawn_with_more
from qpu_calibration.edit import known_gate
from qpu_calibration.fit import Fit
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reading import Reading
from qpu_calibration.routine import Routine
from qpu_calibration.routines.rb2 import ENTANGLING, RB2, RB2Settings, entangler, moves, play_sequence, sequences, survived
from qpu_calibration.routines.rb_simultaneous import added, played_both, resting, silent, who
from qpu_calibration.search import Asking


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
        """Each coupler its own sequence; all end together, for one that has ended would relax until the others have."""
        length, sample = int(at.number("length")), int(at.number("sample"))
        gates = [entangler(page.snapshot, target) for target in page.targets]
        drawn = [
            two_qubit_sequence(gate.name, gate.qubits == target, length, False, (settings.seed, *target, sample))
            for gate, target in zip(gates, page.targets, strict=True)
        ]
        lasts = [_ticks(page.snapshot, *one) for one in zip(page.targets, gates, drawn, strict=True)]
        everybody = zip(page.targets, gates, drawn, lasts, resting(page, at), strict=True)
        for target, gate, sequence, ticks, still in everybody:
            with page.only(target):
                page.hold(max(lasts) - ticks)
                play_sequence(page, at, sequence, gate.name, gate.qubits == target, silent if still else None)
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Both decays; errors per Clifford."""
        return (yield from added(*survived(played_both(data), "alone_point"), floor=0.25, scale=0.75))

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What survives together."""
        return drawn_with_more(*survived(played_both(data), "alone_point"), 0.25, fit, "Cliffords, all together")


def _ticks(snapshot: Snapshot, target: Target, gate: GateSpec, sequence: tuple[SequenceStep, ...]) -> int:
    """How long a sequence lasts, the two pulses that close it included."""
    order = moves(sequence)[0]
    # both qubits wait for one another before each entangling gate
    layer = np.cumsum(order == ENTANGLING)
    lasts = []
    for place, qubit in enumerate(target):
        pulse = known_gate(snapshot, "sx", (qubit,)).duration
        lasts.append(np.bincount(layer, pulse * (order == place)))
        lasts[-1][-1] += 2 * pulse
    return int(np.maximum(*lasts).sum()) + gate.duration * int(layer[-1])
