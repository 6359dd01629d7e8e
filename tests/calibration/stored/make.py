"""``python -m tests.calibration.stored.make NAME …``: measure routines on the built-in device and store their raw data."""

from __future__ import annotations

import sys
from pathlib import Path

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_calibration import hdf5
from qpu_calibration.bench import Bench
from qpu_calibration.catalog import routine
from qpu_calibration.plan import Kind
from qpu_emulator import five, five_ecr

SEED, SHOTS = 20261121, 300


def main(names: list[str]) -> None:
    """Measure and store."""
    for name in names:
        found = routine(name)
        snapshot = (five_ecr if found.gate == "ecr" else five).snapshot()
        driver = open_driver("emulator", snapshot.device, snapshot, {})
        bench = Bench(Execution(driver, driver.capabilities()), snapshot, seed=SEED, figures=False)
        few = found.settings.model_copy(update={"shots": SHOTS})
        outcome = bench.run(found, [(0,), (2,)] if found.kind is Kind.QUBIT else [(0, 1)], few)
        data, fits, *_ = outcome.looks[-1]
        hdf5.write(data, Path(__file__).parent / f"{name}.h5", packed=True)
        print(name, *fits, sep="\n  ")
        driver.close()


if __name__ == "__main__":
    main(sys.argv[1:])
