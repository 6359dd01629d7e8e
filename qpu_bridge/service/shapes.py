"""Shapes of requests and answers, as `/openapi.json` publishes them. Answers may hold more than is promised here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=86)]], Field(max_length=8)]
Word = Annotated[str, Field(min_length=1, max_length=64)]


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="allow")


class Problem(Shape):
    """One thing that is wrong."""

    code: int | str
    message: str
    solution: str
    more_info: str


class Said(Shape):
    """The same once more, where the client looks for it."""

    code: int | str
    message: str


class Refusal(Shape):
    """Any error."""

    errors: Annotated[list[Problem], Field(min_length=1)]
    trace: str
    error: Said


class IdentityRefusal(Shape):
    """An error of the identity endpoint, which has a form of its own."""

    errorCode: str  # noqa: N815  the client's name
    errorMessage: str  # noqa: N815


class KeyExchange(BaseModel):
    """A form: an API key for an access token."""

    grant_type: Literal["urn:ibm:params:oauth:grant-type:apikey"]
    apikey: str


class Access(Shape):
    """An access token."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    expiration: int


class Found(Shape):
    """Instances that a token opens."""

    items: list[dict[str, Any]]


class DeviceStatus(Shape):
    """How a device is, in one word."""

    name: Literal["online", "paused", "offline"]
    reason: str | None = None


class Device(Shape):
    """A device."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)
    name: str
    status: DeviceStatus
    queue_length: int
    qubits: int
    kind: Literal["real", "mock"] = Field(alias="class")


class Devices(Shape):
    """All devices."""

    devices: list[Device]


class Configuration(Shape):
    """What a device can do, and its limits."""

    backend_name: str
    backend_version: str
    n_qubits: int
    basis_gates: list[str]
    gates: list[dict[str, Any]]
    coupling_map: list[Annotated[list[int], Field(min_length=2, max_length=2)]]
    simulator: bool
    local: bool
    conditional: bool
    open_pulse: bool
    memory: bool
    max_shots: int
    max_experiments: int
    online_date: datetime


class Properties(Shape):
    """Calibrated numbers; an empty object if there are none so old."""

    backend_version: str | None = None
    last_update_date: datetime | None = None
    qubits: list[list[dict[str, Any]]] | None = None
    gates: list[dict[str, Any]] | None = None
    general: list[dict[str, Any]] | None = None


class BackendStatus(Shape):
    """How a device is, as a single client reads it."""

    state: bool
    status: str
    message: str
    length_queue: int
    backend_version: str


class JobRequest(BaseModel):
    """A job to be done."""

    program_id: Word
    backend: Word
    params: dict[str, Any]
    tags: Tags | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] | None = None
    cost: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    session_id: Annotated[str, Field(max_length=36)] | None = None
    private: bool | None = None
    calibration_id: str | None = None


class Accepted(Shape):
    """The job is on the disk."""

    id: str
    backend: str


class JobState(Shape):
    """Where a job is, and why."""

    status: Literal["Queued", "Running", "Completed", "Cancelled", "Failed"]
    reason: str | None = None
    reason_code: int | None = None
    reason_solution: str | None = None


class Program(Shape):
    """What a job does."""

    id: str


class Job(Shape):
    """A job."""

    id: str
    backend: str
    program: Program
    created: datetime
    status: str
    state: JobState
    cost: int | None = None
    tags: list[str]


class JobPage(Shape):
    """One page of a list."""

    jobs: list[Job]
    count: int
    limit: int
    offset: int


class Timestamps(Shape):
    """When a job was where."""

    created: datetime
    running: datetime | None
    finished: datetime | None


class Charge(Shape):
    """Device time, s."""

    qpu_charge_time_seconds: float
    status: Literal["pending", "complete"]


class JobMetrics(Shape):
    """What a job took."""

    timestamps: Timestamps
    usage: Charge


class Retagging(BaseModel):
    """New tags."""

    tags: Tags


class KnownTags(Shape):
    """Tags on the caller's jobs."""

    tags: list[str]


class Tensor(Shape):
    """An array: base 64 of zlib of its bytes, little-endian, in C order, bits packed eight to a byte."""

    data: str
    shape: list[int]
    dtype: str


class FinishedRows(Shape):
    """Some rows of an item of a running job: arrays by register, the axis of rows first."""

    item: int
    shape: list[int]
    first_row: int
    rows: int
    start: str
    stop: str
    results: dict[str, Tensor]


class InterimResults(Shape):
    """Rows of a running job that are finished; `from_start` is false if those before an event id are left out."""

    id: str
    state: str
    attempt: int
    from_start: bool
    parts: list[FinishedRows]
    last_event_id: str | None


class Period(Shape):
    """A span of time."""

    start_time: datetime
    end_time: datetime


class Usage(Shape):
    """Device time that was used."""

    instance_id: str
    plan_id: str
    usage_period: Period
    usage_consumed_seconds: float
    usage_limit_reached: bool
    usage_limit_seconds: float | None = None


class Session(Shape):
    """A session or a batch."""

    id: str
    backend_name: str
    mode: Literal["dedicated", "batch"]
    state: Literal["open", "active", "inactive", "pending_inactive", "pending_closed", "closed"]
    accepting_jobs: bool


class Workloads(Shape):
    """One page of sessions, batches and single jobs."""

    workloads: list[dict[str, Any]]
    total_count: int
