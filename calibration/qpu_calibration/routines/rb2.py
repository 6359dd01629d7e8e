"""Randomized benchmarking of couplers: error per Clifford, and of the entangling gate between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np
from pydantic import Field

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import GateSpec, Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.clifford import ENTANGLERS, SequenceStep, two_qubit_sequence
from qpu_calibration.decays import UNLIKE, bound, drawn_with_more, fit_two_decays, rejection
from qpu_calibration.edit import with_error
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Played, Target
from qpu_calibration.passage import Index
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reading import Reading, binomial_variance
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking

ENTANGLING = 2
"""Of the gates of a sequence (`moves`); those before are ``sx`` of both places."""


class RB2Settings(Settings):
    """How long sequences are.

    Attributes:
        lengths: Cliffords.
        samples: Sequences of each length.
        seed: Of the sequences, which all couplers share.
    """

    shots: int = Field(300, ge=1)
    lengths: tuple[int, ...] = (1, 30, 80, 150)
    samples: int = Field(3, ge=2)
    seed: int = Field(1, ge=0)


class RB2(Routine[RB2Settings]):
    """Random Cliffords of two qubits, plain and with the entangling gate after each (Magesan et al., PRL 109, 080505).

    Each sequence ends in all four outcomes in turn, so that what survives decays to a quarter, whatever readout does. ``bound``
    is how far the gate's error may be from ``error`` in the worst case, whatever its standard error.
    """

    name = "rb2"
    kind = Kind.COUPLER
    depends_on: ClassVar[tuple[str, ...]] = ("rb", "cz_local_phases", "ecr_control_phase")
    essential = False
    look_share = 1
    tells = True
    timeout_h = 24.0
    reading = Reading.JOINT
    settings = RB2Settings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RB2Settings) -> Sequence[Axis]:
        """Plain or interleaved, lengths, sequences, and in what they end (the first qubit is the lowest bit)."""
        return [Axis("interleaved", np.array([0.0, 1.0]), stepped=True), *sequences(settings)]

    def play(self, page: Page, at: Point, settings: RB2Settings) -> None:
        """All couplers alike."""
        gates = [entangler(page.snapshot, target) for target in page.targets]
        ways = {(gate.name, gate.qubits == target) for gate, target in zip(gates, page.targets, strict=True)}
        if len(ways) > 1:
            raise SettingsError("couplers side by side must entangle alike", given=str(sorted(ways)), where=self.name)
        ((name, forwards),) = ways
        seed = (settings.seed, int(at.number("sample")))
        length, interleaved = int(at.number("length")), bool(at.number("interleaved"))
        play_sequence(page, at, two_qubit_sequence(name, forwards, length, interleaved, seed), name, forwards)
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Both decays; the second is that of the first and the gate."""
        found = yield from fit_two_decays(*survived(data, "interleaved"), floor=0.25)
        # the mean fidelity of a depolarizing channel of two qubits
        numbers = {
            "error_per_clifford": found.of("decay", scale=0.75),
            "error": found.of("more", scale=0.75),
            "bound": bound(found, 4),
        }
        if reason := rejection(found, 0.25):
            return bad(reason, found, **numbers)
        if not found.error["more"] < 0.5 * found.value["more"]:
            return bad("the sequences do not tell the error", found, **numbers)
        return good(found, UNLIKE, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The believed error of the entangling gate."""
        gate = entangler(snapshot, fit.target)
        return with_error(snapshot, gate.name, gate.qubits, round(fit["error"], 9))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of what is believed and what the fit leaves open."""
        believed = entangler(snapshot, fit.target).error
        return fit.off("error", believed, believed)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What survives with the gate between."""
        return drawn_with_more(*survived(data, "interleaved"), 0.25, fit, "Cliffords, interleaved")


def sequences(settings: RB2Settings) -> list[Axis]:
    """Lengths, sequences, and in what they end (the first qubit is the lowest bit)."""
    return [
        Axis("length", np.array(settings.lengths, float), stepped=True),
        Axis("sample", np.arange(settings.samples, dtype=float), stepped=True),
        Axis("end", np.arange(4.0)),
    ]


def play_sequence(
    page: Page, at: Point, sequence: tuple[SequenceStep, ...], name: str, forwards: bool, played: Played | None = None
) -> None:
    """Write a sequence, and the two pulses that make nothing or an X of each qubit in the end.

    Args:
        page: To write on.
        at: Names ``end``.
        sequence: Of `clifford.two_qubit_sequence`.
        name: Of the entangling gate.
        forwards: Whether it acts on places 0 and 1 in this order.
        played: With other pulses.
    """
    gates = [("sx", (0,)), ("sx", (1,)), (name, (0, 1) if forwards else (1, 0))]
    page.passage(gates, *moves(sequence), played)
    for place in (0, 1):
        page.gate("sx", place, played=played)
        page.gate("sx", place, phase=np.where(at["end"].astype(int) >> place & 1, 0.0, np.pi), played=played)


@lru_cache(maxsize=256)
def moves(sequence: tuple[SequenceStep, ...]) -> tuple[Index, Values]:
    """A sequence in the order and with the angles of `Page.passage`."""
    order, angles = list[int](), list[float]()
    for place, turns in sequence:
        if place < 0:
            order.append(ENTANGLING)
            angles.append(0.0)
            continue
        order += [-1 - place, *[place, -1 - place] * (len(turns) - 1)]
        angles.append(turns[0])
        for turn in turns[1:]:
            angles += [0.0, turn]
    return np.array(order), np.array(angles)


def entangler(snapshot: Snapshot, target: Target) -> GateSpec:
    """The gate that Cliffords of a coupler are made of.

    Raises:
        SettingsError: If it has none of a fixed angle.
    """
    for name in ENTANGLERS:
        for qubits in (target, target[::-1]):
            gate = snapshot.gate(name, *qubits)
            if gate is not None:
                return gate
    raise SettingsError("a coupler must have a cz or an ecr", given="none", where=f"qubits {list(target)}")


def survived(data: Measured, beside: str) -> tuple[Values, Values, Values]:
    """``[length, beside]``, share of the right outcome over all four ends, and standard error, of each sequence."""
    joint = data.along("joint", beside, "length", "sample", "end", "outcome")
    right = np.diagonal(joint, axis1=-2, axis2=-1)
    shots = float(data.attrs["shots"])
    sigma = np.sqrt(binomial_variance(right, shots, outcomes=4).sum(axis=-1)) / right.shape[-1]
    between, length, _ = np.meshgrid(data[beside], data["length"], data["sample"], indexing="ij")
    return np.stack([length.ravel(), between.ravel()]), right.mean(axis=-1).ravel(), sigma.ravel()
