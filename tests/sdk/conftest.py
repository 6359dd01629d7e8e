from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from qpu_bridge import programs
from qpu_bridge.execution import Execution
from qpu_bridge.jobs import Job, Runner, Store, Work
from qpu_bridge.plugins import open_driver
from qpu_bridge.programs import Context, DeviceView
from qpu_bridge.service import Server, create_app
from qpu_bridge.target import Snapshot


def three() -> Snapshot:
    """The small machine of the target's tests."""
    path = Path(__file__).parents[1] / "target" / "conftest.py"
    spec = spec_from_file_location("target_conftest", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    return Snapshot.model_validate(module.document())


@pytest.fixture(scope="session")
def machine() -> Snapshot:
    return three()


@dataclass
class Bridge:
    """A served bridge: its address, a token, and its store."""

    url: str
    token: str
    store: Store


@pytest.fixture(scope="session")
def bridge(tmp_path_factory: pytest.TempPathFactory, machine: Snapshot) -> Iterator[Bridge]:
    """A service and a runner with a loopback device."""
    store = Store(tmp_path_factory.mktemp("data") / "jobs.sqlite")
    driver = open_driver("loopback", machine.device, machine, {})
    capabilities = driver.capabilities()
    device = DeviceView(machine.device, machine, capabilities)

    def run(job: Job, work: Work) -> str:
        context = Context(device=device, execution=Execution(driver, capabilities), seed=1, cancelled=work.cancelled)
        return programs.run(job.program_id, work.params, context)

    runner = Runner(store, machine.device, run)
    app = create_app(store, {machine.device: device}, programs.check, secret=bytes(32))
    with Server(app, "127.0.0.1", 0) as server:
        threads = [threading.Thread(target=server.run), threading.Thread(target=runner.serve)]
        for thread in threads:
            thread.start()
        yield Bridge(server.url, store.tokens.create("ada"), store)
        server.stop()
        runner.stop()
        for thread in threads:
            thread.join()
    driver.close()
    store.close()
