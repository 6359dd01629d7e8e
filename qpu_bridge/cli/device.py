"""A device of the rack as a process sees it: its snapshot and its capability document, read again when they change."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from qpu_bridge import plugins, settings
from qpu_bridge.cli.private import write_private
from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import DriverLost, NotFound
from qpu_bridge.target import Snapshot
from qpu_bridge.target.beyond import beyond
from qpu_bridge.target.versions import Versions

if TYPE_CHECKING:
    from qpu_bridge.programs import DeviceView

logger = logging.getLogger(__name__)


def read_snapshot(name: str, device: settings.Device) -> Snapshot:
    """What the lab believes of a device; it carries the device's name in the rack.

    Raises:
        SettingsError: If there is no such snapshot, or the file is wrong.
    """
    return plugins.open_snapshot(device.snapshot, name)


@dataclass
class RackDevice:
    """A device as the service shows it and as programs see it.

    The runner's process alone talks to the driver. It writes the capability document into the data folder; others read it there.

    Attributes:
        name: Name in the rack.
        spec: Its table in the rack file.
        folder: The data folder.
        then: A calibration that it keeps to; None for the one in use.
    """

    name: str
    spec: settings.Device
    folder: Path
    then: Snapshot | None = None
    _snapshot: tuple[object, Snapshot] | None = field(default=None, repr=False)
    _capabilities: tuple[object, Capabilities] | None = field(default=None, repr=False)

    @property
    def path(self) -> Path:
        """File of the capability document."""
        return self.folder / f"{self.name}.capabilities.json"

    @property
    def calibration(self) -> settings.Calibration:
        """Who may calibrate it, and how it is kept calibrated."""
        return self.spec.calibration

    @cached_property
    def versions(self) -> Versions:
        """What calibration has found, version by version."""
        return Versions.of(self.folder, self.name)

    @property
    def snapshot(self) -> Snapshot:
        """What the lab believes of it, at this moment: what calibration adopted last, or else the rack's snapshot."""
        if self.then is not None:
            return self.then
        stamp: object = self.versions.stamp
        if stamp is None:
            stamp = _stamp(Path(self.spec.snapshot)) if settings.is_path(self.spec.snapshot) else "built-in"
        if self._snapshot is None or self._snapshot[0] != stamp:
            self._snapshot = (stamp, self.versions.current() or read_snapshot(self.name, self.spec))
        return self._snapshot[1]

    def at(self, calibration_id: str) -> RackDevice:
        """The device as it was believed to be at one of its calibrations.

        Raises:
            NotFound: If it never had it.
        """
        current = self.snapshot.calibration_id
        if calibration_id == current:
            return self
        try:
            return RackDevice(self.name, self.spec, self.folder, self.versions.open(calibration_id))
        except NotFound as error:
            raise NotFound(error.must, given=error.given, where=error.where, remedy=f"Use {current}.") from None

    def before(self, moment: datetime) -> RackDevice | None:
        """The device as it was believed to be at a moment; None if nothing was believed yet."""
        found = self.versions.before(moment)
        if found is None:
            return self if self.snapshot.calibrated_at <= moment else None
        return RackDevice(self.name, self.spec, self.folder, found)

    @property
    def capabilities(self) -> Capabilities:
        """What its driver said last that it can do.

        Raises:
            DriverLost: If it never said so.
        """
        stamp = _stamp(self.path)
        if self._capabilities is None or self._capabilities[0] != stamp:
            try:
                self._capabilities = (stamp, Capabilities.model_validate_json(self.path.read_bytes()))
            except (OSError, ValidationError):
                raise DriverLost("the driver must have answered once", given="it has not yet", where=self.name) from None
        return self._capabilities[1]

    def announce(self, capabilities: Capabilities) -> Capabilities:
        """Write the capability document, whole or not at all.

        Args:
            capabilities: What the driver says.

        Returns:
            What is written, and what everything is checked against from now on: that, within the bounds of the rack file.

        Raises:
            SettingsError: If the bounds do not fit the device.
        """
        where = f"devices.{self.name}.bounds"
        limits = self.spec.bounds.narrow(capabilities.limits, where)
        too_much = list(beyond(self.snapshot, limits))
        if too_much:
            more = f" (and {len(too_much) - 1} more)" if len(too_much) > 1 else ""
            words = "jobs that play what the lines must not are refused: %s%s; calibrate within %s, or widen them"
            logger.warning(words, too_much[0], more, where)
        narrowed = capabilities.model_copy(update={"limits": limits})
        write_private(self.path, narrowed.model_dump_json(indent=1))
        return narrowed

    def announced_since(self, moment_ns: int) -> bool:
        """Whether the driver has spoken since a moment, ns since 1970."""
        stamp = _stamp(self.path)
        return stamp is not None and stamp[0] >= moment_ns

    def view(self) -> DeviceView:
        """The device as programs see it at this moment; it does not change while they look."""
        # the commands that only look at the rack need no Qiskit
        from qpu_bridge.programs import DeviceView

        return DeviceView(self.name, self.snapshot, self.capabilities, self.spec.allow_simulated)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ino)
