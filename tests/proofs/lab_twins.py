"""Twins of laboratories' devices: made from nothing but calibrations, and found to be what these say.

``python -m tests.proofs.lab_twins`` makes random chips, calibrates them unattended and makes their twins, by the command line.
Then it looks at both with the same routines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import typer

from qpu_bridge import BridgeBackend
from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.target import Snapshot
from qpu_bridge.target.versions import Versions
from qpu_calibration.bench import Bench
from qpu_calibration.catalog import routine
from qpu_calibration.graph import couplers
from qpu_calibration.groups import groups
from qpu_calibration.page import Target
from tests.proofs import snapshots

FIGURES = Path(__file__).parents[2] / "emulator" / "figures"
LOOKS = {
    "ramsey": ("f01",),
    "anharmonicity": ("anharmonicity",),
    "t1": ("t1",),
    "echo": ("t2",),
    "rb": ("error",),
    "rb2": ("error_per_clifford",),
}
SHOTS = 4000
"""Of the readout, as many as a calibration takes."""
Values = dict[tuple[str, Target], tuple[float, float]]


class Row(NamedTuple):
    """A number of a device and of its twin, each with its standard error."""

    family: str
    seed: int
    number: str
    target: Target
    lab: tuple[float, float]
    twin: tuple[float, float]


def command(folder: Path, *words: str) -> str:
    """What the command line answers; a calibration that complains has calibrated all the same."""
    line = [sys.executable, "-c", "from qpu_bridge.cli import main; main()", *words]
    done = subprocess.run(line, cwd=folder, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def looked(truth: Path, believed: Snapshot, seed: int) -> Values:
    """Number and target -> value and standard error, as all routines see it now; nothing is changed."""
    driver = open_driver("emulator", believed.device, believed, {"truth": str(truth)})
    found: Values = {}
    try:
        for place, (name, numbers) in enumerate(LOOKS.items()):
            bench = Bench(Execution(driver, driver.capabilities()), believed, seed=seed + place * 10**6, figures=False)
            targets = couplers(believed) if name == "rb2" else [(qubit.index,) for qubit in believed.qubits]
            for group in groups(couplers(believed), targets):
                for target, fit in bench.run(routine(name), group).fits.items():
                    if fit.good:
                        found |= {(number, target): (fit[number], fit.error(number)) for number in numbers}
                bench.snapshot = believed
    finally:
        driver.close()
    backend = BridgeBackend(believed, options={"truth": str(truth)})
    for qubit in believed.qubits:
        first, second = snapshots.readout(snapshots.Bench(backend, believed, seed), qubit.index, SHOTS)
        error = np.sqrt((first * (1 - first) + second * (1 - second)) / SHOTS) / 2
        found["assignment", (qubit.index,)] = ((first + second) / 2, float(error))
    backend.close()
    return found


def twin(seed: int, family: str, size: int) -> tuple[Values, Values]:
    """Numbers of a random device, calibrated, and of its twin."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        chip = ("--design", "line", "--qubits", str(size), "--family", family, "--seed", str(seed), "--uncalibrated")
        command(folder, "device", "new", "emu_lab", *chip)
        command(folder, "calibrate", "--rack", "emu_lab.toml", "--seed", str(seed), "--no-figures")
        command(folder, "device", "new", "emu_twin", "--snapshot", "data/calibration/emu_lab", "--seed", str(seed + 1))
        calibrated = Versions(folder / "data" / "calibration" / "emu_lab").current()
        assert calibrated is not None
        like = Snapshot.read(folder / "emu_twin_snapshot.json")
        return (
            looked(folder / "emu_lab_device.json", calibrated, 1000 * seed),
            looked(folder / "emu_twin_device.json", like, 1000 * seed + 500),
        )


def compared(rows: list[Row]) -> None:
    """A line and a column of the picture per number."""
    names = [*(number for numbers in LOOKS.values() for number in numbers), "assignment"]
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for column, name in enumerate(names):
        lab, lab_error, like, error = np.array([[*row.lab, *row.twin] for row in rows if row.number == name]).T
        # the calibration that the twin is made of has erred as much as the look at the lab's
        score, ratio, off = (like - lab) / np.sqrt(error**2 + 2 * lab_error**2), like / lab, abs(like - lab).max()
        axis.plot(column + np.linspace(-0.25, 0.25, len(score)), score, "o", ms=4)
        words = f"{len(lab)} numbers, ratio {ratio.min():.2f} to {ratio.max():.2f}, median {np.median(ratio):.3f}"
        print(f"{name}: {words}; off by at most {off:.3g}; score {score.mean():+.2f}, deviation {score.std():.2f}")
    axis.axhspan(-2, 2, color="gray", alpha=0.2)
    axis.set(xticks=range(len(names)), ylabel="(twin - lab) / standard error")
    axis.set_xticklabels(names, rotation=20, fontsize=7)
    figure.savefig(FIGURES / "lab_twins.png", dpi=80)


def main(
    seeds: Annotated[int, typer.Option(help="Devices of each family.")] = 3,
    first: Annotated[int, typer.Option(help="First seed.")] = 1,
    size: Annotated[int, typer.Option(help="Qubits of each.")] = 3,
) -> None:
    """Compare, and write a picture and the numbers."""
    rows: list[Row] = []
    for seed in range(first, first + seeds):
        for family in ("cz", "ecr"):
            lab, like = twin(seed, family, size)
            both = [key for key in lab if key in like]
            rows += [Row(family, seed, *key, lab[key], like[key]) for key in both]
            print(f"{family} {seed}: {len(lab)} numbers of the lab's, {len(both)} of both", flush=True)
            written = {"made": datetime.now(UTC).date().isoformat(), "rows": [row._asdict() for row in rows]}
            (FIGURES / "lab_twins.json").write_text(json.dumps(written) + "\n")
    compared(rows)


if __name__ == "__main__":
    typer.run(main)
