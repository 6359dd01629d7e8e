"""What a bridge makes of a driver that dies or hangs: it is started again, and the work goes on where it was."""

import json
import sys

import numpy as np
import pytest

from qpu_bridge.errors import DriverFault
from qpu_bridge.execution import Execution
from qpu_bridge.schedule import Table
from qpu_bridge.transport import RemoteDriver, Supervisor


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """A supervised driver process, and the file that says what goes wrong."""
    folder = tmp_path_factory.mktemp("rig")
    endpoint, path = f"ipc://{folder}/d.ipc", folder / "faults.json"
    command = [sys.executable, "-m", "qpu_bridge.transport.process", "emulator", "--endpoint", endpoint]
    command += ["--device", "emu_five", "--snapshot", "five", "--options", json.dumps({"faults": str(path), "threads": 1})]
    with Supervisor(command, endpoint, heartbeat_s=0.2) as supervisor:
        supervisor.wait_ready()
        driver = RemoteDriver(endpoint, answer_s=60, heartbeat_s=0.2)
        yield supervisor, driver, path
        driver.close()


def _bits(driver, schedule):
    execution = Execution(driver, driver.capabilities())
    tables = [Table(np.zeros((2, 0)))] * 2
    return np.concatenate([chunk.bits for chunk in execution.run(schedule, tables, 50, seed=3)]), execution


@pytest.mark.parametrize("kind", ["crash", "hang"])
def test_a_driver_that_is_lost_once_costs_a_restart_and_no_result(rig, bench, kind):
    supervisor, driver, path = rig
    bench.gate("x", 0)
    bench.measure(0)
    schedule = bench.build()
    wanted, _ = _bits(driver, schedule)
    before = supervisor.restarts
    path.write_text(json.dumps([{"kind": kind, "times": 1}]))
    found, execution = _bits(driver, schedule)
    assert supervisor.restarts == before + 1
    assert execution.resumed >= 1
    assert found.tobytes() == wanted.tobytes()


def test_a_lost_chunk_is_not_taken_for_a_result(rig, bench):
    _, driver, path = rig
    bench.measure(0)
    schedule = bench.build()
    path.write_text(json.dumps([{"kind": "drop_chunk", "times": 1}]))
    with pytest.raises(DriverFault, match="all 2 rows"):
        _bits(driver, schedule)
    assert _bits(driver, schedule)[0].shape == (4, 50, 1)
