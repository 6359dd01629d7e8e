"""THE CONTRACT: what a driver can be asked, and what it may raise.

A driver author writes one class with these verbs, registers it under the entry point ``qpu_bridge.drivers``, and never sees a
socket: the same class runs inside the host's process or behind ZeroMQ, and the host cannot tell which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qpu_bridge.schedule import Document, Limits, Schedule, Table


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


class Capabilities(Document):
    """What a device is and can do; one document, read once after connecting.

    Attributes:
        device: Name of the device.
        driver: Name of the driver.
        version: Version of the driver.
        simulated: True if results are not measurements of a physical device.
        source: Where results come from: an instrument's serial number, or what simulates it.
        sign: +1 if a play of phase ``+pi/2`` is a +Y rotation as the schedule says. A driver whose mixers conjugate
            undoes that itself and reports -1 here so that people can check the cabling; the host never conjugates.
        limits: What schedules are checked against.
        settings: What `Run.settings` may hold.
        deterministic: Whether the same schedule, rows, shots and seed give the same bytes.
    """

    device: str
    driver: str
    version: str
    simulated: bool
    source: str
    sign: int = Field(1, ge=-1, le=1)
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


@dataclass(frozen=True, slots=True)
class Run:
    """Play a loaded template for a table of rows.

    Attributes:
        digest: Which template (`Schedule.digest`).
        table: ``rows x slots``.
        shots: Shots per row and sweep point, at least 1.
        first_row: Index of the table's first row within the whole job; with `seed` it lets a simulated device draw the same
            numbers however the job was cut into runs.
        rep_delay_s: Wait after each shot before the next starts, s.
        seed: For simulated devices; None draws one.
        settings: Device settings for this run, keys from `Capabilities.settings`.
    """

    digest: bytes
    table: Table
    shots: int
    first_row: int = 0
    rep_delay_s: float = 0.0
    seed: int | None = None
    settings: Mapping[str, float | int | str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Results of some rows of a run, all of their sweep points and shots.

    Attributes:
        first_row: First row, counted within the run's table.
        rows: Number of rows.
        bits: ``bool[rows, *sweep, shots, n]`` for ``Schedule.columns_returning("bits")``, or None if there are none.
        iq: ``complex64[rows, *sweep, shots, n]``, single shots.
        mean: ``complex64[rows, *sweep, n]``, averaged on the device.
        raw: Column index -> ``complex64[rows, *sweep, shots, samples]``, or without the axis of shots if averaged.
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

    One run at a time. `abort` and `status` may be called from another thread while `run` is being read.
    """

    def capabilities(self) -> Capabilities:
        """What the device is and can do."""

    def load(self, schedule: Schedule) -> None:
        """Keep a template until `close` or until newer ones need the room; loading it again costs nothing.

        Raises:
            ScheduleError: If the device cannot play it.
        """

    def run(self, run: Run) -> Iterator[Chunk]:
        """Play, and yield results as they come, in the order of the rows, without gap or overlap.

        Raises:
            ScheduleError: If the template is not loaded (``must`` says so), or the table does not fit it.
            Cancelled: If `abort` was called.
        """

    def abort(self) -> None:
        """Stop the run, if there is one, at the next safe moment; outputs are silent when this returns or soon after."""

    def status(self) -> Status:
        """How the device is. Must answer promptly, also during a run."""

    def close(self) -> None:
        """Silence all outputs and let go of the instruments. Nothing is called after this."""
