"""What keeps a device calibrated between jobs, as the process that works for the device sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from qpu_bridge.execution.execution import Execution
from qpu_bridge.target import Snapshot


class Gap(Protocol):
    """Time between two jobs."""

    def free(self) -> bool:
        """Whether nobody has the device for themselves."""

    def wanted(self) -> bool:
        """Whether a job waits: give way as soon as something is done."""

    def over(self) -> bool:
        """Whether to stop at once, whatever is going on. Asked from other threads as well."""


class Keeper(Protocol):
    """Looks now and then whether the numbers of a device still hold, and repairs what does not.

    Args:
        folder: In which the device's calibration is kept.
        every_h: How often, in hours of the device's own clock.
        least_qubits: With fewer operational qubits than this, users should not have the device.
        note: Takes lines for whoever runs the bridge.
    """

    def __init__(self, folder: Path, every_h: float, least_qubits: int, note: Callable[[str], None]) -> None: ...

    def hear(self, device_ns: int) -> None:
        """The device's clock says so now, ns."""

    def due(self) -> bool:
        """Whether there may be something to do. Cheap, for it is asked after every job."""

    def keep(self, execution: Execution, snapshot: Snapshot, gap: Gap) -> str | None:
        """Do some of it, as long as the gap lasts.

        Args:
            execution: The road to the device.
            snapshot: The numbers in use.
            gap: Tells when to give way.

        Returns:
            Why users should not have the device, empty if they may; None if nothing new is known.
        """
