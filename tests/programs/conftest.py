"""A five-qubit machine behind the loopback driver, and the client's view of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from qiskit_ibm_runtime import IBMBackend

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.programs import Context, DeviceView
from qpu_bridge.target import Snapshot
from tests.lowering.conftest import synthetic
from tests.programs.client import backend as seen_by_client


@pytest.fixture(scope="session")
def snapshot() -> Snapshot:
    made = synthetic(5)
    # a machine that cools between shots unless it is asked to hurry
    return made.model_copy(update={"timing": made.timing.model_copy(update={"passive_reset": 1e-4})})


@pytest.fixture
def context(snapshot: Snapshot) -> Context:
    driver = open_driver("loopback", snapshot.device, snapshot, {})
    capabilities = driver.capabilities()
    log: list[str] = []
    return Context(DeviceView(snapshot.device, snapshot, capabilities), Execution(driver, capabilities), seed=11, log=log.append)


@pytest.fixture
def device(context: Context) -> DeviceView:
    return context.device


@pytest.fixture
def backend(device: DeviceView) -> IBMBackend:
    return seen_by_client(device.snapshot, device.capabilities)


@pytest.fixture
def again(snapshot: Snapshot) -> Callable[[], Context]:
    """Makes fresh contexts with equal seeds."""

    def make() -> Context:
        driver = open_driver("loopback", snapshot.device, snapshot, {})
        return Context(
            DeviceView(snapshot.device, snapshot, driver.capabilities()), Execution(driver, driver.capabilities()), seed=11
        )

    return make
