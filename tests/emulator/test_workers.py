"""Runs spread over workers of a Dask cluster: the same bytes as from one process."""

import socket
from contextlib import suppress

import numpy as np
import pytest

from qpu_bridge.driver import Run
from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import SlotKind, Table
from qpu_emulator.driver import EmulatorDriver


@pytest.fixture(scope="module")
def spread(snapshot):
    """A device whose runs two worker processes play; another cluster on this machine, at Dask's usual port, is not in its way."""
    with socket.socket() as usual:
        # or it is taken indeed
        with suppress(OSError):
            usual.bind(("127.0.0.1", 8787))
        driver = EmulatorDriver("emu_five", snapshot, {"workers": 2})
    yield driver
    driver.close()


@pytest.fixture
def scan(bench):
    slot = bench.builder.slot(SlotKind.PHASE)
    bench.gate("sx", 0)
    bench.gate("cz", 0, 1)
    bench.builder.shift_phase(bench.frames["q0"], slot)
    bench.gate("sx", 0)
    bench.measure(0, 1)
    return bench.build()


@pytest.mark.parametrize(("rows", "shots"), [(40, 200), (1, 3000)])
@pytest.mark.parametrize("settings", [{}, {"engine": "trajectories"}])
def test_workers_return_the_bytes_of_one_process(driver, spread, scan, rows, shots, settings):
    """Rows are dealt to workers, and the shots of a single row too."""
    found = []
    for device in (driver, spread):
        device.load(scan)
        table = Table(np.linspace(0, 3, rows)[:, None])
        chunks = list(device.run(Run(scan.digest, table, shots, seed=5, settings=settings)))
        found.append(np.concatenate([chunk.iq for chunk in chunks]).tobytes())
        assert sum(chunk.stopped_ns - chunk.started_ns for chunk in chunks) > 0
    assert found[0] == found[1]


def test_both_workers_play(spread, scan):
    spread.load(scan)
    for _ in range(3):
        list(spread.run(Run(scan.digest, Table(np.linspace(0, 3, 400)[:, None]), 100, seed=5)))
    counts = spread._workers._client.run(lambda: len(__import__("qpu_emulator.workers").workers._performances))
    assert len(counts) == 2
    assert min(counts.values()) > 0


def test_noise_scales_reach_the_workers(spread, scan, snapshot):
    spread.load(scan)
    (one,) = spread.run(Run(scan.digest, Table(np.zeros((1, 1))), 100, seed=5, settings={"readout": 0, "t1": 3.0}))
    local = EmulatorDriver("emu_five", snapshot, {})
    local.load(scan)
    (other,) = local.run(Run(scan.digest, Table(np.zeros((1, 1))), 100, seed=5, settings={"readout": 0, "t1": 3.0}))
    assert one.iq.tobytes() == other.iq.tobytes()


def test_workers_that_are_not_there(snapshot, monkeypatch):
    monkeypatch.setattr("qpu_emulator.workers._ANSWER_S", 1)
    with pytest.raises(SettingsError, match="must be there"):
        EmulatorDriver("emu_five", snapshot, {"workers": "tcp://127.0.0.1:1"})
