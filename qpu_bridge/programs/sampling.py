"""Rows of numbers for the items of a quantum program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray
from qiskit_ibm_runtime.fake_provider.executor.broadcast_sample import broadcast_sample
from samplomatic.quantum_program import CircuitItem, SamplexItem

from qpu_bridge.lowering import SlotMap
from qpu_bridge.programs.wide_draw import Arrays, WideDraw
from qpu_bridge.schedule import Table

ROWS_PER_TABLE = 4096
"""Rows that are drawn and bound in one step: enough to be vectorised, few enough that the device need not wait for the last.

Part of the meaning of a seed: each step has its own generator.
"""


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

    def tables(self) -> Iterable[Table]:
        """All rows; no table is empty. Few rows are made here and now, many while they are asked for."""
        return self._made() if len(self) > ROWS_PER_TABLE else tuple(self._made())

    def extras_of(self, first: int, stop: int) -> dict[str, NDArray[np.generic]]:
        """What a samplex returned besides angles for some rows that have been made, as views."""
        axes = len(self.shape)
        return {name: values.reshape(len(self), *values.shape[axes:])[first:stop] for name, values in self.extras.items()}

    def _made(self) -> Iterator[Table]:
        if not len(self):
            return
        pieces = self._drawn(self._item) if isinstance(self._item, SamplexItem) else self._given(self._item)
        for values in pieces:
            for first in range(0, len(values), ROWS_PER_TABLE):
                yield self._slot_map.bind(values[first : first + ROWS_PER_TABLE])

    def _given(self, item: CircuitItem) -> Iterator[NDArray[np.float64]]:
        count = item.circuit_arguments.shape[-1]
        yield np.asarray(item.circuit_arguments, dtype=np.float64).reshape(len(self), count)

    def _drawn(self, item: SamplexItem) -> Iterator[NDArray[np.float64]]:
        draw = self._draw_wide(item) if WideDraw.possible(item.samplex) else self._draw_by_point(item)
        for first, drawn in draw:
            angles = drawn.pop("parameter_values", np.empty((len(next(iter(drawn.values()), ())), 0)))
            for name, values in drawn.items():
                self._keep(name, values, first)
            yield np.asarray(angles, dtype=np.float64)

    def _draw_wide(self, item: SamplexItem) -> Iterator[tuple[int, Arrays]]:
        draw = WideDraw(item.samplex, item.samplex_arguments, self.shape)
        seeds = np.random.SeedSequence(self._seed).spawn(ceil(len(self) / ROWS_PER_TABLE))
        for seed, first in zip(seeds, range(0, len(self), ROWS_PER_TABLE), strict=True):
            yield first, draw.rows(first, min(first + ROWS_PER_TABLE, len(self)), np.random.default_rng(seed))

    def _draw_by_point(self, item: SamplexItem) -> Iterator[tuple[int, Arrays]]:
        drawn = broadcast_sample(item.samplex, item.samplex_arguments, self.shape, np.random.default_rng(self._seed))
        axes = len(self.shape)
        yield 0, {name: values.reshape(len(self), *values.shape[axes:]) for name, values in drawn.items()}

    def _keep(self, name: str, values: NDArray[np.generic], first: int) -> None:
        if name not in self.extras:
            self.extras[name] = np.zeros((*self.shape, *values.shape[1:]), dtype=values.dtype)
        self.extras[name].reshape(len(self), *values.shape[1:])[first : first + len(values)] = values
