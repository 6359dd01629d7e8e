"""A job as Qiskit's backends return it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from qiskit.providers import JobStatus, JobV1
from qiskit.result import Result
from qiskit_ibm_runtime import RuntimeJobV2

from qpu_bridge.errors import Cancelled, WrongState
from qpu_bridge.sdk.interim import FinishedRows, Restarted, interim_results, interim_stream
from qpu_bridge.sdk.order import Order
from qpu_bridge.sdk.result import result
from qpu_bridge.sdk.road import RemoteTrip, Trip

if TYPE_CHECKING:
    from qpu_bridge.sdk.backend import BridgeBackend


class BridgeJob(JobV1):  # type: ignore[misc]
    """One call of `BridgeBackend.run`.

    Args:
        backend: Where it runs.
        trip: The program on its way.
        order: What was asked.
    """

    def __init__(self, backend: BridgeBackend, trip: Trip, order: Order) -> None:
        super().__init__(backend, trip.id)
        self._trip = trip
        self._order = order
        self._result: Result | None = None

    def submit(self) -> None:
        """A job is submitted when it is made."""

    def status(self) -> JobStatus:
        """Where the job is."""
        return self._trip.status()

    def cancel(self) -> bool:
        """Ask for the job to be stopped; queued jobs never start."""
        return self._trip.cancel()

    def interim_results(self) -> list[FinishedRows]:
        """Rows that are finished now; see `sdk.interim`. Items are numbered as in the executor job that this is.

        Raises:
            WrongState: If the job runs in this process.
        """
        return interim_results(self._remote())

    def interim_stream(self) -> Iterator[FinishedRows | Restarted]:
        """Rows as they come, until the job has ended.

        Raises:
            WrongState: If the job runs in this process.
        """
        return interim_stream(self._remote())

    def _remote(self) -> RuntimeJobV2:
        if not isinstance(self._trip, RemoteTrip):
            raise WrongState("a job must run behind a bridge to be watched", remedy="Use BridgeBackend.from_service.")
        return self._trip.job

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the job and return its result.

        Args:
            timeout: Wait at most this long, s.

        Raises:
            Cancelled: If the job was cancelled.
            CallerError: If the job could not run.
            OperatorError: If the device failed. Over a service these two are the client's own `RuntimeJobFailureError`.
        """
        if self._result is None:
            try:
                arrays = self._trip.arrays(timeout)
            except CancelledError:
                raise Cancelled("the job was cancelled") from None
            backend = self._backend
            self._result = result(
                arrays, self._order, job_id=self._job_id, name=backend.name, version=str(backend.backend_version)
            )
        return self._result
