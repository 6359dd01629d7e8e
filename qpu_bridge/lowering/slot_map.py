"""Parameter values to slots, for all rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import BadRequest, NotNative
from qpu_bridge.lowering.angle import Affine, Formula
from qpu_bridge.lowering.gate_table import GateTable
from qpu_bridge.lowering.phases import Swing
from qpu_bridge.schedule import Slot, SlotKind, Table

_BLOCK = 16
"""Rows at a time, so that a block of a few thousand slots stays in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class PhaseSlots:
    """Phases that shrink step by step along each qubit: RZ(theta) subtracts theta.

    Slots are ordered by level: first the first state of every qubit (those with the most states first), then the second
    states, and so on. A state is the state one level up minus its turn, so each level is one subtraction.

    Attributes:
        levels: First slot of each level, and the number of slots.
        column: ``int64[slots]``, what each state turns by: a source, or past the sources one of the sums.
        factor: ``float64[slots]``, its coefficient; None if all are 1.
        sums: Turns of several terms. Term ``t`` is (sources, coefficients or None) of the sums that have that many, which come
            first.
    """

    levels: tuple[int, ...]
    column: NDArray[np.int64]
    factor: NDArray[np.float64] | None = None
    sums: tuple[tuple[NDArray[np.int64], NDArray[np.float64] | None], ...] = ()

    def __len__(self) -> int:
        return len(self.column)

    def fill(self, sources: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Write ``float64[rows, slots]`` from ``float64[rows, sources]``.

        Blocks of rows are worked on lying down, ``[slots, rows]``: picking a column is then a copy of a few whole cache lines.
        """
        size = min(_BLOCK, len(sources))
        for first in range(0, len(sources), size or 1):
            given = sources[first : first + size]
            out[first : first + size] = self._states(given).T

    def _states(self, sources: NDArray[np.float64]) -> NDArray[np.float64]:
        """States ``float64[slots, rows]``."""
        rows, width = sources.shape
        turns = np.empty((width + (len(self.sums[0][0]) if self.sums else 0), rows))
        turns[:width] = sources.T
        for term, (columns, factors) in enumerate(self.sums):
            part = np.take(turns, columns, axis=0, mode="clip")
            if factors is not None:
                part *= factors[:, None]
            total = turns[width : width + len(columns)]
            np.add(total, part, out=total) if term else np.copyto(total, part)
        states = np.take(turns, self.column, axis=0, mode="clip")
        if self.factor is not None:
            states *= self.factor[:, None]
        top = states[: self.levels[1]]
        np.negative(top, out=top)
        for start, begin, end in zip(self.levels, self.levels[1:], self.levels[2:], strict=False):
            level = states[begin:end]
            np.subtract(states[start : start + end - begin], level, out=level)
        return states


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
            BadRequest: If the shape is wrong, an angle is not finite, or a delay is negative.
            ScheduleError: If a value is not finite.
            NotNative: If a fractional gate cannot turn by its angle; names row, gate and qubits.
        """
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.parameters:
            raise BadRequest(f"parameter values must have the shape (rows, {self.parameters})", given=values.shape)
        sources = self._sources(values) if self.formulas or self.swings else values
        out = np.empty((len(values), len(self.phases) + len(self.others)))
        if len(self.phases):
            self.phases.fill(sources, out[:, : len(self.phases)])
        for index, (kind, affine) in enumerate(self.others, len(self.phases)):
            number = affine.evaluate(sources)
            out[:, index] = _whole_ticks(number) if kind is SlotKind.DURATION else number
        return Table(out)

    def _sources(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Parameters, formulas and curve values, ``float64[rows, columns]``."""
        formulas = [formula.evaluate(values) for formula in self.formulas]
        for found in formulas:
            _check_finite(found)
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


def phase_slots(levels: tuple[int, ...], turns: Sequence[tuple[tuple[int, float], ...]], sources: int) -> PhaseSlots:
    """Phase slots whose states turn by given terms.

    Args:
        levels: First slot of each level, and the number of slots.
        turns: Terms (source, coefficient) per slot; none if a turn cancels.
        sources: Number of sources.

    Returns:
        The slots.
    """
    column, factor = np.zeros(len(turns), np.int64), np.zeros(len(turns))
    several = sorted((slot for slot, terms in enumerate(turns) if len(terms) > 1), key=lambda slot: -len(turns[slot]))
    for slot, terms in enumerate(turns):
        if len(terms) == 1:
            column[slot], factor[slot] = terms[0]
    column[several] = sources + np.arange(len(several))
    factor[several] = 1.0
    sums = []
    for term in range(len(turns[several[0]]) if several else 0):
        picked = [turns[slot][term] for slot in several if len(turns[slot]) > term]
        columns, factors = zip(*picked, strict=True)
        sums.append((np.array(columns, dtype=np.int64), None if set(factors) == {1.0} else np.array(factors)))
    return PhaseSlots(levels, column, None if (factor == 1.0).all() else factor, tuple(sums))


def _check_finite(numbers: NDArray[np.float64]) -> None:
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise BadRequest("angles computed from parameters must be finite numbers", given=str(numbers[row]), where=f"row {row}")


def _whole_ticks(ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    if (ticks < 0).any():
        row = int(np.flatnonzero(ticks < 0)[0])
        raise BadRequest("a delay must not be negative", given=f"{ticks[row]} dt", where=f"row {row}")
    return np.rint(ticks)
