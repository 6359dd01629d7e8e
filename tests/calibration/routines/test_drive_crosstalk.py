from __future__ import annotations

import cmath

from qpu_calibration.bench import Bench
from qpu_calibration.routines.drive_crosstalk import DriveCrosstalk
from qpu_emulator import five
from qpu_emulator.chip.device import Crosstalk, Device

SENT = {"first": (0, "d1", cmath.rect(0.04, 0.9)), "second": (1, "d0", cmath.rect(0.09, -2.0))}
"""Qubit, its neighbour's line, crosstalk."""


def measured(bench: Bench) -> dict[str, tuple[complex, float]]:
    """Ratio and the greater of both errors, of either qubit of one pair."""
    outcome = bench.run(DriveCrosstalk(), [(0, 1)])
    assert not outcome.refused
    assert not outcome.changed
    fit = outcome.fits[(0, 1)]
    return {
        place: (
            complex(fit[f"{place}_real"], fit[f"{place}_imag"]),
            max(fit.error(f"{place}_real"), fit.error(f"{place}_imag")),
        )
        for place in SENT
    }


def test_crosstalk_adds_to_what_the_exchange_between_neighbours_lets_through(lab):
    parts = tuple(
        Crosstalk(port=port, qubit=qubit, amplitude=abs(sent), phase=cmath.phase(sent)) for qubit, port, sent in SENT.values()
    )
    truth: Device = five.device()
    without = measured(lab().bench)
    found = measured(lab(truth.model_copy(update={"crosstalk": parts})).bench)
    for place, (_, _, sent) in SENT.items():
        print(place, without[place], found[place], sent)
        (before, loose), (after, tight) = without[place], found[place]
        error = (loose**2 + tight**2) ** 0.5
        assert error < 4e-3
        assert abs(after - before - sent) < 4 * error
