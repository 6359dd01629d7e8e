"""THE CONTRACT: what a driver can be asked, and what it may raise.

A driver author writes one class with these verbs, registers it under the entry point ``qpu_bridge.drivers``, and never sees a
socket: the same class runs inside the host's process or behind ZeroMQ, and the host cannot tell which. The class is built as
``cls(device, snapshot, options)``. `check_run` and `check_chunk` state the contract as code; both sides may call them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qpu_bridge.errors import DriverFault, NotLoaded, ScheduleError, UnsupportedOption
from qpu_bridge.schedule import Document, Limits, Schedule, Table, check_results, check_table, result_shapes


class Setting(Document):
    """A number, word or switch that a run may carry to the device (for example a noise scale of the emulator).

    Attributes:
        name: Key in `Run.settings`.
        kind: ``number``, ``integer``, ``text`` or ``switch``.
        description: One line for people.
        minimum: Smallest number allowed.
        maximum: Largest number allowed.
        choices: Words allowed, where there are few.
    """

    name: str
    kind: str = Field(pattern="^(number|integer|text|switch)$")
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> None:
        """Refuse a value of another kind, out of range, or not among the choices.

        Raises:
            UnsupportedOption: With what is allowed.
        """
        kinds = {"number": (int, float), "integer": (int,), "text": (str,), "switch": (bool,)}[self.kind]
        good = isinstance(value, kinds) and (isinstance(value, bool) == (self.kind == "switch"))
        if good and isinstance(value, int | float) and self.kind != "switch":
            low, high = (self.minimum, self.maximum)
            good = (low is None or value >= low) and (high is None or value <= high) and abs(value) < _LARGEST[self.kind]
        if not good or (self.choices and value not in self.choices):
            words = f", one of {', '.join(self.choices)}" if self.choices else ""
            must = f"setting {self.name} must be {_WORDS[self.kind]}{self._range()}{words}"
            raise UnsupportedOption(must, given=repr(value)[:80])

    def _range(self) -> str:
        low, high = ("" if bound is None else f"{bound:.12g}" for bound in (self.minimum, self.maximum))
        if low and high:
            return f" from {low} to {high}"
        return f" of at least {low}" if low else f" of at most {high}" if high else ""


_WORDS = {"number": "a number", "integer": "a whole number", "text": "a text", "switch": "true or false"}
_LARGEST = {"number": np.inf, "integer": 2**63}
"""Settings travel to drivers in headers, which hold whole numbers of 64 bits."""


class Capabilities(Document):
    """What a device is and can do; one document, read once after connecting.

    Attributes:
        device: Name of the device.
        driver: Name of the driver.
        version: Version of the driver.
        simulated: True if results are not measurements of a physical device.
        source: Where results come from: an instrument's serial number, or what simulates it.
        sign: Informational: -1 if the mixers conjugate, else +1. A play of phase ``+pi/2`` is a +Y rotation either way, for
            the driver undoes the conjugation itself; people check the cabling by it, and the host never conjugates.
        limits: What schedules are checked against.
        settings: What `Run.settings` may hold.
        deterministic: Whether the same schedule, rows, shots and seed give the same bytes.
    """

    device: str
    driver: str
    version: str
    simulated: bool
    source: str
    sign: Literal[-1, 1] = 1
    limits: Limits
    settings: tuple[Setting, ...] = ()
    deterministic: bool = False


class State(StrEnum):
    """Where a driver is."""

    IDLE = "idle"
    RUNNING = "running"
    FAULTED = "faulted"


class Status(Document):
    """How a driver is.

    Attributes:
        state: Idle, running or faulted.
        message: One line for people.
        loaded: Hex digests of the templates it holds.
    """

    state: State
    message: str = ""
    loaded: tuple[str, ...] = ()


class Verdict(StrEnum):
    """What a look at a device found: all well, something to know, or something that must change before it plays."""

    GOOD = "good"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``qpu-bridge driver NAME --check``.

    Attributes:
        verdict: Whether it is well.
        place: What was looked at: an instrument, a slot, a line of the snapshot.
        text: What was found there.
        remedy: What to do about it.
    """

    verdict: Verdict
    place: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Play a loaded template for a table of rows.

    Attributes:
        digest: Which template (`Schedule.digest`).
        table: ``rows x slots``.
        shots: Shots per row and sweep point, at least 1.
        first_row: Index of the table's first row within the whole job; with `seed` it lets a simulated device draw the same
            numbers however the job was cut into runs.
        rep_delay_s: Wait from the end of the last block of a shot to the start of the next, also from row to row and from point
            to point, s. Exactly this wait, whatever it leaves of the state before; None takes `Limits.default_rep_delay_s`.
        seed: For simulated devices; None draws one.
        settings: Device settings for this run, keys from `Capabilities.settings`.
    """

    digest: bytes
    table: Table
    shots: int
    first_row: int = 0
    rep_delay_s: float | None = None
    seed: int | None = None
    settings: Mapping[str, float | int | str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Results of some rows of a run, all of their sweep points and shots.

    A bit, an IQ value and a trace are what `qpu_bridge/schedule/README.md` says under *Captures*. Where `Shots` stands outside of
    `Rows`, the rows of a run are complete together, and its chunks come at the end; who cuts a job into runs bounds the cycle.

    Attributes:
        first_row: First row, counted within the run's table.
        rows: Number of rows.
        bits: ``bool[rows, *sweep, shots, n]`` for ``Schedule.columns_returning("bits")``, or None if there are none.
        iq: ``complex64[rows, *sweep, shots, n]``, single shots.
        mean: ``complex64[rows, *sweep, n]``, averaged on the device.
        raw: Column index -> ``complex64[rows, *sweep, shots, samples]``, or without the axis of shots if averaged; samples as
            `schedule.raw_samples` counts them.
        started_ns: Device time when the first row began, ns of the device's own clock.
        stopped_ns: Device time when the last row ended.
        notes: What the device wants to say of how it got these (engine, approximation); JSON values.
    """

    first_row: int
    rows: int
    bits: NDArray[np.bool_] | None = None
    iq: NDArray[np.complex64] | None = None
    mean: NDArray[np.complex64] | None = None
    raw: Mapping[int, NDArray[np.complex64]] = field(default_factory=dict)
    started_ns: int = 0
    stopped_ns: int = 0
    notes: Mapping[str, object] = field(default_factory=dict)


@runtime_checkable
class Driver(Protocol):
    """What a device can be asked. All verbs may raise `errors.DriverFault`; a remote driver also `errors.DriverLost`.

    One run at a time, and no `load` while a run is being read. `abort` and `status` may be called from another thread at any
    time. A driver must not hold the interpreter for seconds on end: whoever watches its heartbeat takes it for hung.
    """

    def capabilities(self) -> Capabilities:
        """What the device is and can do."""

    def load(self, schedule: Schedule) -> None:
        """Keep a template until `close` or until newer ones need the room; loading it again costs nothing.

        Raises:
            ScheduleError: If the device cannot play it (`schedule.check.check` against the device's limits comes first).
        """

    def run(self, run: Run) -> Iterator[Chunk]:
        """Play, and yield results as they come, in the order of the rows, without gap or overlap.

        What is wrong with the request is raised before the first chunk: at the call, or when the first chunk is asked for.
        Closing the iterator early stops the run like `abort`.

        Raises:
            NotLoaded: If the template is not held; nothing was played.
            ScheduleError: If the table does not fit the template, or too much is asked for.
            UnsupportedOption: If a setting is unknown or out of its range.
            Cancelled: If `abort` was called.
        """

    def abort(self) -> None:
        """Stop the run, if there is one, at the next safe moment; outputs are silent when this returns or soon after.

        Returns promptly, and does nothing to a run that starts afterwards.
        """

    def status(self) -> Status:
        """How the device is. Must answer promptly, also during a run."""

    def close(self) -> None:
        """Silence all outputs and let go of the instruments. Nothing but another `close` is called after this."""


Upcoming = Callable[[], Iterable[tuple[Schedule, Run]]]
"""Gives templates and the runs of them in the order in which they will be asked for."""


@runtime_checkable
class TakesAhead(Protocol):
    """A driver that may be told what comes next, so that it need not wait. A new driver needs none of it: the wire has it."""

    def ahead(self, more: Upcoming) -> None:
        """Ask for what comes later, while the next run is played.

        `Driver.load` and `Driver.run`, called with the same objects in the same order, give what has come of it. `Driver.abort`
        stops all of it, and what is run afterwards begins anew; whoever does not go on calls `call_back`.

        Args:
            more: Gives the next templates and the runs of them, in order, as far as they may be played before their turn; also
                those that it has given before, if they have not had it. Asked again and again while the next run is read, by
                the thread that reads it.
        """

    def call_back(self, more: Upcoming) -> None:
        """Stop what was asked for by this, or an equal one, and nothing else. While a run is read `Driver.abort` does it."""


def check_rep_delay(rep_delay_s: float | None, limits: Limits) -> float:
    """Check the wait between shots, and say what it is where none is asked for, s.

    Raises:
        ScheduleError: If the device cannot wait so long or so shortly.
    """
    if rep_delay_s is None:
        return limits.default_rep_delay_s
    if not limits.min_rep_delay_s <= rep_delay_s <= limits.max_rep_delay_s:
        raise ScheduleError(
            f"the wait between shots must be from {limits.min_rep_delay_s:g} s to {limits.max_rep_delay_s:g} s",
            given=float(rep_delay_s),
        )
    return rep_delay_s


def check_run(schedule: Schedule | None, run: Run, capabilities: Capabilities) -> Schedule:
    """Check a run before anything is played, as every driver must.

    Args:
        schedule: What the driver holds under the run's digest, or None.
        run: What is asked for.
        capabilities: The device's own document.

    Returns:
        The schedule.

    Raises:
        NotLoaded: If there is no schedule.
        ScheduleError: If table, shots, first row, delay or seed do not fit.
        UnsupportedOption: If a setting is unknown or out of its range.
    """
    if schedule is None:
        raise NotLoaded("a template must be loaded before it is run", given=run.digest.hex()[:16])
    check_results(schedule, len(run.table), run.shots, capabilities.limits)
    check_table(schedule, run.table, capabilities.limits)
    if run.first_row < 0 or run.first_row + len(run.table) > 2**48:
        raise ScheduleError("a run's first row must be from 0 to 2**48", given=run.first_row)
    check_rep_delay(run.rep_delay_s, capabilities.limits)
    if run.seed is not None and not 0 <= run.seed < 2**64:
        raise ScheduleError("a seed must be from 0 to 2**64 - 1", given=str(run.seed))
    known = {setting.name: setting for setting in capabilities.settings}
    for name, value in run.settings.items():
        if name not in known:
            there = ", ".join(known) or "none"
            raise UnsupportedOption(f"a setting of driver {capabilities.driver} must be one of: {there}", given=name)
        known[name].check(value)
    return schedule


def check_chunk(schedule: Schedule, run: Run, chunk: Chunk, first_row: int) -> None:
    """Check what a driver yields, so that its author hears of a mistake before a user does.

    Args:
        schedule: What was played.
        run: What was asked for.
        chunk: What came.
        first_row: Row at which this chunk must begin.

    Raises:
        DriverFault: If the chunk is out of order, or an array is missing, unasked for, or of the wrong shape or type, or
            its notes are not JSON values.
    """
    if chunk.first_row != first_row or chunk.rows < 1 or first_row + chunk.rows > len(run.table):
        raise DriverFault(
            f"a chunk must go on at row {first_row} of {len(run.table)}", given=f"{chunk.rows} rows from row {chunk.first_row}"
        )
    if chunk.notes:
        _check_notes(chunk.notes, f"rows from {first_row}")
    named = {"bits": chunk.bits, "iq": chunk.iq, "mean": chunk.mean}
    arrays: dict[str | int, NDArray[np.bool_] | NDArray[np.complex64]] = {k: v for k, v in named.items() if v is not None}
    arrays |= dict(chunk.raw.items())
    wanted = result_shapes(schedule, chunk.rows, run.shots)
    if all(a.dtype == _dtype(k) for k, a in arrays.items()) and {k: a.shape for k, a in arrays.items()} == wanted:
        return
    for name in sorted(wanted.keys() | arrays.keys(), key=str):
        must = f"{_dtype(name)}{list(wanted[name])}" if name in wanted else "absent"
        there = f"{arrays[name].dtype}{list(arrays[name].shape)}" if name in arrays else "absent"
        if must != there:
            raise DriverFault(f"result {name!r} of a chunk must be {must}", given=there, where=f"rows from {first_row}")


def _check_notes(notes: Mapping[str, object], where: str) -> None:
    try:
        # with a float that no JSON has (nan), or a number of numpy's, it would fail later and far away
        json.dumps(dict(notes), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DriverFault("notes of a chunk must be JSON values", given=str(error)[:200], where=where) from None


def _dtype(name: str | int) -> np.dtype[Any]:
    return np.dtype(np.bool_ if name == "bits" else np.complex64)
