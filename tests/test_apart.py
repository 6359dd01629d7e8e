"""A driver in a process of its own answers as one in this process."""

from pathlib import Path

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_calibration.bench import Bench
from qpu_calibration.routines.rabi import Rabi
from qpu_emulator import five
from tests.apart import driver_apart


def test_a_driver_apart_gives_the_same_numbers_at_the_same_time(tmp_path: Path, seed: int) -> None:
    truth, believed = tmp_path / "truth.json", five.snapshot()
    five.device().write(truth)
    options = {"truth": str(truth)}
    near = open_driver("emulator", believed.device, believed, options)
    found = []
    with driver_apart("emulator", believed, options) as far:
        for driver in (near, far):
            bench = Bench(Execution(driver, driver.capabilities()), believed, seed=seed, figures=False)
            fits = [bench.run(Rabi(), [(0,), (2,)]).fits for _ in range(2)]
            found.append((fits, bench.snapshot, bench.execution.device_ns))
    near.close()
    assert found[0] == found[1]
