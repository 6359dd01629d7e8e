"""What an ideal machine answers: every history of a circuit's measurements with its chance, by plain matrices.

Written from Qiskit's documentation of gates, expressions and control flow alone; nothing here comes from the bridge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CASE_DEFAULT, ClassicalRegister, Clbit
from qiskit.circuit.classical import expr

X, Z = np.array([[0, 1], [1, 0]], complex), np.diag([1, -1]).astype(complex)
_LEAST = 1e-9
"""Histories that are less likely are dropped."""


@dataclass
class History:
    """One way a shot may go: its chance, the state, the bits."""

    chance: float
    state: NDArray[np.complex128]
    bits: dict[Clbit, int]


def chances(circuit: QuantumCircuit) -> dict[str, float]:
    """Qiskit's word of a shot's bits -> its chance."""
    size = circuit.num_qubits
    state = np.zeros(2**size, complex)
    state[0] = 1
    qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    begin = History(1.0, state, dict.fromkeys(circuit.clbits, 0))
    found: dict[str, float] = {}
    for one in _play(circuit, [begin], size, qubits, {bit: bit for bit in circuit.clbits}):
        word = " ".join("".join(str(one.bits[bit]) for bit in reversed(list(register))) for register in reversed(circuit.cregs))
        found[word] = found.get(word, 0.0) + one.chance
    return found


def worst(counts: Mapping[str, int], ideal: Mapping[str, float], slack: float = 0.004) -> float:
    """Largest deviation from the ideal chances in standard deviations, ``slack`` (for the gates' own errors) left out."""
    shots = sum(counts.values())
    found = 0.0
    for word in ideal.keys() | counts.keys():
        chance = ideal.get(word, 0.0)
        spread = np.sqrt(max(chance * (1 - chance), 1 / shots) / shots)
        found = max(found, (abs(counts.get(word, 0) / shots - chance) - slack) / spread)
    return found


def _play(
    circuit: QuantumCircuit, histories: list[History], size: int, qubits: Mapping[Any, int], bits: Mapping[Any, Clbit]
) -> list[History]:
    for item in circuit.data:
        name, operation = item.name, item.operation
        where = [qubits[qubit] for qubit in item.qubits]

        def inside(body: QuantumCircuit, some: list[History], item: Any = item, where: list[int] = where) -> list[History]:
            inner = {bit: bits[outer] for bit, outer in zip(body.clbits, item.clbits, strict=True)}
            return _play(body, some, size, dict(zip(body.qubits, where, strict=True)), inner)

        if name in ("barrier", "delay"):
            continue
        if name in ("measure", "reset"):
            parted = [(outcome, one) for history in histories for outcome, one in _measured(history, size, where[0])]
            for outcome, one in parted:
                if name == "measure":
                    one.bits[bits[item.clbits[0]]] = outcome
                elif outcome:
                    one.state = _turned(one.state, X, where, size)
            histories = [one for _, one in parted]
        elif name == "box":
            histories = inside(operation.body, histories)
        elif name == "if_else":
            then, otherwise = operation.params
            chosen = [then if _holds(operation.condition, one, bits) else otherwise for one in histories]
            histories = [
                after
                for one, body in zip(histories, chosen, strict=True)
                for after in (inside(body, [one]) if body is not None else [one])
            ]
        elif name == "switch_case":
            histories = [after for one in histories for after in _switched(operation, one, bits, inside)]
        elif name == "for_loop":
            indices, parameter, body = operation.params
            for index in indices:
                bound = parameter is not None and parameter in body.parameters
                histories = inside(body.assign_parameters({parameter: index}) if bound else body, histories)
        elif name == "while_loop":
            done: list[History] = []
            while histories:
                done += [one for one in histories if not _holds(operation.condition, one, bits)]
                histories = inside(operation.params[0], [one for one in histories if _holds(operation.condition, one, bits)])
            histories = done
        else:
            matrix = _matrix(name, [float(value) for value in operation.params])
            for one in histories:
                one.state = _turned(one.state, matrix, where, size)
    return histories


def _switched(operation: Any, one: History, bits: Mapping[Any, Clbit], inside: Any) -> list[History]:
    value = _value(operation.target, one, bits)
    for labels, body in operation.cases_specifier():
        if any(label is CASE_DEFAULT or int(label) == value for label in labels):
            return list(inside(body, [one]))
    return [one]


def _matrix(name: str, params: list[float]) -> NDArray[np.complex128]:
    if name in ("rz", "rx", "sx"):
        angle = params[0] if params else np.pi / 2
        return np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * (Z if name == "rz" else X)
    if name == "rzz":
        return np.diag(np.exp(-0.5j * params[0] * np.array([1, -1, -1, 1])))
    return {"x": X, "id": np.eye(2, dtype=complex), "cz": np.diag([1, 1, 1, -1]).astype(complex)}[name]


def _turned(state: NDArray[np.complex128], matrix: NDArray[np.complex128], where: list[int], size: int) -> NDArray[np.complex128]:
    """Qubit ``k`` is axis ``size - 1 - k``."""
    count = len(where)
    axes = [size - 1 - qubit for qubit in reversed(where)]
    shaped = np.tensordot(matrix.reshape((2,) * 2 * count), state.reshape((2,) * size), (list(range(count, 2 * count)), axes))
    return np.asarray(np.moveaxis(shaped, list(range(count)), axes).ravel())


def _measured(history: History, size: int, qubit: int) -> list[tuple[int, History]]:
    found = []
    one_here = (np.arange(2**size) >> qubit & 1).astype(bool)
    for outcome in (0, 1):
        state = np.where(one_here == bool(outcome), history.state, 0)
        chance = float((np.abs(state) ** 2).sum())
        if chance * history.chance > _LEAST:
            found.append((outcome, History(chance * history.chance, state / np.sqrt(chance), dict(history.bits))))
    return found


def _holds(condition: Any, one: History, bits: Mapping[Any, Clbit]) -> bool:
    if isinstance(condition, expr.Expr):
        return bool(_value(condition, one, bits))
    target, value = condition
    return _value(target, one, bits) == int(value)


def _value(node: Any, one: History, bits: Mapping[Any, Clbit]) -> int:
    if isinstance(node, expr.Var):
        node = node.var
    if isinstance(node, Clbit):
        return one.bits[bits[node]]
    if isinstance(node, ClassicalRegister):
        return sum(one.bits[bits[bit]] << index for index, bit in enumerate(node))
    if isinstance(node, expr.Value):
        return int(node.value)
    if isinstance(node, expr.Cast):
        return _value(node.operand, one, bits)
    if isinstance(node, expr.Unary):
        return int(not _value(node.operand, one, bits))
    left, right = _value(node.left, one, bits), _value(node.right, one, bits)
    return {
        "BIT_AND": left & right,
        "BIT_XOR": left ^ right,
        "LOGIC_OR": int(bool(left) or bool(right)),
        "NOT_EQUAL": int(left != right),
        "EQUAL": int(left == right),
        "LESS": int(left < right),
    }[node.op.name]
