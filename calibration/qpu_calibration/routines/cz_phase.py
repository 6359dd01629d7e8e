"""Fine flux amplitude of cz: repeated gates add up what is missing to half a turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration import bloch, conditional
from qpu_calibration.axis import Axis, Values
from qpu_calibration.edit import flux_amplitude, known_gate, with_flux_amplitude
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Kind, Point
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search


class CZPhaseSettings(Settings):
    """One scan.

    Attributes:
        points: Amplitudes.
        span: Half of the scan, as a fraction of the amplitude.
        gates: How many follow one another.
    """

    points: int = Field(9, ge=5)
    span: float = Field(0.06, gt=0, lt=1)
    gates: int = Field(1, ge=1)


class CZPhase(Routine[CZPhaseSettings]):
    """The conditional phase of some ``cz`` against their amplitude, the second qubit on the equator."""

    name = "cz_phase"
    kind = Kind.COUPLER
    gate = "cz"
    depends_on = ("cz_chevron",)
    look_share = 4
    timeout_h = 24.0
    settings = CZPhaseSettings()

    def passes(self, settings: CZPhaseSettings) -> Sequence[CZPhaseSettings]:
        """One gate and far, then seven and near."""
        return [settings, settings.model_copy(update={"span": settings.span / 6, "gates": 7 * settings.gates})]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: CZPhaseSettings) -> Sequence[Axis]:
        """Level of the first qubit; amplitudes around what is believed, and none; sides of the second."""
        around = np.append(1 + np.linspace(-settings.span, settings.span, settings.points), 0.0)
        levels = np.array([flux_amplitude(snapshot, pair) for pair in targets])
        scan = Axis("amplitude", levels[:, None] * around, reach=conditional.reach(snapshot, targets))
        return [conditional.OTHER, scan, bloch.sides()]

    def play(self, page: Page, at: Point, settings: CZPhaseSettings) -> None:
        """Gates of another amplitude."""
        levels = np.broadcast_to(at["amplitude"], (len(page.targets), page.rows))
        conditional.play(page, at, 1, settings.gates, lambda index, pulse: (levels[index], 0.0))

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """For how long ZZ at rest turns the second qubit during a gate, and during the pulses before and after."""
        gate_s = known_gate(snapshot, "cz", target).duration * float(snapshot.timing.dt)
        return {"gate_s": gate_s, "exposed_s": conditional.exposed(snapshot, target[1])}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """A parabola through what is missing; its zero is the amplitude."""
        x, y, sigma, length, common = _missing(data)
        gates = CZPhaseSettings.model_validate_json(data.attrs["settings"]).gates
        if np.median(length) < conditional.LEAST:
            return bad("the second qubit is not seen on the equator")
        line = np.polyfit(x, y, 1)
        starts = {"slope": line[0], "bend": 0.0, "amplitude": -line[1] / line[0] if line[0] else float(x.mean())}
        found = yield Search(conditional.parabola, x, y, sigma, starts)
        amplitude, error, unit = found.of("amplitude")
        error = float(np.hypot(error, common / max(abs(found.value["slope"]), 1e-9)))
        numbers = {"amplitude": (amplitude, error, unit), "slope": found.of("slope", "rad", 1 / gates)}
        if abs(found.value["slope"]) < 8 * found.error["slope"]:
            return bad("amplitude makes no difference that stands out of the noise", found, **numbers)
        if not min(x) < found.value["amplitude"] < max(x):
            return bad("half a turn lies outside of the scan", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Amplitude of ``cz``."""
        return with_flux_amplitude(snapshot, fit.target, fit["amplitude"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 0.03 rad: an infidelity of 1.4e-4."""
        return abs((fit["amplitude"] - flux_amplitude(snapshot, fit.target)) * fit["slope"]) / 0.03

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What is missing to whole turns."""
        x, y, sigma, *_ = _missing(data)
        return drawn(x, y, conditional.parabola, fit, "amplitude", sigma)


def _missing(data: Measured) -> tuple[Values, Values, Values, Values, float]:
    """Amplitudes; conditional phase beyond half a turn for each gate, rad, its error; lengths of the vectors; a common error.

    Gates without flux tell ZZ at rest, and so what of the phase was made by the other pulses.
    """
    gates = CZPhaseSettings.model_validate_json(data.attrs["settings"]).gates
    phase, error, length = conditional.turned(data, 1)
    parted, sigma = conditional.parted(phase, error)
    exposed = float(data["exposed_s"])
    share = exposed / max(gates * float(data["gate_s"]) + exposed, 1e-12)
    beyond = bloch.wrap_phase(parted[:-1] - gates * np.pi - share * parted[-1])
    return data["amplitude"][:-1], np.unwrap(beyond), sigma[:-1], length, float(share * sigma[-1])
