"""A device that the package ships: the truth and what the lab believes of it, as two files beside this one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from qpu_bridge.target import Snapshot

if TYPE_CHECKING:
    from qpu_emulator.chip.device import Device

_HERE = Path(__file__).parent
_CALIBRATED = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One such device.

    Attributes:
        name: Of its snapshot; its files are ``NAME_device.json`` and ``NAME_snapshot.json``.
    """

    name: str

    def device(self) -> Device:
        """The hidden truth."""
        # the other processes of a bridge want the snapshot only, and need no compiler
        from qpu_emulator.chip.device import Device

        return Device.read(_HERE / f"{self.name}_device.json")

    def snapshot(self) -> Snapshot:
        """What the lab believes: freshly calibrated."""
        return Snapshot.read(_HERE / f"{self.name}_snapshot.json")

    def make(self, truth: Device) -> None:
        """Write both files."""
        from qpu_emulator.bring_up import solve_snapshot

        truth.write(_HERE / f"{self.name}_device.json")
        solve_snapshot(truth, _CALIBRATED).write(_HERE / f"{self.name}_snapshot.json")
