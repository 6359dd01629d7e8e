"""Parameter values to slots, for all rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import BadRequest, NotNative
from qpu_bridge.lowering.angle import Affine, Formula
from qpu_bridge.lowering.gate_table import GateTable
from qpu_bridge.lowering.phases import Swing
from qpu_bridge.schedule import Slot, SlotKind, Table

_BLOCK = 32
"""Rows at a time, so that a block of a few thousand slots stays in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class PhaseSlots:
    """Phases that grow step by step along each qubit.

    Slots are ordered by level: first the first state of every qubit (those with the most states first), then the second
    states, and so on. A state is the state one level up plus an increment, so each level is one addition.

    Attributes:
        levels: ``int64[levels + 1]``, first slot of each level.
        column: ``int64[slots]``, source of each increment's first term.
        factor: ``float64[slots]``, its coefficient.
        more: Second, third, ... terms of the increments that have them: (slots, sources, coefficients) each.
    """

    levels: tuple[int, ...]
    column: NDArray[np.int64]
    factor: NDArray[np.float64]
    more: tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]], ...] = ()

    def __len__(self) -> int:
        return len(self.column)

    def fill(self, sources: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Write ``float64[rows, slots]``."""
        np.take(sources, self.column, axis=1, out=out, mode="clip")
        out *= self.factor
        for slots, columns, factors in self.more:
            out[:, slots] += sources[:, columns] * factors
        for start, first, last in zip(self.levels, self.levels[1:], self.levels[2:], strict=False):
            out[:, first:last] += out[:, start : start + last - first]


@dataclass(frozen=True, slots=True, eq=False)
class SlotMap:
    """Parameter values to slots.

    Attributes:
        parameters: How many values a row has; their order is that of ``circuit.parameters``.
        formulas: Non-linear functions of the parameters.
        swings: Fractional gates whose angles are parameters.
        table: Native gates, for the swings' curves.
        phases: The first slots.
        others: The slots after: what they are and how they follow from the sources.
    """

    parameters: int
    formulas: tuple[Formula, ...]
    swings: tuple[Swing, ...]
    table: GateTable
    phases: PhaseSlots
    others: tuple[tuple[SlotKind, Affine], ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The schedule's slots."""
        return tuple([Slot(SlotKind.PHASE)] * len(self.phases) + [Slot(kind) for kind, _ in self.others])

    def bind(self, values: NDArray[np.float64]) -> Table:
        """Slots of all rows.

        Args:
            values: ``float64[rows, parameters]``, columns in the order of ``circuit.parameters``, rad for angles.

        Returns:
            One row of slots per row of values.

        Raises:
            BadRequest: If the shape is wrong or a value is not finite.
            NotNative: If a fractional gate cannot turn by its angle; names row, gate and qubits.
        """
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.parameters:
            raise BadRequest(f"parameter values must have the shape (rows, {self.parameters})", given=values.shape)
        total = len(self.phases) + len(self.others)
        out = np.empty((len(values), total))
        steady = not self.formulas and not self.swings
        _check_finite(values, "parameter values")
        sources = values if steady else self._sources(values)
        if len(self.phases):
            for first in range(0, len(values), _BLOCK):
                block = (
                    np.empty((len(values[first : first + _BLOCK]), len(self.phases)))
                    if self.others
                    else out[first : first + _BLOCK]
                )
                self.phases.fill(sources[first : first + _BLOCK], block)
                if self.others:
                    out[first : first + _BLOCK, : len(self.phases)] = block
        for index, (kind, affine) in enumerate(self.others, len(self.phases)):
            number = affine.evaluate(sources)
            out[:, index] = _whole_ticks(number) if kind is SlotKind.DURATION else number
        return Table(out)

    def _sources(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Parameters, formulas and curve values, ``float64[rows, columns]``."""
        formulas = [formula.evaluate(values) for formula in self.formulas]
        for found in formulas:
            _check_finite(found[:, None], "angles computed from parameters")
        plain = np.column_stack([values, *formulas]) if formulas else values
        curves = np.empty((len(values), sum(len(swing.columns) for swing in self.swings)))
        for swing in self.swings:
            asked = np.stack([angle.evaluate(plain) for angle in swing.angles], axis=1)
            angles = self.table.fold(swing.code, asked)
            wrong = self.table.out_of_range(swing.code, angles)
            if wrong.any():
                row, index = (int(n) for n in np.argwhere(wrong)[0])
                entry = self.table.entries[swing.code]
                raise NotNative(
                    f"the angle of {entry.name} must be between {entry.low:.6g} and {entry.high:.6g} rad",
                    given=f"{asked[row, index]:.6g}",
                    where=f"row {row}, {swing.places[index]}",
                )
            for (index, curve), column in swing.columns.items():
                curves[:, column] = self.table.bend(swing.code, curve, angles[:, index])
        return np.ascontiguousarray(np.column_stack([plain, curves]))


def _check_finite(values: NDArray[np.float64], what: str) -> None:
    # a sum is not finite as soon as one value is not; finite values this large are no angles either
    if not np.isfinite(values.sum()):
        row = int(np.argwhere(~np.isfinite(values))[0][0]) if not np.isfinite(values).all() else 0
        raise BadRequest(f"{what} must be finite numbers", given="nan or infinity", where=f"row {row}")


def _whole_ticks(ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    if (ticks < 0).any():
        row = int(np.flatnonzero(ticks < 0)[0])
        raise BadRequest("a delay must not be negative", given=f"{ticks[row]} dt", where=f"row {row}")
    return np.rint(ticks)
