"""What is kept of the calibration of a device of the rack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.rack import open_folder, read_rack
from qpu_bridge.errors import SettingsError
from qpu_bridge.settings import Rack
from qpu_bridge.target import Snapshot
from qpu_bridge.target.versions import Versions

if TYPE_CHECKING:
    from qpu_calibration.ledger import Ledger


@dataclass(frozen=True)
class Shelf:
    """What is kept of a device's calibration.

    Attributes:
        rack: The rack file.
        device: The device in it.
        versions: Its snapshots.
    """

    rack: Rack
    device: RackDevice
    versions: Versions

    @classmethod
    def open(cls, path: Path | None, name: str | None) -> Shelf:
        """Of a device by name; of the only one, without.

        Raises:
            SettingsError: If the rack file is not usable, or has no such device, or several and none is named.
        """
        rack = read_rack(path)
        if name is None and len(rack.devices) == 1:
            (name,) = rack.devices
        if name is None or name not in rack.devices:
            raise SettingsError(
                f"the device must be one of {', '.join(rack.devices)}", given=name or "none", remedy="Say --device."
            )
        folder = open_folder(rack)
        return cls(rack, RackDevice(name, rack.devices[name], folder), Versions.of(folder, name))

    def ledger(self) -> Ledger:
        """What is known of the routines' numbers."""
        # the routines take longer to import than all that looks at versions
        from qpu_calibration.ledger import LEDGER, Ledger

        return Ledger(self.versions.folder / LEDGER)

    def current(self) -> Snapshot:
        """The version in use; what the rack file names becomes the first one."""
        return self.versions.found(self.device.snapshot)

    def version(self, name: str) -> Snapshot:
        """A version by its name or its number; ``current``, and ``previous``, the one before."""
        return self.versions.open(self.named(name))

    def named(self, name: str) -> str:
        """The calibration id of a version.

        Raises:
            SettingsError: If there is none.
        """
        self.current()
        history = self.versions.history()
        if name == "current":
            return history[0].calibration_id
        if name == "previous" and len(history) > 1:
            return history[1].calibration_id
        for known in history:
            if name in (known.calibration_id, str(known.number)):
                return known.calibration_id
        numbers = f"0 to {history[0].number}"
        raise SettingsError(f"a version must be a calibration's name, its number ({numbers}), current or previous", given=name)
