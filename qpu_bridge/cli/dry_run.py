"""Dry runs: jobs to the ``mock_`` sibling of a device are checked, lowered and answered with random numbers, never played."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from qpu_bridge import plugins
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.driver import Capabilities, Chunk, Driver, Run, Status
from qpu_bridge.execution import Execution
from qpu_bridge.jobs import Job, Runner, Store, Work
from qpu_bridge.rounds import rounds
from qpu_bridge.schedule import Schedule
from qpu_bridge.settings import Rack, dry_run_names

SOURCE = "a dry run: random numbers of the right shape"

PAUSE_S = 5.0
"""Wait before dry runs are taken up again after their runner failed, s."""


@dataclass(frozen=True, slots=True)
class RandomDriver:
    """The loopback driver in the clothes of another: what the device can be set to is accepted, and changes nothing.

    Attributes:
        loopback: The driver that answers.
        device: Capability document of the device.
    """

    loopback: Driver
    device: Capabilities

    def capabilities(self) -> Capabilities:
        """See `Driver.capabilities`: those of the device, except for where results come from."""
        return self.device.model_copy(update={"simulated": True, "source": SOURCE})

    def load(self, schedule: Schedule) -> None:
        """See `Driver.load`."""
        self.loopback.load(schedule)

    def run(self, run: Run) -> Iterator[Chunk]:
        """See `Driver.run`."""
        yield from self.loopback.run(replace(run, settings={}))

    def abort(self) -> None:
        """See `Driver.abort`."""
        self.loopback.abort()

    def status(self) -> Status:
        """See `Driver.status`."""
        return self.loopback.status()

    def close(self) -> None:
        """See `Driver.close`."""
        self.loopback.close()


def answer(device: RackDevice, name: str, job: Job, work: Work) -> str:
    """The result of a dry run; it uses no device time.

    Raises:
        CallerError: If the job could not run on the device.
        Cancelled: If it was cancelled.
    """
    from qpu_bridge import programs

    at = device if job.calibration_id is None else device.at(job.calibration_id)
    snapshot = at.snapshot
    driver = RandomDriver(plugins.open_driver("loopback", name, snapshot, {}), device.capabilities)
    view = programs.DeviceView(name, snapshot, driver.capabilities(), allow_simulated=True, dry_run=True)
    context = programs.Context(
        device=view,
        execution=Execution(driver, view.capabilities),
        seed=secrets.randbits(63) if job.seed is None else job.seed,
        log=work.note,
        cancelled=work.cancelled,
        notebook=work.notebook,
    )
    return programs.run(job.program_id, work.params, context)


@contextmanager
def dry_runs(rack: Rack, device: RackDevice, store: Store, *, poll_s: float) -> Iterator[None]:
    """While this lasts, a thread works off the queue of the device's sibling; nothing if another device has that sibling.

    It is a queue of its own, so that no pause, session or job of the device holds it up.
    """
    name = next((mock for mock, real in dry_run_names(rack.devices).items() if real == device.name), None)
    if name is None:
        yield
        return
    runner = Runner(
        store,
        name,
        lambda job, work: answer(device, name, job, work),
        poll_s=poll_s,
        max_result_bytes=rack.bridge.max_result_bytes,
        # a dry run that does not stop is cancelled all the same, but must not take the device's own job with it
        exit=lambda: None,
    )

    # what stops dry runs must not end the work for the device itself
    with rounds(f"dry runs of {device.name}", runner.serve, PAUSE_S, at_once=True):
        try:
            yield
        finally:
            runner.stop()
