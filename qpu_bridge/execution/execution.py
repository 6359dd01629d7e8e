"""Execution: the one road from a schedule and its rows to results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from time import monotonic, sleep

from qpu_bridge.driver import Capabilities, Chunk, Driver, Run, TakesAhead, check_chunk
from qpu_bridge.errors import Cancelled, DriverFault, DriverLeft, DriverLost, NotLoaded, RanTooLong
from qpu_bridge.execution.pieces import Pieces
from qpu_bridge.execution.series import Series
from qpu_bridge.execution.span import DeviceClock, Span
from qpu_bridge.execution.watch import watch
from qpu_bridge.schedule import Schedule, Table
from qpu_bridge.telemetry import played

AHEAD = 2
"""So many runs a driver is told of beyond the one that it plays."""

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
        lost: Told each time that the driver was lost while it worked for us, unless it was told to leave; what it raises ends the
            work.
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
        self._ahead = driver if isinstance(driver, TakesAhead) else None
        self._pieces: Pieces | None = None
        self._next: Pieces | None = None

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
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Generator[Chunk, None, None]:
        """Play a template for all rows, and yield results in the order of the rows, without gap or overlap.

        Args:
            schedule: See `Series`, also for the others that are not named here.
            tables: Rows.
            shots: Shots per row and sweep point.
            rep_delay_s: Wait after each shot, s.
            seed: For simulated devices.
            settings: Device settings.
            max_rows: Most rows per run.
            first_row: The first that is played.
            cancelled: Asked from another thread, several times a second; True stops the device.
            progress: Told the number of rows done.

        Yields:
            Chunks whose ``first_row`` counts from the first row of the tables.

        Raises:
            BridgeError: As `run_all`.
        """
        series = Series(schedule, tables, shots, rep_delay_s, seed, settings or {}, max_rows, first_row)
        with closing(self.run_all([series], cancelled=cancelled)) as flow:
            for _, chunk in flow:
                if progress is not None:
                    progress(chunk.first_row + chunk.rows)
                yield chunk

    def run_all(
        self, series: Sequence[Series] | Pieces, *, cancelled: Callable[[], bool] | None = None, watched: bool = False
    ) -> Generator[tuple[int, Chunk], None, None]:
        """Play templates one after the other, each for all of its rows.

        A driver that is elsewhere is told of the next runs while it plays one, so that it need not wait for us, if all rows are
        there already. What it was told of and is not wanted any more is aborted.

        Args:
            series: What, or what `prepare` has made of it.
            cancelled: Asked from another thread, several times a second; True stops the device.
            watched: Whether the caller aborts the driver as soon as ``cancelled`` says so: no thread does then.

        Yields:
            Number of the series, and its chunks as of `run`.

        Raises:
            TooLarge: If the device cannot take the shots or the results.
            ScheduleError: If the device cannot play a schedule, or a table does not fit it.
            Cancelled: If ``cancelled`` said so.
            RanTooLong: If the device time allowed is used up.
            DriverLost: If the driver did not come back.
        """
        asked = cancelled or _never
        pieces = series if isinstance(series, Pieces) else self.prepare(series)
        self._pieces = pieces
        if self._next is pieces:
            self._next = None
        self.spans = []
        clock, held = DeviceClock(), None
        with closing(pieces), nullcontext() if cancelled is None or watched else watch(asked, self.driver.abort):
            try:
                for number, schedule, order in pieces:
                    if schedule is not held:
                        self._load(schedule, asked)
                        held = schedule
                    if self._ahead is not None:
                        self._ahead.ahead(self._look)
                    for chunk in self._play(schedule, order, asked):
                        here = replace(chunk, first_row=order.first_row + chunk.first_row)
                        self._account(here, clock)
                        yield number, here
            except BaseException:
                self.then(None)
                raise

    def prepare(self, series: Sequence[Series]) -> Pieces:
        """What `run_all` plays of these, for `then`."""
        return Pieces(series, self.capabilities.limits, AHEAD if self._ahead is not None else 0)

    def then(self, pieces: Pieces | None) -> None:
        """Say what `run_all` will be called with after this time, so that the driver need not wait for it; from any thread.

        Args:
            pieces: With what. None, while nothing is played, if with nothing: what the driver was told of is called back.
        """
        self._next = pieces
        if pieces is None and self._ahead is not None:
            self._pieces = None
            self._ahead.call_back(self._look)

    def _look(self) -> Iterator[tuple[Schedule, Run]]:
        """What comes after the run that is played, as far as it is known."""
        left = AHEAD
        for pieces in (self._pieces, self._next):
            for _, schedule, run in pieces.look() if pieces is not None else ():
                yield schedule, run
                left -= 1
                if not left:
                    return
            if pieces is None or not pieces.all_seen:
                return

    def _play(self, schedule: Schedule, order: Run, cancelled: Callable[[], bool]) -> Iterator[Chunk]:
        """One run; taken up again from the first missing row if the driver is lost."""
        done = tries = 0
        while done < len(order.table):
            if cancelled():
                raise Cancelled("the work was cancelled")
            rest = order if not done else replace(order, table=Table(order.table.values[done:]), first_row=order.first_row + done)
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
                tries = self._mourn(error, tries, cancelled)
                self.resumed += 1
                self._load(schedule, cancelled)
            else:
                if done < len(order.table) and not cancelled():
                    raise DriverFault("a driver must return all rows of a run", given=done, where=f"{len(order.table)} rows")

    def _load(self, schedule: Schedule, cancelled: Callable[[], bool]) -> None:
        tries = 0
        while True:
            try:
                self.driver.load(schedule)
            except (DriverLost, NotLoaded) as error:
                tries = self._mourn(error, tries, cancelled)
            else:
                return

    def _mourn(self, error: DriverLost | NotLoaded, tries: int, cancelled: Callable[[], bool]) -> int:
        """After a loss: say so, give up if there were too many, and wait until the driver is back; how many there were."""
        # one that was told to leave is no failure, and comes back however often
        if not isinstance(error, DriverLeft):
            tries += 1
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
                return tries

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
            with suppress(DriverLost):
                self.driver.abort()
            raise RanTooLong(f"the job may use {self.usage_limit_s:g} s of device time", given=round(self.usage_seconds, 6))


def _never() -> bool:
    return False


def _nothing() -> None:
    pass
