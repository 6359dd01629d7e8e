"""What a program may know of the device before it runs."""

from __future__ import annotations

from dataclasses import dataclass

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import SettingsError
from qpu_bridge.target import Snapshot

HONEST_SIMULATORS = ("emulator", "loopback")
"""Drivers that exist to simulate; any other driver that answers with invented data is a rack that is not connected."""


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device as programs see it.

    Attributes:
        name: Name of the device.
        snapshot: What the lab believes of the machine.
        capabilities: What the driver says it can do.
        allow_simulated: Whether simulated results may be returned; None allows them from the emulator and loopback only.
        dry_run: Whether results are random numbers that only have the right shape: what nothing can be learned from.
    """

    name: str
    snapshot: Snapshot
    capabilities: Capabilities
    allow_simulated: bool | None = None
    dry_run: bool = False

    def require_trustworthy(self) -> None:
        """Refuse to let a vendor's dummy data pass as a measurement.

        Raises:
            SettingsError: If results would be simulated and that is not allowed.
        """
        allowed = self.allow_simulated
        if allowed is None:
            allowed = self.capabilities.driver in HONEST_SIMULATORS
        if self.capabilities.simulated and not allowed:
            raise SettingsError(
                f"device {self.name} must return measurements, but its driver simulates them",
                given=self.capabilities.source,
                remedy=f"Connect the instruments, or set allow_simulated = true under [devices.{self.name}] in the rack file.",
            )
