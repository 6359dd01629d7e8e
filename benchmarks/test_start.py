"""How long until something answers, beside the import of the client: `pytest benchmarks/test_start.py`.

Goals are seconds on an idle machine of two cores; they are asserted as multiples of what a process takes to import the real
client, 1.5 s there. Modules are compiled to bytecode, as those of an installed package are.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from qpu_bridge import BridgeService
from tests.flow.conftest import EMULATED, serving

pytestmark = pytest.mark.filterwarnings("default")

CLIENT_S = 1.5
"""What the peer takes where the goals were set."""
PEER = "from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2"
CORE = "import qpu_bridge.schedule, qpu_bridge.wire, qpu_bridge.driver, qpu_bridge.target"
FIXTURE = """
import pathlib, time
started = time.perf_counter()

def test_it(qpu_bridge):
    pathlib.Path("spent").write_text(str(time.perf_counter() - started))
"""


@pytest.fixture(autouse=True, scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of the peer and of our own sources alike, whatever the caller's settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        python("-c", PEER)
        yield


def python(*arguments: str, folder: Path | None = None) -> None:
    subprocess.run([sys.executable, *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL)


@contextmanager
def lasting(into: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    into.append(time.perf_counter() - started)


def compared(benchmark: BenchmarkFixture, start: Callable[[], float], goal_s: float, rounds: int = 4) -> None:
    """In turn with the peer; the first start, which fills caches, does not count."""
    start()
    own: list[float] = []
    peers: list[float] = []
    for _ in range(rounds):
        with lasting(peers):
            python("-c", PEER)
        own.append(benchmark.pedantic(start) if not own else start())
    found, peer = statistics.median(own), statistics.median(peers)
    benchmark.extra_info.update({"own_s": found, "peer_s": peer, "goal_s": goal_s})
    print(f"{found:.2f} s (goal {goal_s} s), import of the client {peer:.2f} s")
    assert found / peer <= goal_s / CLIENT_S


@pytest.mark.parametrize(("like", "goal_s"), [("", 3.0), ("marrakesh", 10.0)])
def test_a_bridge_serves(benchmark: BenchmarkFixture, tmp_path: Path, like: str, goal_s: float) -> None:
    """Until the real client finds the device and is told that it is active."""
    rack = EMULATED
    if like:
        python("-m", "qpu_bridge.cli", "device", "new", "emu_twin", "--like", like, "--folder", str(tmp_path))
        rack = (tmp_path / "emu_twin.toml").read_text().replace("[bridge]", "[bridge]\nport = 0")
        for name in ("./emu_twin_device.json", "emu_twin_snapshot.json"):
            rack = rack.replace(name, str(tmp_path / name))

    def start() -> float:
        spent: list[float] = []
        started = time.perf_counter()
        with serving(rack) as running:
            found = BridgeService(running.url, running.token).least_busy()
            assert found.status().operational
            spent.append(time.perf_counter() - started)
        return spent[0]

    compared(benchmark, start, goal_s)


def test_the_fixture_is_there(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """From the collection of a project's one test to its first line."""
    (tmp_path / "test_it.py").write_text(FIXTURE)

    def start() -> float:
        python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_it.py", folder=tmp_path)
        return float((tmp_path / "spent").read_text())

    compared(benchmark, start, 3.0)


def test_the_core_is_imported_without_qiskit(benchmark: BenchmarkFixture) -> None:
    """Beyond the interpreter's own start."""
    python("-c", f"{CORE}\nimport sys\nassert 'qiskit' not in sys.modules")

    def start() -> float:
        spent: list[float] = []
        for program in (CORE, "pass"):
            with lasting(spent):
                python("-c", program)
        return spent[0] - spent[1]

    compared(benchmark, start, 0.2)
