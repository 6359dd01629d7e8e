"""A device under proof: its truth, what the lab believes of it, and circuits played on it as a user's job would be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.programs import Context, DeviceView, ExecuteOptions, execute
from qpu_bridge.target import Snapshot
from qpu_emulator import five
from qpu_emulator.chip.device import Device

SILENT = {"t1": 0, "t2": 0, "low_frequency": 0, "zz": 0, "readout": 0, "thermal": 0}
"""Every source of noise switched off."""


def only(**scales: float) -> dict[str, float]:
    """Settings with the named sources on (by a factor) and all others off."""
    return SILENT | scales


@dataclass(frozen=True)
class Stand:
    """A device, and what plays on it."""

    context: Context
    snapshot: Snapshot

    def bits(self, circuits: Sequence[QuantumCircuit], shots: int, **options: Any) -> list[dict[str, NDArray[np.bool_]]]:
        """Play circuits of the device's gates; per circuit its registers, each ``bool[shots, bits]``."""
        program = QuantumProgram(shots=shots)
        for circuit in circuits:
            program.append_circuit_item(circuit)
        return list(execute(program, ExecuteOptions(**options), self.context))

    def ground(self, circuits: Sequence[QuantumCircuit], shots: int, **options: Any) -> NDArray[np.float64]:
        """For each circuit, how often all measured bits were 0."""
        results = self.bits(circuits, shots, **options)
        return np.array([np.mean(~np.concatenate(list(result.values()), axis=-1).any(axis=-1)) for result in results])


@contextmanager
def stand(truth: Device | None = None, snapshot: Snapshot | None = None, seed: int = 7) -> Iterator[Stand]:
    """The built-in device, or one with another truth or other beliefs."""
    truth, snapshot = truth or five.device(), snapshot or five.snapshot()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.json"
        truth.write(path)
        driver = open_driver("emulator", snapshot.device, snapshot, {"truth": str(path)})
    capabilities = driver.capabilities()
    try:
        yield Stand(
            Context(DeviceView(snapshot.device, snapshot, capabilities), Execution(driver, capabilities), seed=seed), snapshot
        )
    finally:
        driver.close()


def changed(truth: Device, **fields: float) -> Device:
    """A truth in which every transmon has other numbers."""
    return truth.model_copy(update={"transmons": tuple(t.model_copy(update=fields) for t in truth.transmons)})
