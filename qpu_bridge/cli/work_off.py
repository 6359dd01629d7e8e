"""What the process of a runner does: a driver, the queue of its device, and programs."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module

from qpu_bridge.cli.connection import Connection
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.dry_run import dry_runs
from qpu_bridge.cli.hang import free
from qpu_bridge.cli.keeping import Keeping
from qpu_bridge.cli.rack import open_store
from qpu_bridge.driver import Driver, State
from qpu_bridge.errors import BridgeError, DriverLost
from qpu_bridge.execution import Execution
from qpu_bridge.jobs import Job, Run, Runner, Store, Work
from qpu_bridge.jobs.runner import BEAT_S
from qpu_bridge.rounds import rounds
from qpu_bridge.settings import Rack
from qpu_bridge.transport import Supervisor
from qpu_bridge.transport.supervisor import Phase

LOOK_S = 1.0
"""How often the driver is asked how it is, s."""

POLL_S = 0.002
"""How often to look for new jobs, s. A look is one pragma: it costs some microseconds."""

DRY_POLL_S = 0.05
"""The same for dry runs, which nobody waits for as eagerly, s."""

PATIENCE_S = 15.0
"""How long to wait for a runner of a bridge that was killed, which is about to notice and to put its job back, s."""

logger = logging.getLogger(__name__)


def work_off(rack: Rack, mine: RackDevice, arrived: Callable[[], Connection]) -> None:
    """Work off the queue of a device until the process is told to stop; a running job then goes back to the queue.

    Args:
        rack: What it stands in.
        mine: The device.
        arrived: Waits for its driver.

    Raises:
        OperatorError: If the driver does not come up, or another runner works for the device.
    """
    name = mine.name
    with ExitStack() as held:
        store = open_store(rack)
        held.callback(store.close)
        with _said(store, name):
            driver, supervisor = arrived()
            capabilities = driver.capabilities()
        alive = partial(store.devices.beat, name, f"{os.getpid()} starts")
        alive()
        # from here on users come, who must not be told that nobody works for the device
        mine.announce(capabilities)
        with rounds(f"first heartbeats of {name}", alive, BEAT_S):
            # not before, or the driver would have to share the processors with it; the process that checks jobs has it first
            import_module("qpu_bridge.programs.catalog")
        keeping = Keeping(driver, mine, store, lambda: free(driver, supervisor))
        work = Runner(
            store,
            name,
            _run_on(driver, mine, supervisor, keeping),
            poll_s=POLL_S,
            max_result_bytes=rack.bridge.max_result_bytes,
            patience_s=PATIENCE_S,
            between=keeping,
            pause_s=mine.spec.calibration.pause_s,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: work.stop())

        tell = _told(driver, store, name)

        def look() -> None:
            if _failed(supervisor):
                work.stop()
            tell()

        held.enter_context(rounds(f"condition of {name}", look, LOOK_S))
        held.enter_context(dry_runs(rack, mine, store, poll_s=DRY_POLL_S))
        # what was imported stays; going through it again and again would cost more than a small job
        gc.freeze()
        work.serve()
        if _failed(supervisor):
            # whoever started this process starts it again, after a while
            raise DriverLost("the driver's process must stay alive", given="it died again and again", where=name)


def _failed(supervisor: Supervisor | None) -> bool:
    return supervisor is not None and supervisor.phase is Phase.FAILED


def _run_on(driver: Driver, device: RackDevice, supervisor: Supervisor | None, keeping: Keeping) -> Run:
    from qpu_bridge import programs

    def run(job: Job, work: Work) -> str:
        # a job keeps to the calibration that its user counts on
        view = (device if job.calibration_id is None else device.at(job.calibration_id)).view()
        view.require_trustworthy()

        def lost() -> None:
            free(driver, supervisor)
            work.driver_died()

        execution = Execution(driver, view.capabilities, usage_limit_s=work.allowance_s, lost=lost)
        keeping.begin(execution)
        work.meter(lambda: execution.usage_seconds)
        context = programs.Context(
            device=view,
            execution=execution,
            # the queue draws it when the job starts for the first time
            seed=secrets.randbits(63) if job.seed is None else job.seed,
            log=work.note,
            cancelled=work.cancelled,
            notebook=work.notebook,
            user=job.owner.user,
            calibration=device.versions.folder,
        )
        try:
            return programs.run(job.program_id, work.params, context)
        finally:
            keeping.hear(execution)

    return run


@contextmanager
def _said(store: Store, device: str) -> Iterator[None]:
    """Tell users why a device does not come up."""
    try:
        yield
    except BridgeError as error:
        store.devices.fault(device, error.must)
        raise
    store.devices.fault(device, "")


def _told(driver: Driver, store: Store, device: str) -> Callable[[], None]:
    """A look whether the driver answers and is well; users are told when that changes."""
    before = ""

    def look() -> None:
        nonlocal before
        reason = _complaint(driver)
        if reason != before:
            store.devices.fault(device, reason)
            logger.warning("%s: %s", device, reason or "well again")
            before = reason

    return look


def _complaint(driver: Driver) -> str:
    """Why the driver cannot work now; empty if it can."""
    try:
        status = driver.status()
    except DriverLost:
        return "the driver does not answer"
    except BridgeError as error:
        return error.must
    return status.message or "the driver reports a fault" if status.state is State.FAULTED else ""
