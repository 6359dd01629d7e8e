"""Randomized benchmarking of couplers: error per Clifford, and of the entangling gate between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from pydantic import Field

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import GateSpec, Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.clifford import ENTANGLERS, words
from qpu_calibration.curve import fit_curve
from qpu_calibration.edit import with_error
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reading import Reading
from qpu_calibration.routine import Routine, Settings


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

    Each sequence ends in all four outcomes in turn, so that what survives decays to a quarter, whatever readout does.
    """

    name = "rb2"
    kind = Kind.COUPLER
    depends_on = ("rb",)
    essential = False
    look_share = 1
    timeout_h = 24.0
    reading = Reading.JOINT
    settings = RB2Settings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RB2Settings) -> Sequence[Axis]:
        """Plain or interleaved, lengths, sequences, and in what they end (the first qubit is the lowest bit)."""
        return [
            Axis("interleaved", np.array([0.0, 1.0]), stepped=True),
            Axis("length", np.array(settings.lengths, float), stepped=True),
            Axis("sample", np.arange(settings.samples, dtype=float), stepped=True),
            Axis("end", np.arange(4.0)),
        ]

    def play(self, page: Page, at: Point, settings: RB2Settings) -> None:
        """Word by word; two pulses in the end make nothing or an X of each qubit."""
        gates = [entangler(page.snapshot, target) for target in page.targets]
        ways = {(gate.name, gate.qubits == target) for gate, target in zip(gates, page.targets, strict=True)}
        if len(ways) > 1:
            raise SettingsError("couplers side by side must entangle alike", given=str(sorted(ways)), where=self.name)
        ((name, forwards),) = ways
        seed = (settings.seed, int(at.number("sample")))
        for place, turns in words(name, forwards, int(at.number("length")), bool(at.number("interleaved")), seed):
            if place < 0:
                page.gate(name, *((0, 1) if forwards else (1, 0)))
                continue
            page.rz(turns[0], of=place)
            for turn in turns[1:]:
                page.sx(of=place)
                page.rz(turn, of=place)
        for place in (0, 1):
            page.sx(of=place)
            page.sx(phase=np.where(at["end"].astype(int) >> place & 1, 0.0, np.pi), of=place)
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The error that is believed of the entangling gate."""
        return {"believed": entangler(snapshot, target).error}

    def fit_one(self, data: xr.Dataset) -> Fit:
        """Both decays; the second is that of the first and the gate."""
        x, y, sigma = _survived(data)
        starts = [
            {"height": 0.7, "height_interleaved": 0.7, "decay": decay / x[0].max(), "gate": decay / x[0].max() / 2}
            for decay in (0.1, 0.5, 2.0, 8.0)
        ]
        bounds = dict.fromkeys(("height", "height_interleaved"), (0.0, 0.9)) | dict.fromkeys(("decay", "gate"), (-0.1, 1.0))
        found = fit_curve(survival, x, y, sigma, starts, bounds)
        # the mean fidelity of a depolarizing channel of two qubits
        numbers = {"error_per_clifford": found.of("decay", scale=0.75), "error": found.of("gate", scale=0.75)}
        heights = [(found.value[name], found.error[name]) for name in ("height", "height_interleaved")]
        if any(height < 0.3 or height < 6 * error for height, error in heights):
            return bad("no sequence survives", found, **numbers)
        if not found.error["gate"] < 0.5 * found.value["gate"]:
            return bad("the sequences do not tell the error", found, **numbers)
        # pulses that are wrong in the same way each time make sequences differ: that is in the errors, and no fault of the curve
        if found.chi_square > 100:
            return bad("what survives is no exponential of the length", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The believed error of the entangling gate."""
        gate = entangler(snapshot, fit.target)
        return with_error(snapshot, gate.name, gate.qubits, round(fit["error"], 9))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of what is believed and what the fit leaves open."""
        believed = entangler(snapshot, fit.target).error
        return abs(fit["error"] - believed) / (believed + 3 * fit.error("error"))

    def curve(self, data: xr.Dataset, fit: Fit) -> Curve:
        """What survives with the gate between."""
        x, y, sigma = _survived(data)
        inside = x[1] > 0
        found = {"x": x[0, inside], "y": y[inside], "error": sigma[inside], "label": "Cliffords, interleaved"}
        if fit.shape:
            fine = np.linspace(0, x[0].max(), 201)
            found |= {"model_x": fine, "model": survival(np.stack([fine, np.ones(201)]), **fit.shape)}
        return found


def survival(x: Values, height: float, height_interleaved: float, decay: float, gate: float) -> Values:
    """Share that ends where it should.

    Args:
        x: Cliffords; whether the gate is between them.
        height: Above a quarter, of sequences of no length.
        height_interleaved: The same with the gate.
        decay: Of the depolarizing parameter per Clifford.
        gate: Of the depolarizing parameter per gate.
    """
    length, between = x
    kept = np.log(np.maximum(1 - decay, 1e-9)) + between * np.log(np.maximum(1 - gate, 1e-9))
    return np.asarray(0.25 + np.where(between > 0, height_interleaved, height) * np.exp(kept * length))


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


def _survived(data: xr.Dataset) -> tuple[Values, Values, Values]:
    """``[length, interleaved]``, share of the right outcome over all four ends, and standard error, of each sequence."""
    joint = data["joint"].transpose("interleaved", "length", "sample", "end", "outcome").values
    right = np.moveaxis(np.diagonal(joint, axis1=-2, axis2=-1), -1, -1)
    shots = float(data.attrs["shots"])
    likely = (right * shots + 1) / (shots + 4)
    sigma = np.sqrt((likely * (1 - likely)).sum(axis=-1) / (shots + 4)) / right.shape[-1]
    between, length, _ = np.meshgrid(data["interleaved"], data["length"], data["sample"], indexing="ij")
    return np.stack([length.ravel(), between.ravel()]), right.mean(axis=-1).ravel(), sigma.ravel()
