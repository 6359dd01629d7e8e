"""The program ``calibrate``: what the client's ``Calibrator`` asks for, on the road of the job that asks.

Every routine that is done is adopted at once, as a version of its own, but for a rough one that waits for the fine one behind it
(`conduct`): a job that is cancelled, killed or put back leaves the last whole version in use, and the ledger knows what is done,
so that the next one goes on from there. A job is done when its last numbers are adopted; its last figures are drawn while the
next job has the device.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from qpu_bridge.errors import BadRequest
from qpu_bridge.target.versions import Versions
from qpu_calibration.archive import Archive
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import conduct
from qpu_calibration.decide import blocked, inspect, maintain
from qpu_calibration.device_clock import read_device_clock
from qpu_calibration.figures import beside
from qpu_calibration.graph import Graph, target_name, target_names
from qpu_calibration.ledger import LEDGER, Ledger
from qpu_calibration.log import log_lines
from qpu_calibration.request import VERSION, CalibrationRequest, read_request
from qpu_calibration.step import Step

if TYPE_CHECKING:
    from qpu_bridge.programs import Context, DeviceView


def check(params_json: str, device: DeviceView) -> float | None:
    """Refuse, at submission, what could not run. How long it takes nobody knows: that hangs on what is found.

    Raises:
        CallerError: If the parameters are wrong, or the device has no such routine, qubit or coupler.
    """
    read_request(params_json).nodes(Graph.of(device.snapshot))
    return None


def run(params_json: str, context: Context) -> str:
    """Bring what is asked for, and all it needs, within specification.

    What cannot be calibrated is flagged in the snapshot and said in the log; it does not make the job fail.

    Raises:
        BadRequest: If the job names a calibration that is in use no longer.
        Cancelled: If somebody wanted the device back.
    """
    request = read_request(params_json)
    graph = Graph.of(context.device.snapshot)
    wanted = len(request.nodes(graph))
    start = datetime.now(UTC)
    if context.device.dry_run:
        context.log(f"a dry run: {wanted} routines on qubits and couplers would be seen to; nothing was measured")
    else:
        _calibrate(request, context)
    return json.dumps({"schema_version": VERSION, "start": start.isoformat(), "stop": datetime.now(UTC).isoformat()})


def _calibrate(request: CalibrationRequest, context: Context) -> None:
    folder = context.calibration
    bench, ledger = _bench(request, context), Ledger(None if folder is None else folder / LEDGER)
    before = bench.snapshot.calibration_id
    read_device_clock(bench)
    graph = Graph.of(bench.snapshot)
    nodes = request.nodes(graph)
    if request.check:
        steps = inspect(graph, ledger, nodes)
    else:
        steps = maintain(graph, ledger, nodes, force=request.force, trust=request.trust)

    def begins(step: Step) -> None:
        context.log(f"{step.action} {step.routine} of {target_names(step.targets)} ...")

    measured = 0
    for entry in conduct(bench, graph, ledger, steps, begins):
        measured += 1
        for line in log_lines(entry):
            context.log(line)
        context.go_on()
    for node, reason in blocked(graph, ledger, nodes).items():
        context.log(f"skipped {node}: {reason}")
    for target, reason in ledger.flagged.items():
        context.log(f"{target_name(target)} is not operational: {reason}")
    if not measured:
        context.log("all is in specification; nothing was measured")
    elif not request.check:
        after = bench.snapshot.calibration_id
        context.log("no number changed" if before == after else f"in use: {after}")
    used = f"{bench.shots} shots, {context.execution.usage_seconds:.3f} s of device time"
    context.log(f"{measured} measurements, {used}, qpu-bridge {version('qpu-bridge')}")


def _bench(request: CalibrationRequest, context: Context) -> Bench:
    """The bench of a job, on the numbers in use.

    Raises:
        BadRequest: If the job names a calibration that is in use no longer.
    """
    folder = context.calibration
    bench = Bench(
        context.execution,
        context.device.snapshot,
        None if folder is None else Versions(folder),
        None if folder is None else Archive(folder, beside()),
        seed=context.seed if request.seed is None else request.seed,
        operator=context.user,
        cancelled=context.cancelled,
        figures=request.figures and not request.check,
    )
    in_use = bench.snapshot.calibration_id
    if in_use != context.device.snapshot.calibration_id:
        raise BadRequest(
            "a calibration must start from the numbers in use",
            given=context.device.snapshot.calibration_id,
            where="calibration_id",
            remedy=f"Leave calibration_id out, or name {in_use}. A batch keeps to the one that it began with: use a session.",
        )
    return bench
