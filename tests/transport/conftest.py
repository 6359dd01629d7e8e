"""A loopback driver, its server in this process or in another, and a schedule."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Driver
from qpu_bridge.schedule import Builder, Column, Discriminator, Output, PortKind, Schedule, SlotKind, shapes
from qpu_bridge.transport import DriverServer, RemoteDriver, Supervisor
from qpu_bridge.units import Clock
from tests.transport.spy import Spy


@pytest.fixture(scope="session")
def loopback() -> Driver:
    return plugins.open_driver("loopback", "lab_five", plugins.open_snapshot("five"), {})


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/driver"


@pytest.fixture
def server(loopback: Driver, endpoint: str) -> Iterator[DriverServer]:
    with DriverServer(loopback, endpoint) as server:
        yield server


@pytest.fixture
def remote(server: DriverServer) -> Iterator[RemoteDriver]:
    driver = RemoteDriver(server.endpoint)
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def schedule() -> Schedule:
    builder = Builder(Clock(Fraction(1, 10**9)))
    drive, acquire = builder.port("d0", PortKind.DRIVE), builder.port("a", PortKind.ACQUIRE)
    qubit, heard = builder.frame("q0", drive, 5.0e9), builder.frame("a0", acquire, 7.0e9)
    phase = builder.slot(SlotKind.PHASE)
    builder.play(qubit, shapes.drag(40, 8.0, 0.5), 0.2)
    builder.shift_phase(qubit, phase)
    builder.play(qubit, shapes.drag(40, 8.0, 0.5), 0.2)
    builder.barrier()
    column = builder.column(Column("c[0]", output=Output.BOTH, discriminator=Discriminator(0.3, 2.0)))
    builder.capture(heard, column, 400)
    return builder.build()


def command(endpoint: str) -> list[str]:
    return [
        *(sys.executable, "-m", "qpu_bridge.transport.process", "loopback"),
        *("--endpoint", endpoint, "--device", "lab_five", "--snapshot", "five"),
    ]


@pytest.fixture
def supervisor(endpoint: str) -> Iterator[Supervisor]:
    supervisor = Supervisor(command(endpoint), endpoint, heartbeat_s=0.1, back_off_s=0.01)
    with supervisor:
        supervisor.wait_ready(60)
        yield supervisor


@pytest.fixture
def spy(loopback: Driver) -> Spy:
    spy = Spy(loopback)
    spy.hold.set()
    return spy


@pytest.fixture
def spied(spy: Spy, endpoint: str) -> Iterator[RemoteDriver]:
    with DriverServer(spy, endpoint):
        driver = RemoteDriver(endpoint)
        yield driver
        driver.close()
