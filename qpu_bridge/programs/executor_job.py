"""The program ``executor``: a quantum program in, its arrays out."""

from __future__ import annotations

from samplomatic.quantum_program import CircuitItem

from qpu_bridge.programs.admission import admit_angles, admit_circuits, admit_level, admit_options, admit_rows, admit_shots
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.executor import execute, returned
from qpu_bridge.programs.executor_answer import answer
from qpu_bridge.programs.executor_request import ExecutorRequest, read_request
from qpu_bridge.programs.payload import parse
from qpu_bridge.programs.plan import planned_s
from qpu_bridge.programs.provenance import provenance
from qpu_bridge.programs.result_size import admit_results
from qpu_bridge.telemetry import Stage, stage


def check(params_json: str, device: DeviceView) -> float:
    """Refuse, at submission, what could not run; say how long it would keep the device, s.

    Raises:
        CallerError: With the reason.
    """
    request = read_request(parse(params_json), device.capabilities)
    admit_circuits((item.circuit for item in request.program.items), device)
    _admit(request, device)
    items = [item for item in request.program.items if isinstance(item, CircuitItem)]
    admit_angles(((item.circuit, item.circuit_arguments) for item in items), device)
    played = returned(request.program, request.options)
    return planned_s((item.circuit for item in request.program.items), played, request.options, device)


def run(params_json: str, context: Context) -> str:
    """Run a job, and give the text of its result."""
    with stage(Stage.PARSE):
        request = read_request(parse(params_json), context.device.capabilities)
    context.go_on()
    # the machine may have been calibrated since the job was submitted; what circuits need is found when they are lowered
    _admit(request, context.device)
    result = execute(request.program, request.options, context)
    seed = context.seed if request.options.seed is None else request.options.seed
    return answer(request, result, provenance(context, seed))


def _admit(request: ExecutorRequest, device: DeviceView) -> None:
    admit_level(request.program.meas_level, device)
    admit_shots(request.program.shots, device)
    for item in request.program.items:
        admit_rows(item.size())
    admit_results(returned(request.program, request.options), request.program.meas_level, device)
    admit_options(request.options, device)
