"""A device that is kept calibrated for a day: ``python -m tests.proofs.kept [SEED] [cz] [ecr] [typical] [far] [strong]``.

At hour 0 all routines are calibrated. Then the built-in device of a family ages. Whenever monitors say that they are due, they
have a gap; at random moments a user's jobs come (`user.User`), played with the numbers in use; beside them with those that the
hidden truth says would be right, and at times with those of hour 0, which nobody keeps. At the last of these moments all is
calibrated anew, to see what that would reach. A minute of processor time for a family, and two or three for each day; numbers go
to ``calibration/figures``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from qpu_emulator import five, five_ecr
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.drift import typical
from qpu_emulator.chip.wander import Wander
from tests.proofs.kept_day import outcome, show
from tests.proofs.kept_life import Fresh, lived

FAMILIES = {"cz": five, "ecr": five_ecr}

FAR = Wander(frequency=3750.0, amplitude=0.0075, hours=12.0)
"""2.5 times that of a good laboratory (`qpu_emulator.chip.drift.typical`)."""

STRONG = Wander(frequency=20e3, amplitude=0.02, hours=12.0)

STEP_H = 0.05
"""How often somebody looks whether the monitors are due."""

JOBS = 12
"""Moments of a day at which a user's jobs come."""

FIGURES = Path(__file__).parents[2] / "calibration" / "figures" / "kept.json"


def restless(astray: Sequence[int], wander: Wander, seed: int, family: ModuleType = five) -> Device:
    """A built-in device with some qubits that wander; neither T1 changes nor do defects come, which nobody could repair."""
    device: Device = family.device()
    moved = {
        "transmons": tuple(
            transmon.model_copy(update={"wander": wander if index in astray else None, "defects": ()})
            for index, transmon in enumerate(device.transmons)
        )
    }
    return device.model_copy(update=moved | {"seed": seed})


DRIFTS: dict[str, Callable[[int, ModuleType], Device]] = {
    "typical": lambda seed, family: typical(family.device().model_copy(update={"seed": seed})),
    "far": lambda seed, family: restless((1, 4), FAR, seed, family),
    "strong": lambda seed, family: restless((1, 4), STRONG, seed, family),
}
"""Name -> device of a seed and family. ``typical`` is what a device without a wander of its own is given where it ages: all
qubits, T1 too, and a defect each."""


def main(seed: int, families: Sequence[str], drifts: Sequence[str]) -> None:
    """Live some days."""
    gaps = [round(STEP_H * step, 2) for step in range(1, round(24 / STEP_H) + 1)]
    jobs = sorted(np.random.default_rng(seed).choice(gaps, JOBS, replace=False).tolist())
    for family in families:
        with tempfile.TemporaryDirectory() as room:
            began = time.process_time()
            fresh = Fresh(Path(room), seed, family=FAMILIES[family])
            print(
                f"{family}, seed {seed}: {fresh.shots} shots for all, {time.process_time() - began:.0f} s of processor time",
                flush=True,
            )
            for drift in drifts:
                began = time.process_time()
                day = lived(DRIFTS[drift](seed, FAMILIES[family]), fresh, gaps, jobs, again=True)
                print(f"{drift}, {time.process_time() - began:.0f} s of processor time")
                show(day)
                _keep({"family": family, "drift": drift, "seed": seed} | outcome(day))


def _keep(row: dict[str, Any]) -> None:
    """Write a day to the file of figures, instead of an earlier one of the same name."""
    print(json.dumps(row, indent=1), flush=True)
    name = ("family", "drift", "seed")
    rows = json.loads(FIGURES.read_text())["days"] if FIGURES.exists() else []
    rows = [known for known in rows if any(known[key] != row[key] for key in name)]
    rows = sorted([*rows, {"made": f"{datetime.now(UTC):%Y-%m-%d}"} | row], key=lambda known: [known[key] for key in name])
    lines = ",\n".join(json.dumps(known) for known in rows)
    FIGURES.write_text(f'{{"days": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    words = sys.argv[1:]
    number = int(words.pop(0)) if words and words[0].isdigit() else 1
    if unknown := set(words) - {*FAMILIES, *DRIFTS}:
        sys.exit(f"words are {', '.join([*FAMILIES, *DRIFTS])}; got {', '.join(sorted(unknown))}")
    main(
        number,
        [word for word in FAMILIES if word in words] or list(FAMILIES),
        [word for word in DRIFTS if word in words] or list(DRIFTS),
    )
