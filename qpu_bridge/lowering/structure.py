"""Control flow, boxes and stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qpu_bridge.errors import NotNative

if TYPE_CHECKING:
    from qiskit.circuit import Clbit

    from qpu_bridge.lowering.reading import Reader


def read_structure(reader: Reader, operation: Any, qubits: tuple[int, ...], clbits: tuple[Clbit, ...], origin: int) -> None:
    """Read an operation that holds other circuits."""
    raise NotNative("control flow is not lowered yet", given=operation.name)
