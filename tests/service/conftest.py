"""A bridge on a real port, whose programs are stubs that each test chooses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, SamplerPubResult
from qiskit_ibm_runtime.json import RuntimeEncoder

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BadRequest, NotFound, UnsupportedProgram
from qpu_bridge.jobs import Job, Runner, Store, Work
from qpu_bridge.schedule import Feature, Limits
from qpu_bridge.service import Server, create_app, read_secret
from qpu_bridge.service.limits import JobLimits
from qpu_bridge.settings import Calibration
from qpu_bridge.target import Snapshot

NS = "1/1000000000"
MAX_BODY = 1_000_000


def machine(qubits: int = 2) -> Snapshot:
    """A machine that nobody plays."""
    line = range(qubits)
    lines = (("d", "drive"), ("m", "readout"), ("a", "acquire"))
    tone = {"waveform": "tone", "amplitude": 0.1}
    gates: list[dict[str, Any]] = []
    for q in line:
        gates.append({"name": "rz", "qubits": [q], "duration": 0})
        gates += [{"name": name, "qubits": [q], "duration": 32, "pulses": [tone | {"frame": f"d{q}"}]} for name in ("sx", "x")]
    return Snapshot.model_validate(
        {
            "format": 1,
            "device": "lab_two",
            "calibration_id": "cal-1",
            "calibrated_at": "2026-11-20T08:00:00Z",
            "timing": {
                "dt": NS,
                "default_rep_delay": 250e-6,
                "min_rep_delay": 0.0,
                "max_rep_delay": 500e-6,
                "passive_reset": 200e-6,
                "feedback_latency": 400,
                "max_circuit_duration": 2e-3,
            },
            "ports": [{"name": f"{letter}{q}", "kind": kind, "dt": NS} for q in line for letter, kind in lines],
            "frames": [
                {
                    "name": f"{letter}{q}",
                    "port": f"{letter}{q}",
                    "frequency": 5e9 if letter == "d" else 7e9,
                    "follows": q if letter == "d" else None,
                }
                for q in line
                for letter, _ in lines
            ],
            "waveforms": {"tone": {"shape": "constant", "duration": 32}},
            "qubits": [
                {"index": q, "drive_frame": f"d{q}", "frequency": 5e9, "anharmonicity": -3e8, "t1": 1e-4, "t2": 8e-5}
                for q in line
            ],
            "gates": gates,
            "measures": [
                tone
                | {
                    "qubit": q,
                    "drive_frame": f"m{q}",
                    "acquire_frame": f"a{q}",
                    "acquire_start": 100,
                    "acquire_duration": 400,
                    "kernel": None,
                    "angle": 0.0,
                    "threshold": 0.0,
                    "duration": 1200,
                    "prob_meas1_prep0": 0.01,
                    "prob_meas0_prep1": 0.03,
                }
                for q in line
            ],
        }
    )


@dataclass(frozen=True)
class View:
    """A device as the service shows it."""

    name: str
    snapshot: Snapshot
    capabilities: Capabilities
    calibration: Calibration = field(default_factory=Calibration)

    def at(self, calibration_id: str) -> View:
        if calibration_id != self.snapshot.calibration_id:
            raise NotFound("no such calibration", given=calibration_id, remedy=f"Use {self.snapshot.calibration_id}.")
        return self

    def before(self, moment: datetime) -> View | None:
        return self if self.snapshot.calibrated_at <= moment else None


def view(name: str = "lab_two") -> View:
    limits = Limits.model_validate({"dt": NS, "ports": (), "features": frozenset(Feature)})
    capabilities = Capabilities(
        device=name, driver="paper", version="0.1.0", simulated=True, source="a test", limits=limits, sign=1
    )
    return View(name, machine(), capabilities)


def canned(shots: int = 5) -> str:
    """The result of a sampler job: one register ``c`` of one bit, always 1."""
    bits = BitArray(np.ones((shots, 1), dtype=np.uint8), 1)
    result = PrimitiveResult([SamplerPubResult(DataBin(c=bits, shape=()), metadata={})], metadata={"version": 2})
    return json.dumps(result, cls=RuntimeEncoder)


def only_the_sampler(program_id: str, params: str, device: object) -> None:
    """A check like the real one: an unknown program is refused, and so are params that say so."""
    if program_id != "sampler":
        raise UnsupportedProgram("the program must be known", given=program_id, remedy="Available: sampler.")
    if json.loads(params).get("refuse"):
        raise BadRequest("the params must not ask to be refused", given="refuse", where="params")


@dataclass
class Bridge:
    """A running bridge.

    Attributes:
        url: Its root.
        folder: Where it keeps things.
        store: Its store.
        alice: A user's API key.
        bob: Another's.
        run: What the runner does with a job; tests replace it.
        check: What the service does with a submission; tests replace it.
    """

    url: str
    folder: Path
    store: Store
    alice: str
    bob: str
    run: Callable[[Job, Work], str] = field(default=lambda job, work: canned())
    check: Callable[[str, str, Any], float | None] = field(default=only_the_sampler)

    @property
    def base(self) -> str:
        return f"{self.url}/api/v1"

    @contextmanager
    def again(self) -> Iterator[str]:
        """The same bridge after a restart, while this runs: yields its new root."""
        app = create_app(
            self.store,
            {"lab_two": view()},
            lambda *args: self.check(*args),
            secret=read_secret(self.folder / "secret"),
            limits=JobLimits(body_bytes=MAX_BODY),
        )
        with Server(app, "127.0.0.1", 0) as server:
            thread = threading.Thread(target=server.run)
            thread.start()
            yield server.url
            server.stop()
            thread.join()

    def http(self, key: str) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers={"authorization": f"apikey {key}"}, trust_env=False, timeout=60)

    def post(self, http: httpx.Client, **fields: object) -> httpx.Response:
        return http.post("/jobs", json={"program_id": "sampler", "backend": "lab_two", "params": {}} | fields)

    def submit(self, http: httpx.Client, **fields: object) -> str:
        response = self.post(http, **fields)
        assert response.status_code == 200, response.text
        return str(response.json()["id"])


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    """A bridge without a runner."""
    store = Store(tmp_path / "jobs.db")
    made = Bridge("", tmp_path, store, store.tokens.create("alice"), store.tokens.create("bob"))
    with made.again() as made.url:
        yield made
    store.close()


@pytest.fixture
def running(bridge: Bridge) -> Iterator[Bridge]:
    """A bridge with a runner."""
    runner = Runner(bridge.store, "lab_two", lambda job, work: bridge.run(job, work))
    thread = threading.Thread(target=runner.serve)
    thread.start()
    yield bridge
    runner.stop()
    thread.join()


@pytest.fixture
def alice(bridge: Bridge) -> Iterator[httpx.Client]:
    with bridge.http(bridge.alice) as http:
        yield http


@pytest.fixture
def bob(bridge: Bridge) -> Iterator[httpx.Client]:
    with bridge.http(bridge.bob) as http:
        yield http
