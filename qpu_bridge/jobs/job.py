"""A job, its owner, and what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from qpu_bridge.jobs.opening import Opening
from qpu_bridge.jobs.states import State


@dataclass(frozen=True, slots=True)
class Owner:
    """Who may see a job: a user within an instance."""

    user: str
    instance: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks for.

    Attributes:
        program_id: Which program.
        backend: Which device.
        params: JSON text of the parameters, exactly as received.
        tags: Words to find it by.
        log_level: Lines below this level are not kept.
        cost: Longest device time, s; None for no limit.
        calibration_id: The calibration that the user counts on, if any.
        session_id: The session or batch it belongs to, if any.
        opening: A session to open for it, if it starts one.
        private: Whether its parameters are never shown and its result is given out once.
        estimate_s: How long its compiled pulses take, times shots, if known, s.
        key: The user's own name for this request; the same key never makes a second job.
        digest: Hash of the whole body, to recognise a repeated request.
        caller: The part of the client's library that asks, as it says itself.
        qiskit_version: The client's version of Qiskit, as it says itself.
    """

    program_id: str
    backend: str
    params: bytes
    tags: tuple[str, ...] = ()
    log_level: str = "WARNING"
    cost: int | None = None
    calibration_id: str | None = None
    session_id: str | None = None
    opening: Opening | None = None
    private: bool = False
    estimate_s: float | None = None
    key: str | None = None
    digest: bytes = b""
    caller: str | None = None
    qiskit_version: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the store knows it; parameters, result and log are read apart, for they may be large.

    Attributes:
        number: Order of acceptance.
        id: Its public name.
        owner: Who may see it.
        program_id: Which program.
        backend: Which device.
        state: Where it is.
        reason: Why it ended as it did.
        reason_code: Stable number of the reason.
        solution: What to do about it.
        tags: Words to find it by.
        log_level: Lines below this level are not kept.
        cost: Longest device time, s.
        calibration_id: The calibration that the user counts on.
        session_id: The session or batch it belongs to, if any.
        private: Whether its parameters are never shown and its result is given out once.
        priority: Jobs of a higher number go first; 0 unless an administrator said otherwise.
        estimate_s: How long it will take the device, as far as known, s.
        seed: Everything random in it is drawn from this; drawn when its first run starts.
        driver_deaths: How often its driver died while it ran.
        created: When it was accepted, UTC.
        running: When its last run started.
        finished: When it ended.
        attempts: How many runs were started.
        cancel_requested: Whether somebody wants it stopped.
        usage_s: Device time used so far, s.
        caller: The part of the client's library that asked, as it said itself.
        qiskit_version: The client's version of Qiskit, as it said itself.
    """

    number: int
    id: str
    owner: Owner
    program_id: str
    backend: str
    state: State
    reason: str | None
    reason_code: int | None
    solution: str | None
    tags: tuple[str, ...]
    log_level: str
    cost: int | None
    calibration_id: str | None
    session_id: str | None
    private: bool
    priority: int
    estimate_s: float | None
    seed: int | None
    driver_deaths: int
    created: datetime
    running: datetime | None
    finished: datetime | None
    attempts: int
    cancel_requested: bool
    usage_s: float
    caller: str | None
    qiskit_version: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a job did not complete: a sentence, a stable number, what to do."""

    text: str
    code: int
    solution: str = ""


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970, as times are stored: integers sort and compare the same in every database."""
    difference = moment - EPOCH
    return (difference.days * 86_400 + difference.seconds) * 1_000_000 + difference.microseconds


def from_microseconds(number: int) -> datetime:
    """The inverse of `to_microseconds`."""
    seconds, microseconds = divmod(number, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
