"""Emulated devices whose hidden truth a test may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xarray as xr

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.target import Snapshot
from qpu_calibration import hdf5
from qpu_calibration.bench import Bench
from qpu_emulator import five
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.chip.device import Device
from qpu_emulator.makers import chip

STORED = Path(__file__).parent / "stored"
"""Raw data that routines once gave."""


@dataclass(frozen=True)
class Lab:
    """A bench on an emulated device, and what nobody at the bench may see."""

    bench: Bench
    truth: Device


Open = Callable[..., Lab]


@pytest.fixture
def lab(tmp_path: Path, seed: int) -> Iterator[Open]:
    """Opens a device: the built-in one with its calibration, unless others are given."""
    drivers = []

    def opened(truth: Device | None = None, snapshot: Snapshot | None = None) -> Lab:
        truth, snapshot = truth or five.device(), snapshot or five.snapshot()
        path = tmp_path / "truth.json"
        truth.write(path)
        driver = open_driver("emulator", snapshot.device, snapshot, {"truth": str(path)})
        drivers.append(driver)
        return Lab(Bench(Execution(driver, driver.capabilities()), snapshot, seed=seed, operator="test"), truth)

    yield opened
    for driver in drivers:
        driver.close()


def raw(design: str, size: int, family: str, seed: int) -> tuple[Device, Snapshot]:
    """A random device, and what its designers believe of it."""
    truth = chip.build(chip.random(design, size, family, seed), "emu_raw", seed)
    return truth, solve_snapshot(chip.nominal(truth), datetime(2026, 11, 21, tzinfo=UTC))


def qubits(snapshot: Snapshot) -> list[tuple[int, ...]]:
    """All of them, as targets."""
    return [(qubit.index,) for qubit in snapshot.qubits]


@pytest.fixture
def stored() -> Callable[[str], xr.Dataset]:
    """Raw data of ``tests/calibration/stored``."""

    def read(name: str) -> xr.Dataset:
        return hdf5.read(STORED / f"{name}.h5")

    return read
