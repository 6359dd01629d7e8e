"""Cutting rows into runs that a device accepts and a host can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

from qpu_bridge.errors import TooLarge
from qpu_bridge.schedule import Limits, Schedule, Table, result_shapes

RESULT_BUDGET = 2**24
"""Numbers that one run may return, unless the device allows fewer: a run's results are held in memory as a whole."""


def results_per_row(schedule: Schedule, shots: int) -> int:
    """Numbers that one row returns: sweep points x shots x columns; averages count once, traces count their samples."""
    return sum(prod(shape) for shape in result_shapes(schedule, 1, shots).values())


def rows_per_run(schedule: Schedule, shots: int, limits: Limits, budget: int = RESULT_BUDGET) -> int:
    """Most rows that one run may hold.

    Raises:
        TooLarge: If the device cannot take the shots, or not even one row.
    """
    if shots < 1:
        raise TooLarge("a run needs at least one shot", given=shots, where="shots")
    if shots > limits.max_shots:
        raise TooLarge(f"the device takes at most {limits.max_shots} shots", given=shots, where="shots")
    each = results_per_row(schedule, shots)
    if each > limits.max_results:
        raise TooLarge(
            f"the device returns at most {limits.max_results} numbers per run",
            given=each,
            where="one row",
            remedy="Use fewer shots, fewer sweep points, or averaged results",
        )
    if not each:
        return limits.max_rows
    return max(1, min(limits.max_rows, min(limits.max_results, budget) // each))


def cut(tables: Iterable[Table], rows: int, skip: int = 0) -> Iterator[Table]:
    """The same rows in the same order without the first ``skip``, in tables of at most ``rows`` rows."""
    for table in tables:
        known = min(skip, len(table))
        skip -= known
        for first in range(known, len(table), rows):
            whole = not known and len(table) <= rows
            yield table if whole else Table(table.values[first : first + rows])


def count_cut(tables: Iterable[Table], rows: int, skip: int = 0) -> int:
    """How many tables `cut` gives."""
    number = 0
    for table in tables:
        known = min(skip, len(table))
        skip -= known
        number += -(-(len(table) - known) // rows)
    return number
