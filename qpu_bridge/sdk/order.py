"""Circuits and options as one quantum program, and where each experiment's results will be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from qpu_bridge.errors import BadRequest
from qpu_bridge.sdk.fold import fold
from qpu_bridge.sdk.run_options import RunOptions


@dataclass(frozen=True, slots=True)
class Experiment:
    """One circuit with one set of parameters.

    Attributes:
        circuit: As the user gave it: its bits and registers order the results.
        registers: Register in the results -> positions of its bits in ``circuit.clbits``.
        item: Which item of the program.
        row: Which row of the item, None if the item has no axes.
    """

    circuit: QuantumCircuit
    registers: Mapping[str, tuple[int, ...]]
    item: int
    row: int | None


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run.

    Attributes:
        program: One item per template.
        experiments: In the order of the result.
        options: As given.
    """

    program: QuantumProgram
    experiments: tuple[Experiment, ...]
    options: RunOptions


def take(circuits: QuantumCircuit | Sequence[QuantumCircuit], options: RunOptions) -> Order:
    """Make a program of circuits; circuits that differ only in angles become one template.

    Raises:
        BadRequest: If there is no circuit, something is no circuit, or parameters are left without a value.
    """
    given = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
    strange = [type(one).__name__ for one in given if not isinstance(one, QuantumCircuit)]
    if not given or strange:
        raise BadRequest("run() takes a circuit or a list of circuits", given=strange[0] if strange else "an empty list")
    program = QuantumProgram(shots=int(options.shots), meas_level=options.returned)
    placed: dict[tuple[int, int], Experiment] = {}
    binds = options.parameter_binds
    if binds is not None and len(binds) != len(given):
        raise BadRequest("parameter_binds needs one mapping per circuit", given=f"{len(binds)} for {len(given)} circuits")
    bound = [position for position, circuit in enumerate(given) if not circuit.num_parameters]
    for position, circuit in enumerate(given):
        if circuit.num_parameters:
            rows = _rows(circuit, binds[position] if binds is not None else {}, position)
            plain, registers = _prepared(circuit)
            item = len(program.items)
            program.append_circuit_item(plain, circuit_arguments=rows)
            for row in range(len(rows)):
                placed[position, row] = Experiment(circuit, registers, item, row)
    for template, table, members in fold([given[position] for position in bound]):
        plain, registers = _prepared(template)
        item = len(program.items)
        program.append_circuit_item(plain, circuit_arguments=table)
        for row, member in enumerate(members):
            position = bound[member]
            placed[position, 0] = Experiment(given[position], registers, item, None if table is None else row)
    return Order(program, tuple(placed[key] for key in sorted(placed)), options)


def _prepared(circuit: QuantumCircuit) -> tuple[QuantumCircuit, dict[str, tuple[int, ...]]]:
    """A circuit to send: without the user's metadata (they need not be JSON), and no bit without a register."""
    sent = circuit.copy()
    sent.metadata = {}
    loose = [bit for bit in sent.clbits if not sent.find_bit(bit).registers]
    if loose:
        taken = {register.name for register in sent.cregs}
        name = next(name for name in ("loose", *(f"loose{k}" for k in range(len(taken) + 1))) if name not in taken)
        sent.add_register(ClassicalRegister(name=name, bits=loose))
    return sent, {register.name: tuple(sent.find_bit(bit).index for bit in register) for register in sent.cregs}


def _rows(circuit: QuantumCircuit, binds: Mapping[Parameter, Any], position: int) -> NDArray[np.float64]:
    missing = [parameter.name for parameter in circuit.parameters if parameter not in binds]
    if missing:
        raise BadRequest(
            "every parameter needs values in parameter_binds",
            given="none for " + ", ".join(missing),
            where=f"circuit {position}",
        )
    columns = [np.atleast_1d(np.asarray(binds[parameter], dtype=np.float64)) for parameter in circuit.parameters]
    try:
        return np.stack(np.broadcast_arrays(*columns), axis=-1).reshape(-1, len(columns))
    except ValueError:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise BadRequest("parameters of a circuit need equally many values", given=lengths, where=f"circuit {position}") from None
