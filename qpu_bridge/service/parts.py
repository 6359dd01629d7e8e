"""What the routes are given: the store, the devices, and the question whether a program may run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from qpu_bridge.driver import Capabilities
from qpu_bridge.jobs import Owner, Store
from qpu_bridge.service.aside import Aside
from qpu_bridge.service.limits import JobLimits
from qpu_bridge.service.secret import Signer
from qpu_bridge.service.turns import Turns
from qpu_bridge.settings import Calibration
from qpu_bridge.target import Snapshot

REPEAT_S = 60.0
"""For how long after a start a repeated request is given the job whose acceptance nobody was told of, s."""


class Device(Protocol):
    """A device as the service shows it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def snapshot(self) -> Snapshot:
        """What the lab believes of it."""

    @property
    def capabilities(self) -> Capabilities:
        """What its driver can do."""

    @property
    def calibration(self) -> Calibration:
        """Who may calibrate it."""

    def at(self, calibration_id: str) -> Device:
        """The device at one of its calibrations; `errors.NotFound` if it never had it."""

    def before(self, moment: datetime) -> Device | None:
        """The device as it was at a moment; None if nothing was known of it then."""


Check = Callable[[str, str, Any], float | None]
"""``check(program_id, params_text, device)`` raises `errors.CallerError` if the program cannot run.

It says how long the program would keep the device, s; None if that is not known.
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes are given.

    Attributes:
        store: Jobs, tokens, conditions of devices.
        devices: By name.
        check: Whether a program may run; called in a thread.
        signer: Makes and reads access tokens.
        limits: What a job may ask for.
        configuration: What a device tells of itself.
        properties: Its calibrated numbers.
        lost: Jobs and sessions made by a process that died before it could say so: owner and digest of the body -> id.
        started_s: When this process started, on the monotonic clock.
        checks: A few checks at once, so that polls are answered meanwhile, and never all of one owner.
        aside: Does what blocks.
    """

    store: Store
    devices: Mapping[str, Device]
    check: Check
    signer: Signer
    limits: JobLimits
    configuration: Callable[[Snapshot, Capabilities], dict[str, Any]]
    properties: Callable[[Snapshot], dict[str, Any]]
    lost: dict[tuple[Owner, bytes], str]
    started_s: float = field(default_factory=time.monotonic)
    checks: Turns = field(default_factory=lambda: Turns(4))
    aside: Aside = field(default_factory=Aside)

    def repeated(self, owner: Owner, digest: bytes) -> str | None:
        """The job or session that this very request already made, if its first answer was lost."""
        if time.monotonic() - self.started_s > REPEAT_S:
            self.lost.clear()
        return self.lost.pop((owner, digest), None)
