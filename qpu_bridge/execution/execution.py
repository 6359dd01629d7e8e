"""Execution: the one road from a schedule and its rows to results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from time import monotonic, sleep

from qpu_bridge.driver import Capabilities, Chunk, Driver, LoadsAhead, Run, check_chunk
from qpu_bridge.errors import Cancelled, DriverFault, DriverLost, NotLoaded, RanTooLong
from qpu_bridge.execution.cut import count_cut, cut, rows_per_run
from qpu_bridge.execution.prefetch import prefetch
from qpu_bridge.execution.span import DeviceClock, Span
from qpu_bridge.execution.watch import watch
from qpu_bridge.schedule import Schedule, Table
from qpu_bridge.schedule.check import check_once, check_table
from qpu_bridge.telemetry import played

RETRIES = 3
"""How often a run is taken up again after the driver was lost, without any result in between."""

BACK_S = 120.0
"""How long a lost driver may take to come back, s."""


class Execution:
    """Plays schedules on one device and accounts for what it used.

    Args:
        driver: The device.
        capabilities: Its capability document.
        usage_limit_s: Device time after which the work ends with `errors.RanTooLong`, s.
        retry_pause_s: Wait before a lost driver is asked again, s.
        lost: Told each time that the driver was lost while it worked for us; what it raises ends the work.
    """

    def __init__(
        self,
        driver: Driver,
        capabilities: Capabilities,
        *,
        usage_limit_s: float | None = None,
        retry_pause_s: float = 0.2,
        lost: Callable[[], None] | None = None,
    ) -> None:
        self.driver = driver
        self.capabilities = capabilities
        self.usage_limit_s = usage_limit_s
        self.usage_seconds = 0.0
        self.resumed = 0
        self.device_ns: int | None = None
        self.spans: list[Span] = []
        self.notes: list[dict[str, object]] = []
        self._retry_pause_s = retry_pause_s
        self._lost = lost or _nothing

    def run(
        self,
        schedule: Schedule,
        tables: Iterable[Table],
        shots: int,
        *,
        rep_delay_s: float | None = None,
        seed: int | None = None,
        settings: Mapping[str, float | int | str | bool] | None = None,
        max_rows: int | None = None,
        first_row: int = 0,
        following: Schedule | None = None,
        cancelled: Callable[[], bool] | None = None,
        watched: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Generator[Chunk, None, None]:
        """Play a template for all rows, and yield results in the order of the rows, without gap or overlap.

        Args:
            schedule: The template.
            tables: Rows in pieces of any size; a piece is made (in a thread) while the device plays the one before. Where they
                are there already, give a sequence: work of one run then needs no thread.
            shots: Shots per row and sweep point.
            rep_delay_s: Wait after each shot, s; None takes the device's default.
            seed: For simulated devices. The same seed gives the same results however the rows are cut.
            settings: Device settings.
            max_rows: Most rows per run, where the caller wants fewer than the device allows.
            first_row: Rows before this one are known already: they are made, for the others may hang on them, and not played.
            following: The template that is played next: a driver that is elsewhere gets it while it plays the last run of this
                one, if it is known which one that is (``tables`` is a sequence).
            cancelled: Asked from another thread, several times a second; True stops the device.
            watched: Whether the caller aborts the driver as soon as ``cancelled`` says so: no thread does then.
            progress: Told the number of rows done.

        Yields:
            Chunks whose ``first_row`` counts from the first row of the tables.

        Raises:
            TooLarge: If the device cannot take the shots or the results.
            ScheduleError: If the device cannot play the schedule, or a table does not fit it.
            Cancelled: If ``cancelled`` said so.
            RanTooLong: If the device time allowed is used up.
            DriverLost: If the driver did not come back.
        """
        limits = self.capabilities.limits
        rows = min(rows_per_run(schedule, shots, limits), max_rows or limits.max_rows)
        check_once(schedule, limits)
        asked = cancelled or _never
        self._load(schedule, asked)
        self.spans = []
        clock = DeviceClock()
        order = Run(schedule.digest, Table.single(), shots, 0, rep_delay_s, seed, dict(settings or {}))
        first = first_row
        count = count_cut(tables, rows, first_row) if isinstance(tables, Sequence) else None
        pieces = prefetch(self._checked(schedule, cut(tables, rows, first_row)), count)
        with closing(pieces), nullcontext() if cancelled is None or watched else watch(asked, self.driver.abort):
            for number, table in enumerate(pieces, 1):
                if following is not None and number == count and isinstance(self.driver, LoadsAhead):
                    check_once(following, limits)
                    self.driver.load_ahead(following)
                for chunk in self._play(schedule, replace(order, table=table, first_row=first), asked):
                    here = replace(chunk, first_row=first + chunk.first_row)
                    self._account(here, clock)
                    if progress is not None:
                        progress(here.first_row + here.rows)
                    yield here
                first += len(table)

    def _play(self, schedule: Schedule, order: Run, cancelled: Callable[[], bool]) -> Iterator[Chunk]:
        """One run; taken up again from the first missing row if the driver is lost."""
        done = tries = 0
        while done < len(order.table):
            if cancelled():
                raise Cancelled("the work was cancelled")
            rest = replace(order, table=Table(order.table.values[done:]), first_row=order.first_row + done)
            try:
                begun = done
                for chunk in self.driver.run(rest):
                    check_chunk(schedule, rest, chunk, done - begun)
                    yield replace(chunk, first_row=done)
                    done += chunk.rows
                    tries = 0
                    if cancelled():
                        self.driver.abort()
                        raise Cancelled("the work was cancelled")
            except (DriverLost, NotLoaded) as error:
                tries += 1
                self._mourn(error, tries, cancelled)
                self.resumed += 1
                self._load(schedule, cancelled)
            else:
                if done < len(order.table) and not cancelled():
                    raise DriverFault("a driver must return all rows of a run", given=done, where=f"{len(order.table)} rows")

    def _checked(self, schedule: Schedule, tables: Iterable[Table]) -> Iterator[Table]:
        for table in tables:
            check_table(schedule, table, self.capabilities.limits)
            yield table

    def _load(self, schedule: Schedule, cancelled: Callable[[], bool]) -> None:
        tries = 0
        while True:
            try:
                self.driver.load(schedule)
            except (DriverLost, NotLoaded) as error:
                tries += 1
                self._mourn(error, tries, cancelled)
            else:
                return

    def _mourn(self, error: DriverLost | NotLoaded, tries: int, cancelled: Callable[[], bool]) -> None:
        """After a loss: say so, give up if there were too many, and wait until the driver is back."""
        if isinstance(error, DriverLost):
            self._lost()
        if tries > RETRIES:
            raise error
        until_s = monotonic() + BACK_S
        while True:
            if cancelled():
                raise Cancelled("the work was cancelled")
            try:
                self.driver.status()
            except DriverLost:
                if monotonic() > until_s:
                    raise
                sleep(self._retry_pause_s)
            else:
                return

    def _account(self, chunk: Chunk, clock: DeviceClock) -> None:
        self.spans.append(clock.span(chunk, chunk.first_row))
        said = dict(chunk.notes)
        # templates of one job may be played in different ways: none speaks for another
        if said and said not in self.notes[-1:]:
            self.notes.append(said)
        seconds = max(0, chunk.stopped_ns - chunk.started_ns) * 1e-9
        self.usage_seconds += seconds
        self.device_ns = chunk.stopped_ns
        played(self.capabilities.device, seconds)
        if self.usage_limit_s is not None and self.usage_seconds > self.usage_limit_s:
            self.driver.abort()
            raise RanTooLong(f"the job may use {self.usage_limit_s:g} s of device time", given=round(self.usage_seconds, 6))


def _never() -> bool:
    return False


def _nothing() -> None:
    pass
