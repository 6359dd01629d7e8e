"""Pieces: the templates and runs that series come to, of which some are looked at before their turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from qpu_bridge.driver import Run
from qpu_bridge.execution.lookahead import Lookahead
from qpu_bridge.execution.prefetch import prefetch
from qpu_bridge.execution.series import Series
from qpu_bridge.schedule import Limits, Schedule


class Piece(NamedTuple):
    """A run of a series.

    Attributes:
        number: Of the series.
        schedule: Its template.
        run: What a driver is asked for.
    """

    number: int
    schedule: Schedule
    run: Run


class Pieces:
    """What series come to, one after the other. One thread at a time uses it.

    Args:
        series: What is played.
        limits: Of the device.
        ahead: So many may be looked at before their turn, if all rows are there already; else the next one is made while its
            predecessor is played.
    """

    def __init__(self, series: Sequence[Series], limits: Limits, ahead: int) -> None:
        counts = [one.count(limits) for one in series]
        count = None if None in counts else sum(filter(None, counts))
        made = (Piece(number, one.schedule, run) for number, one in enumerate(series) for run in one.runs(limits))
        self._source = made if ahead and count is not None else prefetch(made, count)
        self._pieces = Lookahead(self._source, ahead if count is not None else 0)

    def __iter__(self) -> Iterator[Piece]:
        return self._pieces

    def look(self) -> Iterator[Piece]:
        """What comes next, without giving it its turn."""
        return self._pieces.look()

    @property
    def all_seen(self) -> bool:
        """Whether nothing comes after what was looked at."""
        return self._pieces.all_seen

    def close(self) -> None:
        """No more are wanted."""
        self._source.close()
