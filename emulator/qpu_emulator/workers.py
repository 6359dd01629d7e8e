"""Workers of a Dask cluster that play parts of runs. Which worker plays which part changes no result."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import uuid4

from qpu_bridge.errors import DriverFault, SettingsError
from qpu_bridge.schedule import Schedule, Table
from qpu_emulator.chip.device import Device
from qpu_emulator.engines.choice import choose
from qpu_emulator.noise import Spectrum
from qpu_emulator.performance import Performance
from qpu_emulator.readout.memory import Memory
from qpu_emulator.scales import Scales
from qpu_emulator.score.program import compile_program
from qpu_emulator.windows.library import Library

T = TypeVar("T")

_KEPT = 8
"""Conditions (with their solved pulses) and runs that a worker keeps."""
_ANSWER_S = 30
"""How long a scheduler and its workers may take to answer, s."""


@dataclass(frozen=True)
class RemoteRun:
    """All that a worker needs to play parts of one run; sent once.

    Attributes:
        name: Tells runs apart.
        device: The truth under the run's condition.
        condition: Digest of device and scales: workers keep its solved pulses.
        schedule: The template.
        scales: The noise scales.
        shots: Per point.
        seed: Of all random numbers.
        rep_delay_s: Wait between shots.
        wanted: Engine and what else the run asked for.
        memory: Limit in bytes for a part.
    """

    name: str
    device: Device
    condition: str
    schedule: Schedule
    scales: Scales
    shots: int
    seed: int
    rep_delay_s: float
    wanted: Mapping[str, object]
    memory: int

    @classmethod
    def of(cls, performance: Performance, device: Device, wanted: Mapping[str, object], memory: int) -> RemoteRun:
        """What a worker needs of a run that was prepared here.

        Args:
            performance: On this machine.
            device: Before the scales changed it.
            wanted: What the run asked for.
            memory: Limit in bytes for a part.
        """
        condition = hashlib.sha256(f"{device.model_dump_json()} {performance.scales}".encode()).hexdigest()
        # workers must not choose again
        engine = {"engine": performance.choice.name}
        return cls(
            uuid4().hex,
            device,
            condition,
            performance.program.schedule,
            performance.scales,
            performance.shots,
            performance.seed,
            performance.rep_delay_s,
            {**wanted, **engine},
            memory,
        )

    def performance(self) -> Performance:
        """The same performance on another machine."""
        with _lock:
            library = _kept(_libraries, self.condition, lambda: Library(self.device, self.scales))
            return _kept(_performances, self.name, lambda: self._prepare(library))

    def _prepare(self, library: Library) -> Performance:
        program = compile_program(self.schedule, library.device, library.zz)
        spectrum = Spectrum.in_program(program, library.device, self.scales.low_frequency)
        choice = choose(program, library, spectrum, self.shots, dict(self.wanted))
        performance = Performance(program, library, self.scales, self.shots, self.seed, self.rep_delay_s, choice)
        return replace(performance, memory=self.memory)


_lock = threading.RLock()
_libraries: OrderedDict[str, Library] = OrderedDict()
_performances: OrderedDict[str, Performance] = OrderedDict()


def _kept(found: OrderedDict[str, T], key: str, make: Callable[[], T]) -> T:
    """What is kept under a key, made if it is not there; what was used longest ago is dropped."""
    if key not in found:
        found[key] = make()
    found.move_to_end(key)
    while len(found) > _KEPT:
        found.popitem(last=False)
    return found[key]


def play(run: RemoteRun, values: Any, first_row: int, lanes: range) -> tuple[Memory, float]:
    """What a worker does: play some lanes of some rows."""
    performance = run.performance()
    table = Table(values)
    return performance.play(table, first_row, performance.starting(table, first_row), lanes)


class Workers:
    """A connection to workers.

    Args:
        workers: Address of a Dask scheduler, or how many processes to start on this machine.
        device: For messages.

    Raises:
        SettingsError: If Dask is not installed, or there are no workers at the address.
    """

    def __init__(self, workers: str | int, device: str) -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError:
            raise SettingsError(
                "option workers needs Dask", where=device, remedy="pip install 'qpu-bridge[dask]' here and on every worker."
            ) from None
        self._cluster = None
        if isinstance(workers, int):
            self._cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=None,
                host="127.0.0.1",
                # its HTTP server comes without the dashboard too, and at a port of its own two clusters would meet
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                death_timeout=_ANSWER_S,
            )
        try:
            self._client = Client(workers if self._cluster is None else self._cluster, timeout=_ANSWER_S)
            self._client.wait_for_workers(1, timeout=_ANSWER_S)
        except (OSError, TimeoutError, ValueError) as error:
            self.close()
            raise SettingsError("workers must be there", given=f"{workers}: {error}", where=device) from None

    @property
    def threads(self) -> int:
        """How many parts are played at a time."""
        threads: int = sum(self._client.nthreads().values())
        return max(1, threads)

    def send(self, run: RemoteRun) -> Any:
        """Send what all parts of a run have in common to all workers; `play` takes what this returns."""
        return self._client.scatter(run, broadcast=True, hash=False)

    def play(self, run: Any, values: Any, first_row: int, lanes: range) -> tuple[Memory, float]:
        """Have a part played, and wait for it.

        Raises:
            DriverFault: If the workers are lost.
        """
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        try:
            found: tuple[Memory, float] = self._client.submit(play, run, values, first_row, lanes, pure=False).result()
        except (KilledWorker, CommClosedError) as error:
            raise DriverFault("workers must stay alive", given=str(error)[:200]) from None
        return found

    def close(self) -> None:
        """Let go of the workers; those that were started here end."""
        client = getattr(self, "_client", None)
        if client is not None:
            client.close()
        if self._cluster is not None:
            self._cluster.close()
