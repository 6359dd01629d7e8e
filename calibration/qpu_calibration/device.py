"""A device of the rack, for a while with its driver, for who calibrates by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event

from qpu_bridge.cli.connection import Connection
from qpu_bridge.cli.rack import open_store, running_url
from qpu_bridge.errors import Cancelled, OperatorError
from qpu_bridge.execution import Execution
from qpu_bridge.jobs import Store
from qpu_bridge.jobs.turns import Turn
from qpu_bridge.rounds import rounds
from qpu_calibration.archive import Archive
from qpu_calibration.bench import Bench
from qpu_calibration.figures import Figures
from qpu_calibration.shelf import Shelf

BEAT_S = 1.0
"""How often somebody who calibrates by hand looks whether the device is still theirs, s."""


@contextmanager
def bench(
    shelf: Shelf,
    arrived: Callable[[], Connection],
    *,
    seed: int | None,
    cancelled: Callable[[], bool],
    figures: Figures | None,
) -> Iterator[Bench]:
    """Have a device for oneself, with a driver process of one's own.

    Args:
        shelf: Of the device.
        arrived: Lets its driver's process begin, and waits for it (`connection.coming_up`).
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
        driver, supervisor = arrived()
        if supervisor is not None:
            # before the next one has its turn
            held.callback(supervisor.stop)
        held.callback(driver.close)
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
