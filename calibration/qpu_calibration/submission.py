"""`qpu-bridge calibrate` while a bridge runs: submit a job ahead of the queue, and show its log as it grows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress

import typer
from rich.console import Console

from qpu_bridge.cli.rack import open_store, require_served
from qpu_bridge.errors import Cancelled, OperatorError, WrongState
from qpu_bridge.jobs import DEFAULT_INSTANCE, FINAL, Job, Owner, Request, State, Store, Word, os_user
from qpu_bridge.jobs.audit import record
from qpu_bridge.jobs.order import CALIBRATE
from qpu_bridge.jobs.priorities import HIGHEST
from qpu_calibration.decide import blocked
from qpu_calibration.fit import Fit
from qpu_calibration.graph import Graph
from qpu_calibration.numbers import diff
from qpu_calibration.request import CalibrationRequest
from qpu_calibration.shelf import Shelf
from qpu_calibration.tables import changes

POLL_S = 0.2
"""Time between two looks at the job's log, s."""


def calibrate_as_job(
    shelf: Shelf, request: CalibrationRequest, cancelled: Callable[[], bool], say: Callable[[str], None] = typer.echo
) -> bool:
    """Calibrate by a job of the running bridge; at the end show what changed, as `terminal` does where no bridge runs.

    Args:
        shelf: Of the device.
        request: What to calibrate.
        cancelled: Asked again and again; True cancels the job.
        say: Takes the lines of the job's log.

    Returns:
        Whether all that was wanted is in specification.

    Raises:
        BadRequest: If the device has no such routine, qubit or coupler.
        Cancelled: If it was stopped, from here or elsewhere.
        SettingsError: If the running bridge does not serve the device.
        OperatorError: If it failed.
    """
    require_served(shelf.rack, shelf.device.name)
    request.nodes(Graph.of(shelf.current()))
    store = open_store(shelf.rack)
    try:
        job = submit(store, shelf.device.name, request)
        condition = store.devices.condition(shelf.device.name)
        say(f"job {job.id} calibrates {shelf.device.name} ahead of {condition.queue - 1} others")
        if condition.word is not Word.ONLINE:
            say(f"{shelf.device.name} is {condition.word}: {condition.reason}")
        job = _followed(store, job, cancelled, say)
    finally:
        store.close()
    if job.state is State.CANCELLED:
        raise Cancelled("the calibration was cancelled", given=job.id)
    if job.state is State.FAILED:
        raise OperatorError("a calibration must be able to run", given=job.reason, where=job.id)
    _show_changes(shelf, job)
    graph, ledger = Graph.of(shelf.current()), shelf.ledger()
    nodes = request.nodes(graph)
    return not blocked(graph, ledger, nodes) and all(ledger.fresh(graph, node) for node in nodes)


def _show_changes(shelf: Shelf, job: Job) -> None:
    """The numbers that a job's versions have changed, if it made any."""
    made = [one for one in shelf.versions.history() if one.operator == job.owner.user and one.made_at >= job.created]
    if made and made[-1].parent is not None:
        # the newest last, as they were found
        fits = [Fit.model_validate(fit) for one in reversed(made) for fit in one.fits]
        if found := diff(shelf.version(made[-1].parent), shelf.version(made[0].calibration_id)):
            Console(highlight=False).print(changes(found, fits))


def submit(store: Store, device: str, request: CalibrationRequest) -> Job:
    """A job ahead of all others that wait; the audit log says who asked for it."""
    params = request.params().encode()
    owner = Owner(os_user(), DEFAULT_INSTANCE)
    digest = hashlib.sha256(params).digest()
    job = store.accept(owner, Request(CALIBRATE, device, params, log_level="INFO", digest=digest))
    store.repeats.answered(job.id)
    with store.database.write() as connection:
        record(connection, os_user(), "device.calibrate", device, f"job {job.id}: {params.decode()}")
    with suppress(WrongState):
        # it may have started already
        store.priorities.set_job(job.id, HIGHEST, actor=os_user())
    return job


def _followed(store: Store, job: Job, cancelled: Callable[[], bool], say: Callable[[str], None]) -> Job:
    """Show the job's log until its end."""
    told = 0
    asked = False
    while True:
        # before the log: what is said before the end is told before the end
        now = store.job(job.id)
        lines = store.log_lines(now)
        for moment, _, text in lines[told:]:
            say(f"{moment:%H:%M:%S} {text}")
        told = len(lines)
        if now.state in FINAL:
            return now
        if cancelled() and not asked:
            with suppress(WrongState):
                store.cancel(job.id, actor=os_user())
            asked = True
        time.sleep(POLL_S)
