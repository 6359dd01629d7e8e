"""The rack file: where the bridge listens and which devices stand behind it. TOML, checked before anything starts."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Bounds, LineBounds
from qpu_bridge.telemetry.logs import LogFormat

MOCK = "mock_"
"""Begin of the name under which the client's dry run looks for a device."""


def dry_run_names(names: Iterable[str]) -> dict[str, str]:
    """Name for dry runs -> device; of several devices that would have the same one, the first."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(MOCK + name.partition("_")[2], name)
    return found


def _not_a_mock(name: str) -> str:
    if name.startswith(MOCK):
        raise ValueError("a device's name must not start with mock_, which names its dry-run sibling")
    return name


DeviceName = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9]+_[A-Za-z0-9_]+$", max_length=48), AfterValidator(_not_a_mock)]
"""Name of a device. The client's dry run replaces the part before the first underscore by ``mock``: hence the underscore."""

LONGEST_SOCKET_PATH = 107
"""Bytes of a Unix socket's path, from ``sun_path`` in unix(7) without its final zero."""


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/qpu-bridge``, or ``~/.local/share/qpu-bridge``."""
    root = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(root) / "qpu-bridge"


class Table(BaseModel):
    """A table of the rack file: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Table):
    """``[bridge.limits]``: what nobody may exceed. Administrators set other quotas for a user or an instance.

    Attributes:
        pending_jobs: Jobs of one user that wait or run; None for no limit.
        instance_pending_jobs: Jobs of one instance that wait or run.
        seconds: Device time of one user in 28 days, s.
        instance_seconds: Device time of one instance in 28 days, s.
        session_seconds: Longest time of a session or batch from its first job to its end, s; also what it has unless it asks for
            less.
        session_active_seconds: Longest time that a session may have the device in one go, s; None for as long as it lasts.
        session_idle_seconds: How long a session has the device while none of its jobs runs, unless it asks for another time, s.
        session_longest_idle_seconds: What it may ask for, s.
        batch_turn_seconds: For how long the device prefers the jobs of one batch, s.
    """

    pending_jobs: int | None = Field(5000, ge=1)
    instance_pending_jobs: int | None = Field(None, ge=1)
    seconds: float | None = Field(None, ge=0)
    instance_seconds: float | None = Field(None, ge=0)
    session_seconds: int = Field(8 * 3600, ge=1, le=28 * 86_400)
    session_active_seconds: int | None = Field(None, ge=1)
    session_idle_seconds: int = Field(60, ge=1)
    session_longest_idle_seconds: int = Field(900, ge=1)
    batch_turn_seconds: int = Field(300, ge=1)

    @model_validator(mode="after")
    def _idle_within_its_limit(self) -> Self:
        if self.session_idle_seconds > self.session_longest_idle_seconds:
            raise ValueError("session_idle_seconds must not be more than session_longest_idle_seconds")
        return self


class Retention(Table):
    """``[bridge.retention]``: how long ended jobs are kept, in days since they ended; without a number, until they are deleted.

    What private jobs were asked and answered goes sooner. Device time stays on its account.

    Attributes:
        parameters_days: What was asked.
        results_days: What came out.
        logs_days: What was noted meanwhile.
        jobs_days: The jobs themselves, with all of these.
    """

    parameters_days: float | None = Field(None, gt=0, le=36_500)
    results_days: float | None = Field(None, gt=0, le=36_500)
    logs_days: float | None = Field(None, gt=0, le=36_500)
    jobs_days: float | None = Field(None, gt=0, le=36_500)


class Bridge(Table):
    """``[bridge]``: the HTTP face and where things are kept.

    Attributes:
        host: Address to listen on; loopback unless TLS or ``plain_http_off_loopback`` is given.
        port: TCP port; 0 takes a free one.
        data_dir: Folder of the job store, the secret and the local sockets.
        database: URL of a PostgreSQL database for the job store, ``postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE``; None
            for a SQLite file in the data folder. A password may stand in ``~/.pgpass`` instead.
        retention: How long ended jobs are kept.
        max_body_bytes: Largest body of a submitted job.
        max_result_bytes: Largest result of a job that is stored.
        default_execution_s: Device time after which a job ends that names no ``max_execution_time``, s.
        max_execution_s: Longest ``max_execution_time`` that a job may name, s.
        token_days: After how many days a new token ends by itself, unless its maker says otherwise; None for never.
        log_format: Form of log lines: ``plain`` for people, ``json`` for machines.
        limits: What nobody may exceed.
        tls_certificate: PEM file of the certificate chain.
        tls_key: PEM file of the private key.
        plain_http_off_loopback: True says that somebody else encrypts (a proxy, a tunnel) and that this was thought about.
    """

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    data_dir: Path = Field(default_factory=default_data_dir)
    database: str | None = Field(None, pattern=r"^postgresql(\+psycopg)?://", repr=False)
    retention: Retention = Field(default_factory=Retention)
    max_body_bytes: int = Field(64 * 2**20, ge=1024)
    max_result_bytes: int = Field(900 * 2**20, ge=1024, le=900 * 2**20)
    default_execution_s: int = Field(3 * 3600, ge=1)
    max_execution_s: int = Field(8 * 3600, ge=1, lt=2**31)
    token_days: float | None = Field(None, gt=0, le=36_500)
    log_format: LogFormat = LogFormat.PLAIN
    limits: Limits = Field(default_factory=Limits)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    plain_http_off_loopback: bool = False

    @model_validator(mode="after")
    def _default_within_the_most(self) -> Self:
        if self.default_execution_s > self.max_execution_s:
            raise ValueError(
                f"default_execution_s must be at most max_execution_s; got {self.default_execution_s} and {self.max_execution_s}"
            )
        return self

    @model_validator(mode="after")
    def _encrypted_or_local(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key must be given together")
        if self.tls_certificate is None and not self.plain_http_off_loopback and not is_loopback(self.host):
            raise ValueError(
                f"a host that leaves this machine must have tls_certificate and tls_key, or plain_http_off_loopback = true;"
                f" got host {self.host!r} with neither"
            )
        return self


class Calibration(Table):
    """``[devices.NAME.calibration]``: who may calibrate a device, and how it is kept calibrated between jobs.

    Attributes:
        by: Who may submit a job of the program ``calibrate``: ``sessions``: users in a dedicated session of theirs, and
            administrators; ``administrators``: only they.
        monitor: Whether the bridge looks by itself whether the numbers still hold, and repairs what does not; None: where results
            are measured, or emulated.
        monitor_h: How often, in hours of the device's own clock; up to ten times as often where something is seen to drift.
        pause_s: How long a job may wait at most because of that, s.
        least_qubits: With fewer operational qubits than this the device is paused; 0 for never.
    """

    by: Literal["sessions", "administrators"] = "sessions"
    monitor: bool | None = None
    monitor_h: float = Field(1.0, gt=0, le=10_000)
    pause_s: float = Field(60.0, gt=0, le=3600)
    least_qubits: int = Field(1, ge=0)


class Device(Table):
    """``[devices.NAME]``: a device and the driver that plays it.

    Attributes:
        driver: Entry point in the group ``qpu_bridge.drivers``.
        snapshot: Built-in snapshot by name, or a path.
        endpoint: ZeroMQ endpoint of the driver's process; None is a local socket in the data folder.
        options: What the driver wants to know. Which of it are paths only the driver knows: a text that begins with ``./`` or
            ``../`` is one, relative to the file; any other path is relative to where the bridge is started.
        allow_simulated: Whether results that no physical device measured may be returned; None allows them from the emulator and
            loopback only, which exist to simulate.
        supervised: Whether the bridge starts and watches the driver's process; False for one that runs elsewhere.
        own_key: The bridge's secret key file, for an endpoint that leaves this machine.
        driver_key: The driver's public key file.
        bounds: What may be played on its lines at most, of what the driver says they can do; whoever asks.
        calibration: Who may calibrate it, and how it is kept calibrated.
    """

    driver: str = Field(min_length=1)
    snapshot: str = Field("five", min_length=1)
    endpoint: str | None = Field(None, pattern="^(ipc|tcp|inproc)://.+")
    options: dict[str, Any] = Field(default_factory=dict)
    allow_simulated: bool | None = None
    supervised: bool = True
    own_key: Path | None = None
    driver_key: Path | None = None
    bounds: Bounds = Bounds()
    calibration: Calibration = Field(default_factory=Calibration)

    @model_validator(mode="after")
    def _both_keys_and_a_place(self) -> Self:
        if (self.own_key is None) != (self.driver_key is None):
            raise ValueError("own_key and driver_key must be given together")
        if not self.supervised and self.endpoint is None:
            raise ValueError("a driver that the bridge does not start must have an endpoint")
        return self


class Rack(Table):
    """The whole file.

    Attributes:
        bridge: The HTTP face.
        devices: By name; without any, one emulated device of five qubits.
    """

    bridge: Bridge = Field(default_factory=Bridge)
    devices: dict[DeviceName, Device] = Field(default_factory=lambda: {"emu_five": Device(driver="emulator")}, min_length=1)

    @classmethod
    def read(cls, path: Path) -> Rack:
        """Read a rack file; paths in it are relative to its folder.

        Raises:
            SettingsError: With the file and the field that is wrong.
        """
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError("the rack file must be readable", given=error.strerror, where=str(path)) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError("the rack file must be TOML", given=str(error), where=str(path)) from None
        rack = cls.from_document(document, where=str(path))
        return rack._relative_to(path.resolve().parent)

    @classmethod
    def from_document(cls, document: dict[str, Any], *, where: str = "rack") -> Rack:
        """Check plain data.

        Raises:
            SettingsError: Naming ``where`` and each field that is wrong.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            text = "; ".join(_said(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors())
            raise SettingsError("the rack file must follow its schema", given=text, where=where) from None

    def endpoint(self, device: str) -> str:
        """Where the driver of a device listens.

        Raises:
            SettingsError: If there is no such device, or its local socket's path is too long for the operating system.
        """
        if device not in self.devices:
            names = ", ".join(sorted(self.devices))
            raise SettingsError("the device must be in the rack", given=device, where="devices", remedy=f"Available: {names}.")
        given = self.devices[device].endpoint
        if given is not None:
            return given
        path = self.bridge.data_dir.absolute() / f"{device}.ipc"
        if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
            raise SettingsError(
                f"a local socket's path must have at most {LONGEST_SOCKET_PATH} bytes",
                given=str(path),
                where=f"devices.{device}.endpoint",
                remedy="Choose a shorter data_dir, or name an endpoint.",
            )
        return f"ipc://{path}"

    def _relative_to(self, folder: Path) -> Rack:
        bridge = self.bridge
        moved = {
            field: folder / path.expanduser()
            for field in ("data_dir", "tls_certificate", "tls_key")
            if (path := getattr(bridge, field)) is not None
        }
        devices = {name: device.model_copy(update=_files_relative_to(folder, device)) for name, device in self.devices.items()}
        return self.model_copy(update={"bridge": bridge.model_copy(update=moved), "devices": devices})


def _files_relative_to(folder: Path, device: Device) -> dict[str, Any]:
    moved: dict[str, Any] = {
        field: folder / path.expanduser() for field in ("own_key", "driver_key") if (path := getattr(device, field)) is not None
    }
    if is_path(device.snapshot):
        moved["snapshot"] = str(folder / Path(device.snapshot).expanduser())
    return moved | {"options": _texts_relative_to(folder, device.options)}


def _texts_relative_to(folder: Path, option: Any) -> Any:
    """An option, with all in it that says to be a path relative to the file."""
    if isinstance(option, dict):
        return {name: _texts_relative_to(folder, part) for name, part in option.items()}
    if isinstance(option, list):
        return [_texts_relative_to(folder, part) for part in option]
    return str(folder / option) if isinstance(option, str) and option.startswith(("./", "../")) else option


def _said(place: tuple[int | str, ...], kind: str, message: str) -> str:
    """One fault of a rack file: the field, and what it must be in words that its author can use."""
    field = ".".join(str(part) for part in place if part != "[key]") or "file"
    table: type[BaseModel] = Rack if len(place) < 2 else Device
    if place[0] == "bridge" and len(place) > 1:
        inner: dict[int | str, type[Table]] = {"limits": Limits, "retention": Retention}
        table = inner.get(place[1], Bridge) if len(place) > 2 else Bridge
    elif len(place) > 3 and place[2] == "calibration":
        table = Calibration
    elif len(place) > 3 and place[2] == "bounds":
        table = Bounds if len(place) == 4 else LineBounds
    if kind == "extra_forbidden":
        return f"{field}: unknown; the keys here are {', '.join(table.model_fields)}"
    if kind == "string_pattern_mismatch" and place[-1] == "[key]":
        return f"{field}: a device's name must be letters, digits and an underscore that is not the first, such as lab_one"
    return f"{field}: {message}"


def is_path(snapshot: str) -> bool:
    """Whether a snapshot is named by a path rather than by a built-in name."""
    return "/" in snapshot or snapshot.endswith(".json")


def is_loopback(host: str) -> bool:
    """Whether packets to this address stay on the machine; names other than ``localhost`` are not looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
