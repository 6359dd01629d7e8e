"""Randomized benchmarking of single qubits: the error of sx and x."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration import clifford
from qpu_calibration.axis import Axis, Values
from qpu_calibration.decays import UNLIKE
from qpu_calibration.edit import known_gate, with_error
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reading import binomial_variance
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search

PULSES = 2
"""``sx`` in every Clifford: Z, sx, Z, sx, Z makes all of them, so that none is shorter than others."""


class RBSettings(Settings):
    """How long sequences are.

    Attributes:
        lengths: Cliffords.
        samples: Sequences of each length.
        seed: Of the sequences.
    """

    shots: int = Field(300, ge=1)
    lengths: tuple[int, ...] = (1, 200, 500, 900)
    samples: int = Field(5, ge=2)
    seed: int = Field(1, ge=0)


class RB(Routine[RBSettings]):
    """Random Cliffords that together are nothing or an X (Magesan et al., PRL 106, 180504), each qubit its own.

    All are made of the same pulses between virtual Z: sequences of one length are rows of one schedule. Half of the rows end in
    1, so that what survives decays to a half, whatever readout does (Harper et al., PRX Quantum 2, 010322).
    """

    name = "rb"
    depends_on: ClassVar[tuple[str, ...]] = ("fine_amplitude",)
    essential = False
    tells = True
    timeout_h = 24.0
    settings = RBSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RBSettings) -> Sequence[Axis]:
        """Lengths, sequences, and in what they end."""
        return sequences(settings)

    def play(self, page: Page, at: Point, settings: RBSettings) -> None:
        """Sequence by sequence, the axes of all pulses."""
        axes = sequence_axes(page, at, settings)
        page.passage([("sx", (0,))], np.zeros(len(axes), np.int64), axes)
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """What survives against length."""
        x, y, sigma = survived(data)
        starts = {"height": 0.48, "decay": np.array([0.1, 0.5, 2.0, 8.0]) / x.max()}
        found = yield Search(survival, x, y, sigma, starts, {"height": (0.0, 0.6), "decay": (1e-9, 1.0)})
        # the mean fidelity of a depolarizing channel of one qubit
        each = found.of("decay", scale=0.5)
        numbers = {"error_per_clifford": each, "error": (each[0] / PULSES, each[1] / PULSES, "")}
        if found.value["height"] < 0.2 or found.value["height"] < 6 * found.error["height"]:
            return bad("no sequence survives", found, **numbers)
        if not found.error["decay"] < 0.5 * found.value["decay"]:
            return bad("the sequences do not tell the error", found, **numbers)
        return good(found, UNLIKE, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The believed errors of ``sx``, and of ``x`` and ``rx`` by how long they take beside it."""
        half, after = known_gate(snapshot, "sx", fit.target).duration, snapshot
        for name in ("sx", "x", "rx"):
            gate = snapshot.gate(name, fit.qubit)
            if gate is not None:
                after = with_error(after, name, fit.target, round(fit["error"] * gate.duration / half, 9))
        return after

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of what is believed and what the fit leaves open."""
        believed = known_gate(snapshot, "sx", fit.target).error
        return fit.off("error", believed, believed)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What survives against length."""
        x, y, sigma = survived(data)
        return drawn(x, y, survival, fit, "Cliffords", sigma)


def survival(x: Values, height: float, decay: float) -> Values:
    """Share that ends where it should; ``decay`` is that of the depolarizing parameter per Clifford."""
    return np.asarray(0.5 + height * np.exp(np.log1p(-decay) * x))


def survived(data: Measured, beside: str | None = None) -> tuple[Values, Values, Values]:
    """Lengths (``[length, beside]`` if there is such a dimension), mean of both ends, and standard error, of each sequence."""
    dims = ([beside] if beside else []) + ["length", "sample"]
    ones = data.along("ones", *dims, "flipped")
    shots = float(data.attrs["shots"])
    sigma = np.sqrt(binomial_variance(ones, shots).sum(axis=-1)) / 2
    right = (1 - ones[..., 0] + ones[..., 1]) / 2
    x = [part.ravel() for part in np.meshgrid(*(data[name] for name in dims), indexing="ij")]
    lengths = np.stack([x[1], np.sign(x[0])]) if beside else x[0]
    return lengths, right.ravel(), sigma.ravel()


def sequences(settings: RBSettings) -> list[Axis]:
    """Lengths, sequences, and in what they end."""
    return [
        Axis("length", np.array(settings.lengths, float), stepped=True),
        Axis("sample", np.arange(settings.samples, dtype=float)),
        Axis("flipped", np.array([0.0, 1.0])),
    ]


def sequence_axes(page: Page, at: Point, settings: RBSettings, between: str = "") -> Values:
    """Axes (rad) of the pulses of each target's own sequences, ``float64[pulses, targets, rows]`` (`clifford.one_qubit_axes`)."""
    length, samples, ends = int(at.number("length")), at["sample"][0].astype(int), at["flipped"][0].astype(int)
    drawn = {
        (target, sample): clifford.one_qubit_axes(length, (settings.seed, *target, sample), between)
        for target in page.targets
        for sample in set(samples.tolist())
    }
    axes = [[drawn[target, sample][end] for sample, end in zip(samples, ends, strict=True)] for target in page.targets]
    return np.moveaxis(np.array(axes), -1, 0)
