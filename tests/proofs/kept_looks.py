"""How often monitors look at a number that walks, and how far off it is then: ``python -m tests.proofs.kept_looks [DAYS]``.

The ledger and the rules of looks are the real ones, the device is a random number: hundreds of days in seconds, where
`tests.proofs.kept` has one. Rounds come as those of monitors do, but for this number alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from qpu_calibration.conduct import DRIFT_ERROR, EARLY_REPAIR
from qpu_calibration.graph import Graph, Node
from qpu_calibration.keeper import SOONEST
from qpu_calibration.ledger import Ledger, Moment
from qpu_calibration.step import REPAIR_ERROR
from tests.calibration.fake import graph_of

HOURS = 12.0
"""Correlation time of the walk."""

STEP_H = 0.05
"""How often somebody looks whether a round is due."""

NODE = Node("number", (0,))


@dataclass(frozen=True)
class Days:
    """What came of some days.

    Attributes:
        looks: Per day.
        mends: Per day.
        off: How far off the number in use was, at each step, in units of what is tolerated.
    """

    looks: float
    mends: float
    off: NDArray[np.float64]


def lived(spread: float, error: float, days: int, seed: int) -> Days:
    """Keep a number.

    Args:
        spread: Standard deviation of its walk, in units of what is tolerated.
        error: Standard error of a look, in the same units.
        days: How many, each from a calibration on.
        seed: Of walk and looks.
    """
    draw, graph = np.random.default_rng(seed), graph_of({"number": ("qubit", (), ())}, 1, ())
    graph.routines["number"].restores = True  # type: ignore[misc]
    graph.routines["number"].timeout_h = 1.0  # type: ignore[misc]
    off, looks, mends = [], 0, 0
    keep = np.exp(-STEP_H / HOURS)
    for _ in range(days):
        hour = there = believed = 0.0
        ledger = Ledger(clock=lambda: Moment(utc=datetime(2026, 1, 1, tzinfo=UTC), device_ns=round(hour * 3.6e12)))  # noqa: B023
        ledger.calibrated(graph, NODE)
        due = SOONEST
        while hour < 24:
            hour += STEP_H
            there = keep * there + spread * np.sqrt(1 - keep**2) * draw.normal()
            if hour >= due and ledger.left_h(graph, NODE) <= SOONEST:
                looks += 1
                seen = there - believed + error * draw.normal()
                if mended(graph, ledger, abs(seen), error):
                    believed += seen
                    mends += 1
                due = hour + min(1.0, max(SOONEST, ledger.rest_h(graph)))
            off.append(there - believed)
    return Days(looks / days, mends / days, np.abs(off))


def mended(graph: Graph, ledger: Ledger, far: float, error: float) -> bool:
    """Note what a look has found, and say whether it is taken over."""
    likely = DRIFT_ERROR if ledger.drifts(graph, NODE) else REPAIR_ERROR
    ledger.note_deviation(graph, NODE, far, error)
    if far <= EARLY_REPAIR or error > (REPAIR_ERROR if far > 1 else likely) * far:
        ledger.passed(NODE)
        return False
    ledger.drifted(NODE, beyond=far > 1)
    ledger.calibrated(graph, NODE)
    return True


def main(days: int) -> None:
    """Print a table."""
    print("spread  error  looks  mends   rms  beyond 1  beyond 1.3, in tolerances and shares of the time")
    for spread in (0.0, 0.6, 2.0, 4.0):
        for error in (0.12, 0.16, 0.21):
            found = lived(spread, error, days, 1)
            rms, beyond = np.sqrt(np.mean(found.off**2)), [np.mean(found.off > limit) for limit in (1.0, 1.3)]
            print(
                f"{spread:6.1f} {error:5.2f} {found.looks:6.1f} {found.mends:6.1f} {rms:5.2f} {beyond[0]:9.3f} {beyond[1]:9.3f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
