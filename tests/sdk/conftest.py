from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qpu_bridge.driver import Capabilities
from qpu_bridge.jobs import Store
from qpu_bridge.schedule import Feature, Limits
from qpu_bridge.service import Server, create_app
from qpu_bridge.target import Snapshot


def three() -> Snapshot:
    path = Path(__file__).parents[1] / "target" / "conftest.py"
    spec = spec_from_file_location("target_conftest", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    return Snapshot.model_validate(module.document())


@dataclass
class Bridge:
    """A served bridge: its address, a token, and its store."""

    url: str
    token: str
    store: Store


@pytest.fixture(scope="session")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    store = Store(tmp_path_factory.mktemp("data") / "jobs.sqlite")
    snapshot = three()
    limits = Limits.model_validate({"dt": "1/1000000000", "ports": (), "features": frozenset(Feature)})
    capabilities = Capabilities(
        device=snapshot.device, driver="paper", version="0.1.0", simulated=True, source="a test", limits=limits, sign=1
    )
    device = SimpleNamespace(name=snapshot.device, snapshot=snapshot, capabilities=capabilities)
    app = create_app(store, {snapshot.device: device}, lambda *_: None, secret=bytes(32))
    with Server(app, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        yield Bridge(server.url, store.tokens.create("ada"), store)
        server.stop()
        thread.join(10)
    store.close()
