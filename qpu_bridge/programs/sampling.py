"""Rows of numbers for the items of a quantum program."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray
from qiskit_ibm_runtime.fake_provider.executor.broadcast_sample import broadcast_sample
from samplomatic.quantum_program import CircuitItem, SamplexItem

from qpu_bridge.lowering import SlotMap
from qpu_bridge.schedule import Table

ROWS_PER_TABLE = 4096
"""Rows that are bound in one step: enough to be vectorised, few enough that the device need not wait for the last."""

RANDOMIZATIONS_PER_DRAW = 64
"""Randomizations drawn in one step. Part of the meaning of a seed: each step has its own generator."""


class Rows:
    """Rows of one item in the order of its shape (C order), made piece by piece.

    Attributes:
        shape: Shape of the item; rows are ``prod(shape)``.
        extras: What a samplex returns besides angles (measurement flips, signs); complete when the last row is made.
    """

    def __init__(self, item: CircuitItem | SamplexItem, slot_map: SlotMap, seed: int) -> None:
        self.shape: tuple[int, ...] = tuple(item.shape)
        self.extras: dict[str, NDArray[np.generic]] = {}
        self._item = item
        self._slot_map = slot_map
        self._seed = seed

    def __len__(self) -> int:
        return prod(self.shape)

    def tables(self) -> Iterator[Table]:
        """All rows; no table is empty."""
        pieces = self._drawn() if isinstance(self._item, SamplexItem) else self._given(self._item)
        for values in pieces:
            for first in range(0, len(values), ROWS_PER_TABLE):
                yield self._slot_map.bind(values[first : first + ROWS_PER_TABLE])

    def _given(self, item: CircuitItem) -> Iterator[NDArray[np.float64]]:
        count = item.circuit_arguments.shape[-1]
        yield np.asarray(item.circuit_arguments, dtype=np.float64).reshape(len(self), count)

    def _drawn(self) -> Iterator[NDArray[np.float64]]:
        item = self._item
        lead = self.shape[0] if self.shape else 1
        given = item.samplex_arguments.shape
        # only an axis that enumerates randomizations may be cut: the others index the arguments
        free = bool(self.shape) and (len(given) < len(self.shape) or given[0] == 1)
        step = RANDOMIZATIONS_PER_DRAW if free else max(lead, 1)
        seeds = np.random.SeedSequence(self._seed).spawn(ceil(lead / step))
        for number, first in enumerate(range(0, lead, step)):
            last = min(first + step, lead)
            shape = (last - first, *self.shape[1:]) if self.shape else ()
            drawn = broadcast_sample(item.samplex, item.samplex_arguments, shape, np.random.default_rng(seeds[number]))
            angles = drawn.pop("parameter_values", np.empty((*shape, 0)))
            for name, values in drawn.items():
                self._keep(name, values, first, last)
            yield np.asarray(angles, dtype=np.float64).reshape(prod(shape), angles.shape[-1])

    def _keep(self, name: str, values: NDArray[np.generic], first: int, last: int) -> None:
        if not self.shape:
            self.extras[name] = values
            return
        if name not in self.extras:
            self.extras[name] = np.empty((*self.shape, *values.shape[len(self.shape) :]), dtype=values.dtype)
        self.extras[name][first:last] = values
