"""What a running program is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from qpu_bridge.errors import Cancelled
from qpu_bridge.execution import Execution
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.finished import Forgetful, Notebook


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a program may use while it runs.

    Attributes:
        device: The device.
        execution: The road to it; counts the device time used.
        seed: Everything random in the job is drawn from it; results name it.
        log: Takes lines for the job's log.
        cancelled: Whether somebody wants the job to stop; asked from other threads as well.
        progress: Told (rows done, rows in all) as results come.
        notebook: Keeps finished rows, and knows those of a run that was lost.
        user: Who asked for the job.
        calibration: Folder in which the device's calibration is kept, for programs that change it; None if there is none.
    """

    device: DeviceView
    execution: Execution
    seed: int
    log: Callable[[str], None] = field(default=lambda line: None)
    cancelled: Callable[[], bool] = field(default=lambda: False)
    progress: Callable[[int, int], None] = field(default=lambda done, total: None)
    notebook: Notebook = field(default_factory=Forgetful)
    user: str = ""
    calibration: Path | None = None

    def go_on(self) -> None:
        """Ask whether to go on; done between steps that take long without the device.

        Raises:
            Cancelled: If somebody wants the job to stop.
        """
        if self.cancelled():
            raise Cancelled("the work was cancelled")
