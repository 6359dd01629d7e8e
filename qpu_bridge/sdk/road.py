"""The two roads to a device: through a service, or inside this process."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any, Protocol
from uuid import uuid4

from qiskit.providers import JobStatus
from qiskit.transpiler import Target
from qiskit_ibm_runtime import IBMBackend
from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError
from qiskit_ibm_runtime.executor import Executor
from qiskit_ibm_runtime.results import QuantumProgramResult

from qpu_bridge.driver import Driver
from qpu_bridge.errors import Cancelled
from qpu_bridge.execution import Execution
from qpu_bridge.lowering import build_target
from qpu_bridge.programs import Context, DeviceView, ExecuteOptions, execute
from qpu_bridge.programs.admission import admit_circuits, admit_options, admit_shots
from qpu_bridge.programs.experimental import read_experimental
from qpu_bridge.sdk.order import Order
from qpu_bridge.sdk.ticks import in_ticks
from qpu_bridge.target import Snapshot


class Trip(Protocol):
    """One program on its way."""

    @property
    def id(self) -> str:
        """Of the job."""

    def status(self) -> JobStatus:
        """Where it is."""

    def cancel(self) -> bool:
        """Ask for it to be stopped. Returns whether it could be asked."""

    def arrays(self, timeout: float | None) -> QuantumProgramResult:
        """Wait for the end, s; raises what went wrong."""


class Road(Protocol):
    """A way to a device."""

    name: str
    where: str
    version: str
    description: str
    target: Target
    max_circuits: int | None

    def send(self, order: Order) -> Trip:
        """Start a program."""

    def close(self) -> None:
        """Let go of the device."""


class ThroughService:
    """Programs are submitted as ``executor`` jobs to a service.

    Args:
        backend: A backend of a runtime service.
    """

    max_circuits: int | None = 300
    where = "through a service"

    def __init__(self, backend: IBMBackend) -> None:
        self.name: str = backend.name
        self.version: str = str(backend.backend_version)
        self.description: str = str(backend.description or "")
        self.target: Target = backend.target
        self._backend = backend

    def send(self, order: Order) -> Trip:
        """Submit the job; returns once it is accepted."""
        executor = Executor(mode=self._backend)
        executor.options.execution.init_qubits = order.options.init_qubits
        executor.options.execution.rep_delay = order.options.rep_delay
        experimental: dict[str, Any] = {} if order.options.seed is None else {"seed": int(order.options.seed)}
        if order.options.settings:
            experimental["device"] = dict(order.options.settings)
        executor.options.experimental = experimental
        for item in order.program.items:
            item.circuit = in_ticks(item.circuit, self.target.dt, self.target.granularity)
        return RemoteTrip(executor.run(order.program))

    def close(self) -> None:
        """Nothing is held."""


class RemoteTrip:
    """A job of the service.

    Args:
        job: The client's job.
    """

    def __init__(self, job: Any) -> None:
        self.job = job
        self.id: str = job.job_id()

    def status(self) -> JobStatus:
        """See `Trip.status`."""
        return JobStatus[self.job.status()]

    def cancel(self) -> bool:
        """See `Trip.cancel`."""
        self.job.cancel()
        return True

    def arrays(self, timeout: float | None) -> QuantumProgramResult:
        """See `Trip.arrays`. Failures are the client's own errors."""
        try:
            return self.job.result(timeout=timeout)
        except RuntimeInvalidStateError:
            if self.status() is JobStatus.CANCELLED:
                raise Cancelled("the job was cancelled") from None
            raise


class InProcess:
    """Programs run in this process, one after the other, in a thread of their own.

    Args:
        driver: The device.
        snapshot: What is believed of it.
    """

    max_circuits: int | None = None

    def __init__(self, driver: Driver, snapshot: Snapshot) -> None:
        self._driver = driver
        self._capabilities = driver.capabilities()
        self._device = DeviceView(snapshot.device, snapshot, self._capabilities)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"qpu-bridge-{snapshot.device}")
        self.name = snapshot.device
        self.where = f"in this process, driver {self._capabilities.driver}"
        self.version = self._capabilities.version
        self.description = snapshot.description
        self.target = build_target(snapshot)

    def send(self, order: Order) -> Trip:
        """Queue the program; refuses at once what the device cannot play, as a service would."""
        asked = order.options
        wanted = ExecuteOptions(
            init_qubits=asked.init_qubits,
            rep_delay_s=asked.rep_delay,
            settings=read_experimental({"device": asked.settings}, self._capabilities).settings,
        )
        circuits = [item.circuit for item in order.program.items]
        admit_circuits(circuits, self._device)
        admit_shots(order.program.shots, self._device)
        admit_options(wanted, self._device)
        return LocalTrip(self._thread, lambda stop: self._execute(order, wanted, stop))

    def close(self) -> None:
        """Wait for what is queued, and let go of the driver."""
        self._thread.shutdown()
        self._driver.close()

    def _execute(self, order: Order, wanted: ExecuteOptions, stop: Event) -> QuantumProgramResult:
        seed = order.options.seed
        context = Context(
            device=self._device,
            execution=Execution(self._driver, self._capabilities),
            seed=secrets.randbits(62) if seed is None else int(seed),
            cancelled=stop.is_set,
        )
        return execute(order.program, wanted, context)


class LocalTrip:
    """A program in this process.

    Args:
        thread: Where it runs.
        act: Does it; is given the wish to stop.
    """

    def __init__(self, thread: ThreadPoolExecutor, act: Callable[[Event], QuantumProgramResult]) -> None:
        self.id = str(uuid4())
        self._stop = Event()
        self._future: Future[QuantumProgramResult] = thread.submit(act, self._stop)

    def status(self) -> JobStatus:
        """See `Trip.status`."""
        if self._future.cancelled():
            return JobStatus.CANCELLED
        if not self._future.done():
            return JobStatus.RUNNING if self._future.running() else JobStatus.QUEUED
        error = self._future.exception()
        if isinstance(error, Cancelled):
            return JobStatus.CANCELLED
        return JobStatus.DONE if error is None else JobStatus.ERROR

    def cancel(self) -> bool:
        """See `Trip.cancel`."""
        self._stop.set()
        return self._future.cancel() or not self._future.done()

    def arrays(self, timeout: float | None) -> QuantumProgramResult:
        """See `Trip.arrays`."""
        return self._future.result(timeout)
