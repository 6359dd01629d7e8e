"""Fine amplitudes of x and sx: trains of pulses add their errors up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.edit import amplitude, with_amplitude
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, grid

BEYOND = 0.75
"""Of a half turn: the error of the longest train that trains half as long still tell from one as far before a quarter turn."""


class FineAmplitudeSettings(Settings):
    """One set of trains.

    Attributes:
        longest: Half turns of the longest train, even.
    """

    shots: int = Field(500, ge=1)
    longest: int = Field(24, ge=2, multiple_of=2)


class FineAmplitude(Routine[FineAmplitudeSettings]):
    """An ``sx``, forwards or backwards, then an even number of half turns made of ``x`` or of ``sx``.

    That ends at half height, where the slope is steepest, and both signs are seen (Sheldon et al., PRA 93, 012301). One more
    ``sx`` after the longest shows the whole contrast: without that, a qubit that is not there would look like a perfect one, and
    so would one whose readout fell over on the way.
    """

    name = "fine_amplitude"
    depends_on = ("drag",)
    restores = True
    timeout_h = 1.0  # a look costs little, and these are what drifts most
    settings = FineAmplitudeSettings()

    def passes(self, settings: FineAmplitudeSettings) -> Sequence[FineAmplitudeSettings]:
        """Short trains first, so that the errors of long ones stay below a quarter turn."""
        return [settings.model_copy(update={"longest": 4}), settings]

    def brief(self, settings: FineAmplitudeSettings) -> FineAmplitudeSettings:
        """Longer trains, which see as much with a tenth of the shots."""
        return settings.model_copy(update={"shots": min(settings.shots, 50), "longest": settings.longest * 3 // 4 * 2})

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: FineAmplitudeSettings) -> Sequence[Axis]:
        """What the train is made of, its length, and which way the first pulse turns."""
        lengths = np.array([settings.longest // 4 * 2, settings.longest, settings.longest + 0.5])
        return [
            Axis("halves", np.array([1.0, 2.0]), stepped=True),
            Axis("turns", lengths[lengths > 0], stepped=True),
            Axis("first", np.array([0.0, np.pi]), "rad"),
        ]

    def play(self, page: Page, at: Point, settings: FineAmplitudeSettings) -> None:
        """``halves`` pulses for each half turn: one ``x`` or two ``sx``; half of one is an ``sx``."""
        halves, (turns, rest) = int(at.number("halves")), divmod(at.number("turns"), 1)
        page.sx(phase=at["first"])
        page.gate("x" if halves == 1 else "sx", 0, times=halves * int(turns))
        page.gate("sx", 0, times=int(2 * rest))
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The amplitudes that were played."""
        return {name: amplitude(snapshot, target[0], name) for name in ("x", "sx")}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Both errors from all trains."""
        y, sigma = excited(data)
        x = _places(data)
        errors = np.linspace(-BEYOND, BEYOND, 15) / float(data["turns"].max())
        starts = grid(height=0.5, wrong_x=errors, wrong_sx=errors, base=0.5)
        bounds = {"height": (0.0, 0.6), "base": (0.3, 0.7), "wrong_x": (-0.2, 0.2), "wrong_sx": (-0.2, 0.2)}
        found = yield Search(trains, x, y.ravel(), sigma.ravel(), starts, bounds)
        numbers = {}
        for name in ("x", "sx"):
            played, wrong, error = float(data[name]), found.value[f"wrong_{name}"], found.error[f"wrong_{name}"]
            numbers[f"{name}_amplitude"] = (played / (1 + wrong), played * error, "")
            numbers[f"{name}_error"] = (wrong, error, "")
        if found.value["height"] < 0.3:
            return bad("the pulses do not turn the qubit over", found, **numbers)
        if max(abs(numbers[f"{name}_error"][0]) for name in ("x", "sx")) * float(data["turns"].max()) > BEYOND:
            return bad("the errors of the trains go too far beyond a quarter turn", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Both amplitudes."""
        after = with_amplitude(snapshot, fit.qubit, "x", fit["x_amplitude"])
        return with_amplitude(after, fit.qubit, "sx", fit["sx_amplitude"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of half a percent: 1e-5 of infidelity for an ``sx``, 4e-5 for an ``x``."""
        return max(abs(fit[f"{name}_amplitude"] / amplitude(snapshot, fit.qubit, name) - 1) for name in ("x", "sx")) / 5e-3

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Populations of all trains, with the model's beside them."""
        y, sigma = excited(data)
        number = np.arange(y.size)
        found = {"x": number, "y": y.ravel(), "error": sigma.ravel(), "label": "train"}
        return found | ({"model_x": number, "model": trains(_places(data), **fit.shape)} if fit.shape else {})


def _places(data: Measured) -> Values:
    """``[halves, turns, sign]`` of each population."""
    halves, turns, first = np.meshgrid(data["halves"], data["turns"], np.cos(data["first"]), indexing="ij")
    return np.stack([halves.ravel(), turns.ravel(), first.ravel()])


def trains(x: Values, height: float, wrong_x: float, wrong_sx: float, base: float) -> Values:
    """Populations after trains of pulses, all about one axis.

    Args:
        x: Pulses per half turn, half turns, sign of the first pulse; half of one more is an ``sx``.
        height: Half of the contrast.
        wrong_x: Relative error of ``x``.
        wrong_sx: Relative error of ``sx``.
        base: Middle.
    """
    halves, turns, sign = x
    whole = np.floor(turns)
    train = whole * (1 + np.where(halves == 1, wrong_x, wrong_sx)) + (turns - whole) * (1 + wrong_sx)
    return np.asarray(base - height * np.cos(np.pi * (sign * (1 + wrong_sx) / 2 + train)))
