"""Keeping a device calibrated in the pauses between its jobs, by what installed packages offer for that."""

from __future__ import annotations

import logging
from collections.abc import Callable

from qpu_bridge import plugins
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.driver import Capabilities, Driver
from qpu_bridge.execution import Execution, Keeper
from qpu_bridge.jobs import Store
from qpu_bridge.jobs.pause import Pause

MODELLED = "emulator"
"""The one driver whose simulated results tell something of its device."""

logger = logging.getLogger(__name__)


class Keeping:
    """Gives pauses to the keepers of a device, tells them its clock, and users what they found.

    Args:
        driver: Of the device.
        device: Which.
        store: Where users are told.
        lost: Told when the driver is lost.
    """

    def __init__(self, driver: Driver, device: RackDevice, store: Store, lost: Callable[[], None]) -> None:
        self._driver = driver
        self._device = device
        self._store = store
        self._lost = lost
        self._device_ns: int | None = None
        self._keepers: list[Keeper] = []
        asked = device.spec.calibration
        if asked.monitor or (asked.monitor is None and _tells(device.capabilities)):
            for keeper in plugins.keepers():
                self._keepers.append(keeper(device.versions.folder, asked.monitor_h, asked.least_qubits, self._note))

    def begin(self, execution: Execution) -> None:
        """A job begins: its clock goes on from what was heard last."""
        execution.device_ns = self._device_ns

    def hear(self, execution: Execution) -> None:
        """A job has ended: what it heard of the device's clock."""
        self._device_ns = execution.device_ns
        if execution.device_ns is not None:
            for keeper in self._keepers:
                keeper.hear(execution.device_ns)

    def __call__(self, pause: Pause) -> None:
        """Use a pause; see `jobs.runner.Between`."""
        for keeper in self._keepers:
            if not keeper.due() or not pause.free():
                continue
            view = self._device.view()
            view.require_trustworthy()
            execution = Execution(self._driver, view.capabilities, lost=self._lost)
            self.begin(execution)
            found = keeper.keep(execution, view.snapshot, pause)
            self._device_ns = execution.device_ns
            if found is not None:
                self._store.devices.unfit(self._device.name, found)

    def _note(self, line: str) -> None:
        logger.info("%s: %s", self._device.name, line)


def _tells(capabilities: Capabilities) -> bool:
    """Whether results tell anything of a device: random numbers would find it broken."""
    return not capabilities.simulated or capabilities.driver == MODELLED
