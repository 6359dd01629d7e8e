"""From the arrays of a quantum program to a Qiskit `Result`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData
from qiskit_ibm_runtime.results import QuantumProgramResult

from qpu_bridge.sdk.order import Experiment, Order

_SUFFIX = {"classified": "", "kerneled": "_iq", "avg_kerneled": "_avg_iq"}


def result(arrays: QuantumProgramResult, order: Order, *, job_id: str, name: str, version: str) -> Result:
    """Counts, memory or IQ points of every experiment, in the order of the circuits that were given.

    Args:
        arrays: What the executor returned.
        order: What was asked.
        job_id: Of the job.
        name: Of the backend.
        version: Of the backend.
    """
    return Result(
        backend_name=name,
        backend_version=version,
        job_id=job_id,
        success=True,
        results=[_experiment(arrays, experiment, order) for experiment in order.experiments],
        date=datetime.now(UTC),
        status="COMPLETED",
    )


def _experiment(arrays: QuantumProgramResult, experiment: Experiment, order: Order) -> ExperimentResult:
    options = order.options
    memory = _memory(arrays, experiment, order)
    if options.meas_level == 2:
        values = dict(zip(("counts", "memory"), _hex(memory, options.memory), strict=True)) if memory.shape[-1] else {}
    else:
        values = {"memory": np.stack([memory.real, memory.imag], axis=-1).tolist()}
    return ExperimentResult(
        shots=int(options.shots),
        success=True,
        data=ExperimentResultData(**values),
        meas_level=options.meas_level,
        meas_return=options.meas_return,
        status="DONE",
        seed=options.seed,
        header=_header(experiment.circuit),
    )


def _memory(arrays: QuantumProgramResult, experiment: Experiment, order: Order) -> NDArray[Any]:
    """All slots in the order of the circuit's bits: ``(shots, slots)``, or ``(slots,)`` if averaged."""
    level = order.options.returned
    found = arrays[experiment.item]
    slots = experiment.circuit.num_clbits
    shape = (slots,) if level == "avg_kerneled" else (int(order.options.shots), slots)
    memory = np.zeros(shape, dtype=np.bool_ if level == "classified" else np.complex128)
    for name, places in experiment.registers.items():
        array = np.asarray(found[name + _SUFFIX[level]])
        memory[..., list(places)] = array if experiment.row is None else array[experiment.row]
    return memory


def _hex(bits: NDArray[np.bool_], wanted: bool) -> tuple[dict[str, int], list[str] | None]:
    """Counts, and each shot if wanted, as hexadecimal numbers whose lowest bit is slot 0."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    if packed.shape[1] <= 8:
        words = np.zeros((len(packed), 8), dtype=np.uint8)
        words[:, : packed.shape[1]] = packed
        values, inverse, counts = np.unique(words.view("<u8")[:, 0], return_inverse=True, return_counts=True)
        names = [hex(value) for value in values.tolist()]
    else:
        rows, inverse, counts = np.unique(packed, axis=0, return_inverse=True, return_counts=True)
        names = [hex(int.from_bytes(row.tobytes(), "little")) for row in rows]
    memory = [names[index] for index in inverse.ravel().tolist()] if wanted else None
    return dict(zip(names, counts.tolist(), strict=True)), memory


def _header(circuit: QuantumCircuit) -> dict[str, Any]:
    sizes = [[register.name, register.size] for register in circuit.cregs]
    if [bit for register in circuit.cregs for bit in register] != circuit.clbits:
        # registers that share, skip or shuffle bits cannot be told apart by their sizes
        sizes = [["memory", circuit.num_clbits]]
    return {
        "name": circuit.name,
        "n_qubits": circuit.num_qubits,
        "memory_slots": circuit.num_clbits,
        "creg_sizes": sizes,
        "qreg_sizes": [[register.name, register.size] for register in circuit.qregs],
        "global_phase": float(circuit.global_phase) if not circuit.parameters else 0.0,
        "metadata": circuit.metadata,
    }
