"""A series: a template and the rows that it is played for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qpu_bridge.driver import Run
from qpu_bridge.execution.cut import count_cut, cut, rows_per_run
from qpu_bridge.schedule import Limits, Schedule, Table
from qpu_bridge.schedule.check import check_once, check_table


@dataclass(frozen=True)
class Series:
    """A template, its rows, and how they are played.

    Attributes:
        schedule: The template.
        tables: Rows in pieces of any size; a piece is made while the device plays the one before. Where they are there already,
            give a sequence: then what is to be played next is known before its turn.
        shots: Shots per row and sweep point.
        rep_delay_s: Wait after each shot, s; None takes the device's default.
        seed: For simulated devices. The same seed gives the same results however the rows are cut.
        settings: Device settings.
        max_rows: Most rows per run, where the caller wants fewer than the device allows.
        first_row: Rows before this one are known already: they are made, for the others may hang on them, and not played.
    """

    schedule: Schedule
    tables: Iterable[Table]
    shots: int
    rep_delay_s: float | None = None
    seed: int | None = None
    settings: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    max_rows: int | None = None
    first_row: int = 0

    def count(self, limits: Limits) -> int | None:
        """How many runs it takes; None if that is known only when all rows are made."""
        if not isinstance(self.tables, Sequence):
            return None
        return count_cut(self.tables, self._rows(limits), self.first_row)

    def runs(self, limits: Limits) -> Iterator[Run]:
        """What a driver is asked for, one after the other.

        Raises:
            TooLarge: If the device cannot take the shots or the results.
            ScheduleError: If the device cannot play the schedule, or a table does not fit it.
        """
        rows = self._rows(limits)
        check_once(self.schedule, limits)
        order = Run(self.schedule.digest, Table.single(), self.shots, 0, self.rep_delay_s, self.seed, dict(self.settings))
        first = self.first_row
        for table in cut(self.tables, rows, first):
            check_table(self.schedule, table, limits)
            yield replace(order, table=table, first_row=first)
            first += len(table)

    def _rows(self, limits: Limits) -> int:
        return min(rows_per_run(self.schedule, self.shots, limits), self.max_rows or limits.max_rows)
