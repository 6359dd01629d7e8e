"""A device of the rack as the commands of calibration see it: its versions, its data, and for a while its driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from qpu_bridge.cli.connection import connected
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.rack import open_folder, open_store, read_rack, running_url
from qpu_bridge.errors import Cancelled, OperatorError, SettingsError
from qpu_bridge.execution import Execution
from qpu_bridge.jobs import Store
from qpu_bridge.jobs.turns import Turn
from qpu_bridge.rounds import rounds
from qpu_bridge.settings import Rack
from qpu_bridge.target import Snapshot
from qpu_bridge.target.versions import Versions
from qpu_calibration.archive import Archive
from qpu_calibration.bench import Bench
from qpu_calibration.figures import Figures
from qpu_calibration.ledger import LEDGER, Ledger

BEAT_S = 1.0
"""How often somebody who calibrates by hand looks whether the device is still theirs, s."""


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


@contextmanager
def bench(shelf: Shelf, *, seed: int | None, cancelled: Callable[[], bool], figures: Figures | None) -> Iterator[Bench]:
    """Have a device for oneself, with a driver process of one's own.

    Args:
        shelf: Of the device.
        seed: For simulated devices.
        cancelled: Asked while the device is busy; True stops it.
        figures: Draws figures; None for none.

    Raises:
        OperatorError: If a bridge works for the device, or takes it while the database is away; if the driver does not come up,
            or its results are no measurements.
    """
    with ExitStack() as held:
        store = open_store(shelf.rack)
        held.callback(store.close)
        lost = held.enter_context(_alone(store, shelf))
        driver, _ = held.enter_context(connected(shelf.rack, shelf.device))
        capabilities = shelf.device.announce(driver.capabilities())
        shelf.device.view().require_trustworthy()
        yield Bench(
            Execution(driver, capabilities),
            shelf.current(),
            shelf.versions,
            Archive(shelf.versions.folder, figures),
            seed=seed,
            cancelled=lambda: lost() or cancelled(),
            figures=figures is not None,
        )


@contextmanager
def _alone(store: Store, shelf: Shelf) -> Iterator[Callable[[], bool]]:
    """Have the device's turn. Yields whether somebody else has taken it; what is cancelled for that ends as refused."""
    name, gone = shelf.device.name, Event()
    with ExitStack() as held:
        try:
            mine = held.enter_context(Turn(store, name, gone, patience_s=0.0))
        except OperatorError:
            raise _refusal(shelf, f"a bridge or another calibration works for {name}") from None

        def look() -> None:
            if not mine.keep():
                gone.set()

        held.enter_context(rounds(f"turn at {name}", look, BEAT_S))
        try:
            yield gone.is_set
        except Cancelled:
            if gone.is_set():
                raise _refusal(shelf, f"another one took {name} while the database was away") from None
            raise


def _refusal(shelf: Shelf, given: str) -> OperatorError:
    return OperatorError(
        "a device must not be calibrated beside its jobs",
        given=given,
        where=running_url(shelf.rack) or str(shelf.rack.bridge.data_dir),
        remedy="Stop it for the time being; jobs that wait stay in the queue.",
    )
