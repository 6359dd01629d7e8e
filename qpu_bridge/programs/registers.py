"""Results by classical register."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.driver import Chunk
from qpu_bridge.lowering import MeasLevel
from qpu_bridge.schedule import Schedule

_PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "classified": (("bits", ""),),
    "kerneled": (("iq", "_iq"),),
    "avg_kerneled": (("mean", "_avg_iq"),),
    "both": (("bits", ""), ("iq", "_iq")),
}
"""Measurement level -> kinds of results, and what the client's decoder expects behind a register's name."""


class Registers:
    """Collects chunks into one array per register and kind.

    A bit that nothing is measured into stays 0, as in Qiskit.

    Args:
        schedule: The template that is played.
        registers: Register -> column of each of its bits, -1 where nothing is measured, bit 0 first.
        level: What is returned.
        rows: Number of rows.
        shots: Shots per row.
    """

    def __init__(
        self, schedule: Schedule, registers: Mapping[str, tuple[int, ...]], level: MeasLevel, rows: int, shots: int
    ) -> None:
        self._arrays: dict[str, NDArray[np.generic]] = {}
        self._places: list[tuple[str, str, NDArray[np.intp], NDArray[np.intp]]] = []
        for kind, suffix in _PARTS[level]:
            place = {column: index for index, column in enumerate(schedule.columns_returning(kind))}
            for name, columns in registers.items():
                bits = np.array([bit for bit, column in enumerate(columns) if column in place], dtype=np.intp)
                source = np.array([place[column] for column in columns if column in place], dtype=np.intp)
                shape = (rows, len(columns)) if kind == "mean" else (rows, shots, len(columns))
                self._arrays[name + suffix] = np.zeros(shape, dtype=np.bool_ if kind == "bits" else np.complex64)
                self._places.append((name + suffix, kind, bits, source))

    def add(self, chunk: Chunk) -> None:
        """Take in the results of some rows; ``chunk.first_row`` counts within the item."""
        rows = slice(chunk.first_row, chunk.first_row + chunk.rows)
        for name, kind, bits, source in self._places:
            if len(bits):
                self._arrays[name][rows, ..., bits] = getattr(chunk, kind)[..., source]

    def read(self, first: int, stop: int) -> dict[str, NDArray[np.generic]]:
        """The arrays of some rows, as views."""
        return {name: array[first:stop] for name, array in self._arrays.items()}

    def restore(self, first: int, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Put back what `read` gave; other arrays are left alone.

        Raises:
            ValueError: If they have other shapes, or one is missing.
        """
        for name, array in self._arrays.items():
            if name not in arrays:
                raise ValueError(f"array {name} must be there")
            array[first : first + len(arrays[name])] = arrays[name]

    def shaped(self, shape: tuple[int, ...]) -> dict[str, NDArray[np.generic]]:
        """The arrays, the axis of rows unfolded to the item's shape."""
        assert all(len(array) == prod(shape) for array in self._arrays.values())
        return {name: array.reshape(*shape, *array.shape[1:]) for name, array in self._arrays.items()}
