"""Jobs whose results are known, and clients that submit them and wait."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime import EstimatorV2, SamplerV2

from qpu_bridge import BridgeService

POISON = {3102, 3103}
PATIENCE_S = 180.0


@dataclass
class Found:
    """What the proof found.

    Attributes:
        kills: How often each victim was killed at each moment.
        jobs: Jobs acknowledged.
        resumed: Jobs that took over rows of a lost attempt.
        again: Jobs that were run more than once.
        poison: Jobs ended as poison, each after two deaths that we caused.
        retried: Submissions whose answer was lost and that were made once more, without a second job.
        faults: What must not be.
        back_s: Seconds from each kill to the next answer, by victim.
    """

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    jobs: int = 0
    resumed: int = 0
    again: int = 0
    poison: int = 0
    retried: int = 0
    faults: list[str] = field(default_factory=list)
    back_s: dict[str, list[float]] = field(default_factory=dict)


class Kinds:
    """Jobs whose results are known: each has a seed of its own."""

    def __init__(self, service: BridgeService) -> None:
        self._service = service
        self.names = ("short", "sweep", "emulated", "twirled")
        angle = Parameter("angle")
        turn = QuantumCircuit(1)
        turn.sx(0)
        turn.rz(angle, 0)
        turn.sx(0)
        turn.measure_all()
        pair = QuantumCircuit(2)
        pair.sx(0)
        pair.cz(0, 1)
        self._turn, self._pair = turn, pair

    def submit(self, kind: str, tag: str) -> Any:
        """Submit a job of a kind."""
        if kind == "twirled":
            estimator = EstimatorV2(self._service.backend("emu_five"))
            estimator.options.update(resilience_level=1, default_shots=3200, seed_estimator=11)
            estimator.options.environment.job_tags = [tag]
            return estimator.run([(self._pair, ["ZZ", "XI"])])
        sampler = SamplerV2(self._service.backend("emu_five" if kind == "emulated" else "loop_five"))
        sampler.options.environment.job_tags = [tag]
        device = {"row_seconds": 0.15} if kind == "sweep" else {}
        sampler.options.experimental = {"seed": 7} | ({"device": device} if device else {})
        rows = {"short": 3, "sweep": 16, "emulated": 40}[kind]
        return sampler.run([(self._turn, np.linspace(0, 3, rows)[:, None])], shots=4000 if kind == "emulated" else 200)

    @staticmethod
    def result(kind: str, job: Any) -> list[list[float]]:
        """Wait for it, and give its numbers."""
        data = job.result(timeout=PATIENCE_S)[0].data
        if kind == "twirled":
            return [np.asarray(data.evs).tolist(), np.asarray(data.stds).tolist()]
        return [data.meas.array.tolist()]


class Users:
    """Clients that submit and wait, one job after the other, and never hear of a death."""

    def __init__(self, kinds: Kinds, expected: dict[str, Any], found: Found, seed: int) -> None:
        self._kinds, self._expected, self._found = kinds, expected, found
        self._lock = threading.Lock()
        self.acknowledged: dict[str, str] = {}
        self.stop = threading.Event()
        self._threads = [threading.Thread(target=self._use, args=(number, seed), daemon=True) for number in range(3)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
            if thread.is_alive():
                self._found.faults.append("a client still waits")

    def _use(self, number: int, seed: int) -> None:
        rng, count = random.Random(f"{seed} {number}"), 0
        while not self.stop.is_set():
            kind, tag = rng.choice(self._kinds.names), f"{number}-{count}"
            count += 1
            try:
                job = self._submitted(kind, tag)
            except Exception as error:  # noqa: BLE001  whatever the client raises is a fault of ours
                self._found.faults.append(f"{tag} ({kind}) could not be submitted: {type(error).__name__} {error}")
                continue
            with self._lock:
                self.acknowledged[tag] = job.job_id()
            try:
                right = self._kinds.result(kind, job) == self._expected[kind]
            except Exception as error:  # noqa: BLE001  whatever the client raises is a fault of ours
                if not any(f"Error code {code};" in str(error) for code in POISON):
                    self._found.faults.append(f"{tag} ({kind}, {job.job_id()}) failed: {type(error).__name__} {error}")
            else:
                if not right:
                    self._found.faults.append(f"{tag} ({kind}, {job.job_id()}) has another result than without kills")

    def _submitted(self, kind: str, tag: str) -> Any:
        for _ in range(5):
            try:
                return self._kinds.submit(kind, tag)
            except Exception as error:  # noqa: BLE001  the answer was lost; the client does not repeat a POST by itself
                last = error
                with self._lock:
                    self._found.retried += 1
                time.sleep(0.1)
        raise last
