"""The contract with the real client. These tests know nothing of the bridge but its URL and tokens: `.ci/clients` runs them with
other releases of the client, in environments of their own, against one running bridge.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService

RACK = """
[bridge]
port = 0
data_dir = "data"
max_body_bytes = 2000000

[devices.emu_five]
driver = "emulator"

[devices.loop_five]
driver = "loopback"
"""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
ACCOUNT = ("QISKIT_IBM_TOKEN", "QISKIT_IBM_URL", "QISKIT_IBM_INSTANCE", "QISKIT_IBM_CHANNEL")
ROOTS = ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL")

CLIENT = tuple(int(part) for part in version("qiskit-ibm-runtime").split(".")[:2])
"""Release of the client that these tests drive."""

WAIT: dict[str, float] = {"timeout": 120}


@dataclass(frozen=True)
class Place:
    """A running bridge.

    Attributes:
        url: Its root.
        ada: A user's token.
        bob: Another's.
    """

    url: str
    ada: str
    bob: str


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """The bridge that the environment names, or one of our own."""
    named = os.environ.get("QPU_BRIDGE_CONTRACT")
    if named:
        yield Place(*named.split())
        return
    from tests.contract.place import two_users
    from tests.flow.conftest import serving

    with serving(RACK) as running:
        yield Place(running.url, *two_users(running))


@pytest.fixture(scope="session", autouse=True)
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home without accounts, and no account in the environment."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in (*PROXIES, *ACCOUNT, *ROOTS):
            patch.delenv(name, raising=False)
        yield home


@pytest.fixture(scope="session")
def connect(place: Place, outside: Path) -> Iterator[Callable[[str], QiskitRuntimeService]]:
    """The way that README recommends: three variables, and an account."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ROOTS:
            patch.setenv(name, place.url)
        yield lambda token: QiskitRuntimeService(
            channel="ibm_quantum_platform", token=token, url=f"{place.url}/experimental/api/v1", instance="auto"
        )


@pytest.fixture(scope="session")
def service(connect: Callable[[str], QiskitRuntimeService], place: Place) -> QiskitRuntimeService:
    return connect(place.ada)


@pytest.fixture(scope="session")
def other(connect: Callable[[str], QiskitRuntimeService], place: Place) -> QiskitRuntimeService:
    return connect(place.bob)


@pytest.fixture(scope="session")
def loop(service: QiskitRuntimeService) -> Any:
    """The device that answers at once, with numbers that mean nothing."""
    return service.backend("loop_five")


@pytest.fixture(scope="session")
def emu(service: QiskitRuntimeService) -> Any:
    """The device that answers with physics."""
    return service.backend("emu_five")


@pytest.fixture(scope="session")
def bell(emu: Any) -> QuantumCircuit:
    """Both of the first two qubits up, or both down; in gates of the device."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return isa(emu, circuit)


def isa(backend: Any, circuit: QuantumCircuit) -> QuantumCircuit:
    return generate_preset_pass_manager(1, backend, seed_transpiler=1, initial_layout=range(circuit.num_qubits)).run(circuit)


def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "this should have happened by now"
        time.sleep(0.02)
