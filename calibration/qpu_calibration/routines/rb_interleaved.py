"""Interleaved randomized benchmarking of single qubits: the errors of sx and x apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration import clifford
from qpu_calibration.axis import Axis
from qpu_calibration.decays import amiss, bound, compared, survival
from qpu_calibration.edit import with_error
from qpu_calibration.fit import Fit, Number, bad, good
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.routines.rb import ends, survived

GATES = ("", "sx", "x")
"""What is between the Cliffords, by its number on the axis."""


class RBInterleavedSettings(Settings):
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


class RBInterleaved(Routine[RBInterleavedSettings]):
    """Random Cliffords, plain, with an ``sx`` after each, and with an ``x`` (Magesan et al., PRL 109, 080505).

    ``bound`` is how far a gate's error may be from what is found in the worst case, whatever its standard error: the gate's own
    pulses make the Cliffords, so that coherent errors of both may add up or cancel.
    """

    name = "rb_interleaved"
    depends_on = ("rb",)
    essential = False
    look_share = 1
    timeout_h = 168.0
    settings = RBInterleavedSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RBInterleavedSettings) -> Sequence[Axis]:
        """What is between, lengths, sequences, and in what they end."""
        return [
            Axis("between", np.arange(len(GATES), dtype=float), stepped=True),
            Axis("length", np.array(settings.lengths, float), stepped=True),
            Axis("sample", np.arange(settings.samples, dtype=float)),
            Axis("flipped", np.array([0.0, 1.0])),
        ]

    def play(self, page: Page, at: Point, settings: RBInterleavedSettings) -> None:
        """Two ``sx`` and what is between, again and again."""
        gate, length = GATES[int(at.number("between"))], int(at.number("length"))
        rows = [
            [clifford.axes(length, flipped, (settings.seed, *target, sample), gate) for sample, flipped in ends(at)]
            for target in page.targets
        ]
        for pulse, axes in enumerate(np.moveaxis(np.array(rows), -1, 0)):
            page.gate(gate if gate and pulse % 3 == 2 else "sx", 0, phase=axes)
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The errors that are believed."""
        return {f"believed_{name}": _believed(snapshot, name, target) for name in GATES[1:]}

    def fit_one(self, data: xr.Dataset) -> Fit:
        """For each gate, its sequences and the plain ones."""
        numbers: dict[str, Number] = {}
        for number, name in enumerate(GATES[1:], start=1):
            found = compared(*survived(data.isel(between=[0, number]), "between"), floor=0.5)
            numbers[f"{name}_error"] = found.of("more", scale=0.5)
            numbers[f"{name}_bound"] = (bound(found, 2), 0.0, "")
            if reason := amiss(found, 0.5):
                return bad(reason, found, **numbers)
            if not found.error["more"] < 0.5 * found.value["more"]:
                return bad(f"the sequences do not tell the error of {name}", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The believed errors of ``sx`` and ``x``."""
        for name in GATES[1:]:
            snapshot = with_error(snapshot, name, fit.target, round(fit[f"{name}_error"], 9))
        return snapshot

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of what is believed and what the fit leaves open."""
        return max(
            abs(fit[f"{name}_error"] - believed) / (believed + 3 * fit.error(f"{name}_error"))
            for name in GATES[1:]
            for believed in [_believed(snapshot, name, fit.target)]
        )

    def curve(self, data: xr.Dataset, fit: Fit) -> Curve:
        """What survives with an ``x`` between."""
        x, y, sigma = survived(data.isel(between=[2]), "between")
        found = {"x": x[0], "y": y, "error": sigma, "label": "Cliffords, interleaved with x"}
        if fit.shape:
            fine = np.linspace(0, x[0].max(), 201)
            found |= {"model_x": fine, "model": survival(np.stack([fine, np.ones(201)]), 0.5, **fit.shape)}
        return found


def _believed(snapshot: Snapshot, name: str, target: Target) -> float:
    gate = snapshot.gate(name, *target)
    return 0.0 if gate is None else gate.error
