"""A Qiskit backend: circuits in, counts or IQ points out."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService

from qpu_bridge.plugins import open_driver, open_snapshot
from qpu_bridge.sdk.job import BridgeJob
from qpu_bridge.sdk.order import take
from qpu_bridge.sdk.road import InProcess, Road, ThroughService
from qpu_bridge.sdk.run_options import RunOptions
from qpu_bridge.target import Snapshot


class BridgeBackend(BackendV2):  # type: ignore[misc]
    """A device behind a bridge, or one in this very process, as a `BackendV2` with a true `Target`.

    Circuits must be transpiled to its target; ``run`` takes them bound, or with ``parameter_binds``.

    Args:
        device: A backend of a runtime service (`BridgeService` or another), or, for a device in this process, a snapshot, a file
            of one, or the name of a built-in one.
        driver: For a device in this process: which driver plays the schedules.
        options: For a device in this process: what the driver wants to know.

    Raises:
        SettingsError: If there is no such driver or snapshot.
    """

    def __init__(
        self,
        device: IBMBackend | Snapshot | Path | str = "five",
        *,
        driver: str = "emulator",
        options: Mapping[str, object] | None = None,
    ) -> None:
        self._road = _road(device, driver, options or {})
        road = self._road
        super().__init__(name=road.name, description=road.description, backend_version=road.version)
        self._target = road.target
        self._closes = weakref.finalize(self, road.close)

    @classmethod
    def emulated(cls, device: Snapshot | Path | str = "five", **options: object) -> BridgeBackend:
        """A backend with an emulated device in this process: no server, no download.

        Args:
            device: A snapshot, a file of one, or the name of a built-in one.
            options: What the emulator wants to know.
        """
        return cls(device, driver="emulator", options=options)

    @classmethod
    def from_service(cls, service: QiskitRuntimeService, name: str | None = None) -> BridgeBackend:
        """A backend of a service, with all of its gates.

        Args:
            service: For example a `BridgeService`.
            name: Of the device; by default the least busy one.
        """
        if name is None:
            name = service.least_busy().name
        return cls(service.backend(name, use_fractional_gates=True))

    @property
    def target(self) -> Target:
        """What the transpiler may use: gates with their true durations and errors."""
        return self._target

    @property
    def max_circuits(self) -> int | None:
        """Most circuits of one run, None for any number."""
        return self._road.max_circuits

    @property
    def dtm(self) -> float:
        """Length of a tick of the measurement, s."""
        return float(self.target.dt)

    @property
    def meas_map(self) -> list[list[int]]:
        """Qubits that are measured together: any."""
        return [list(range(self.num_qubits))]

    @classmethod
    def _default_options(cls) -> Options:
        plain = RunOptions()
        options = Options(
            shots=plain.shots,
            memory=plain.memory,
            meas_level=plain.meas_level,
            meas_return=plain.meas_return,
            init_qubits=plain.init_qubits,
            rep_delay=None,
            seed=None,
            settings={},
        )
        options.set_validator("meas_level", [1, 2])
        options.set_validator("meas_return", ["single", "avg"])
        return options

    def run(self, run_input: QuantumCircuit | Sequence[QuantumCircuit], **options: Any) -> BridgeJob:
        """Run circuits; returns at once.

        Args:
            run_input: Circuits of the target's gates.
            options: See `run_options.RunOptions`; what is not given here is taken from ``backend.options``.

        Raises:
            UnsupportedOption: If an option is unknown.
            BadRequest: If a value cannot be, or a parameter has no value.
        """
        given = {name: value for name, value in options.items() if value is not None}
        order = take(run_input, RunOptions.of(dict(self.options.items()) | given))
        return BridgeJob(self, self._road.send(order), order)

    def close(self) -> None:
        """Let go of the device, once its queue is empty."""
        self._closes()

    def __repr__(self) -> str:
        return f"<BridgeBackend({self.name!r}, {self._road.where})>"

    def __deepcopy__(self, memo: dict[int, Any]) -> BridgeBackend:
        # others' code copies whatever it is given; a device is not data
        return self

    def __copy__(self) -> BridgeBackend:
        return self


def _road(device: IBMBackend | Snapshot | Path | str, driver: str, options: Mapping[str, object]) -> Road:
    if isinstance(device, IBMBackend):
        return ThroughService(device)
    snapshot = device if isinstance(device, Snapshot) else open_snapshot(device)
    return InProcess(open_driver(driver, snapshot.device, snapshot, options), snapshot)
