"""A device that is kept for a day, in short. In full: ``python -m tests.proofs.kept``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qpu_bridge.target import Snapshot
from qpu_calibration.catalog import routine
from qpu_calibration.graph import Graph, Node
from qpu_emulator.chip.wander import Wander
from tests.proofs import kept_looks
from tests.proofs.kept import restless
from tests.proofs.kept_life import Fresh, lived
from tests.proofs.user import User

QUBITS = (1, 3)
RESTLESS = 1
SEED = 1
"""Of a device on which that qubit has gone astray after a day."""


def some(snapshot: Snapshot) -> Graph:
    last = Node("fine_amplitude", (RESTLESS,))
    names = {node.routine for node in (*Graph.of(snapshot).above([last]), last)}
    return Graph({name: routine(name) for name in names}, QUBITS, ())


def test_a_day_later_only_what_drifted_is_repaired_and_jobs_are_as_good_as_fresh(tmp_path: Path) -> None:
    truth = restless((RESTLESS,), Wander(frequency=10.5e3, amplitude=0.021), SEED)
    fresh = Fresh(tmp_path, SEED, some, User(QUBITS, pairs=False, circuits=2))
    day = lived(truth, fresh, [24.0], [24.0])
    # a third and not a fifth: routines of couplers, most of the shots of a full calibration, are not here
    assert day.share < 1 / 3
    assert day.repaired[24.0]
    assert all(f"(({RESTLESS},),)" in done for done in day.repaired[24.0])
    # the circuits and their seeds are the same, so that only half of the 7 % of 2 circuits of 4000 shots is left
    assert np.all(day.ratios(day.errors, 1) < 1.2)


def test_what_stands_still_is_left_alone_and_what_walks_stays_within_what_is_tolerated() -> None:
    still, walking = (kept_looks.lived(spread, 0.16, 10, SEED) for spread in (0.0, 4.0))
    assert still.mends < 2
    assert still.looks < 36
    # left alone, it would be beyond four fifths of the time
    assert np.mean(walking.off > 1) < 0.1
    assert walking.looks < 180
