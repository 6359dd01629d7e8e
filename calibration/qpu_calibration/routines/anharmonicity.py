"""f12 spectroscopy: the anharmonicity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis
from qpu_calibration.edit import with_qubit
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.line import find_line, peak
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reach import frequency_range
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.routines.qubit_spectroscopy import long_pulse, weak
from qpu_calibration.search import Asking


class AnharmonicitySettings(Settings):
    """One scan.

    Attributes:
        span_hz: Half of the scan, around the f12 that is believed.
        points: Frequencies.
        pulse_s: Length of the pulse between levels 1 and 2.
        turn: Its rotation on resonance in units of pi.
    """

    shots: int = Field(300, ge=1)
    span_hz: float = Field(40e6, gt=0)
    points: int = Field(41, ge=16)
    pulse_s: float = Field(120e-9, gt=0)
    turn: float = Field(0.8, gt=0)


class Anharmonicity(Routine[AnharmonicitySettings]):
    """A pulse of varied frequency between two ``x``: on the line from 1 to 2 the second one does not bring the qubit back."""

    name = "anharmonicity"
    depends_on = ("ramsey",)
    timeout_h = 168.0
    settings = AnharmonicitySettings()

    def passes(self, settings: AnharmonicitySettings) -> Sequence[AnharmonicitySettings]:
        """A second scan ten times as fine."""
        return [settings, settings.model_copy(update={"span_hz": settings.span_hz / 10, "pulse_s": settings.pulse_s * 8})]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: AnharmonicitySettings) -> Sequence[Axis]:
        """Frequencies around each target's own f12."""
        believed = [snapshot.qubits[q].frequency + snapshot.qubits[q].anharmonicity for (q,) in targets]
        tones = np.array(believed)[:, None] + np.linspace(-1, 1, settings.points) * settings.span_hz
        allowed = frequency_range(snapshot, [snapshot.qubits[q].drive_frame for (q,) in targets])
        return [Axis("frequency", tones, "Hz", reach=allowed)]

    def play(self, page: Page, at: Point, settings: AnharmonicitySettings) -> None:
        """The matrix element from 1 to 2 is the square root of two of that from 0 to 1."""
        levels = [settings.turn / np.sqrt(2) * weak(page.snapshot, q, settings.pulse_s) for (q,) in page.targets]
        page.x()
        page.drive(long_pulse(page.snapshot, settings.pulse_s), np.array(levels)[:, None], frequency=at["frequency"])
        page.x()
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """What f12 is compared with."""
        return {"f01": snapshot.qubits[target[0]].frequency}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """One line."""
        found, wrong = yield from find_line(data["frequency"], *excited(data))
        numbers = {
            "anharmonicity": (found.value["centre"] - float(data["f01"]), found.error["centre"], "Hz"),
            "f12": found.of("centre", "Hz"),
        }
        return bad(wrong, found, **numbers) if wrong else good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The number; what follows from it for pulses is for `drag` to find."""
        return with_qubit(snapshot, fit.qubit, anharmonicity=round(fit["anharmonicity"], 1))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 300 kHz."""
        return abs(fit["anharmonicity"] - snapshot.qubits[fit.qubit].anharmonicity) / 300e3

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What did not come back."""
        y, sigma = excited(data)
        return drawn(data["frequency"], y, peak, fit, "drive frequency, GHz", sigma, scale=1e-9)
