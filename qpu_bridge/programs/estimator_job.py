"""The older program ``estimator``: the client's own preparation, `execute`, and the client's own post-processing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import ceil

from qiskit import QuantumCircuit
from qiskit.primitives.containers import PrimitiveResult, PubResult
from qiskit_ibm_runtime.decoders.executor_estimator.post_processor_v0_1 import estimator_v2_post_processor_v0_1
from qiskit_ibm_runtime.executor_estimator.trex import resolve_trex_num_randomizations
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from qpu_bridge.programs.admission import (
    admit_angles,
    admit_circuits,
    admit_level,
    admit_options,
    admit_rows,
    admit_shots,
    admit_twirling,
)
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.estimator_metadata import of_pub, of_result
from qpu_bridge.programs.estimator_program import admit_overhead, build, scaling_of
from qpu_bridge.programs.estimator_request import EstimatorRequest, read_request
from qpu_bridge.programs.executor import execute
from qpu_bridge.programs.layer_learning import admit_mitigation, mitigation
from qpu_bridge.programs.legacy_answer import answer
from qpu_bridge.programs.plan import planned_s
from qpu_bridge.programs.provenance import provenance
from qpu_bridge.programs.result_size import Returned, admit_results
from qpu_bridge.programs.typed_json import read_typed


def check(params_json: str, device: DeviceView) -> float:
    """Refuse, at submission, what could not run; say how long it would keep the device, at least, s.

    Raises:
        CallerError: With the reason.
    """
    request = read_request(read_typed(params_json), device.capabilities)
    admit_circuits((pub.circuit for pub in request.pubs), device)
    items = _admit(request, device)
    options = request.options.execute_options(None)
    admit_angles(((pub.circuit, pub.parameter_values.as_array(pub.circuit.parameters)) for pub in request.pubs), device)
    mitigated, learning_s = admit_mitigation(request, device)
    admit_overhead(request, range(len(request.pubs)), mitigated)
    for index, item in enumerate(items):
        number, _ = request.randomizations(request.shots[index])
        # as often as errors cancel, where their rates are known by now
        items[index] = item._replace(rows=item.rows // number * ceil(number * scaling_of(request, mitigated, index)))
    readout = _readout(request)
    blank = QuantumCircuit(max((pub.circuit.num_qubits for pub in request.pubs), default=0))
    circuits = [*(pub.circuit for pub in request.pubs), *(blank for _ in readout)]
    return learning_s + planned_s(map(_measured, circuits), [*items, *readout], options, device)


def run(params_json: str, context: Context) -> str:
    """Run a job, and give the text of its result."""
    request = read_request(read_typed(params_json, context.go_on), context.device.capabilities, context.go_on)
    context.go_on()
    _admit(request, context.device)
    seed = _seed(request, context)
    by_shots: dict[int, list[int]] = defaultdict(list)
    for index, shots in enumerate(request.shots):
        by_shots[shots].append(index)
    # each group has its own numbers, and learning has others
    mitigated = mitigation(request, context, seed + len(by_shots))
    answered: dict[int, PubResult] = {}
    for number, (shots, group) in enumerate(by_shots.items()):
        context.go_on()
        program = build(request, group, shots, mitigated, seed + number)
        options = request.options.execute_options(seed + number, _calibration_shots(request, program))
        result = execute(program, options, context)
        played = _played(program, group)
        for index, rows, made in zip(group, played, estimator_v2_post_processor_v0_1(result), strict=True):
            answered[index] = PubResult(made.data, of_pub(request, index, rows, mitigated, made.metadata))
    metadata = of_result(request, mitigated) | {"qpu_bridge": provenance(context, seed)}
    return answer(PrimitiveResult([answered[index] for index in range(len(request.pubs))], metadata), typed=request.typed)


def _admit(request: EstimatorRequest, device: DeviceView) -> list[Returned]:
    admit_level("classified", device)
    circuits = [pub.circuit for pub in request.pubs]
    resilience = request.client_options.resilience
    folds = len(resilience.zne.noise_factors) if resilience.zne_mitigation else 1
    items: list[Returned] = []
    for shots, configurations in zip(request.shots, request.configurations, strict=True):
        number, each = request.randomizations(shots)
        admit_shots(each, device)
        admit_rows(number * configurations)
        # at least: the learning of readout errors is counted before it is played
        items.append(Returned(1, number * configurations * folds, each, 1))
    admit_results(items, "classified", device)
    admit_options(request.options.execute_options(None), device)
    twirled = bool(request.client_options.twirling.enable_gates)
    admit_twirling(circuits, gates=twirled, measurements=False, folding=bool(resilience.zne_mitigation))
    return items


def _readout(request: EstimatorRequest) -> list[Returned]:
    """The circuits that learn readout errors: one for all pubs of equal shots."""
    resilience = request.client_options.resilience
    if not resilience.measure_mitigation:
        return []
    own = request.options.full["resilience"]["measure_noise_learning"]["shots_per_randomization"]
    items = []
    for shots in dict.fromkeys(request.shots):
        number, each = request.randomizations(shots)
        rows = resolve_trex_num_randomizations(resilience.measure_noise_learning, number)
        items.append(Returned(1, rows, each if own == "auto" else int(own), 1))
    return items


def _measured(circuit: QuantumCircuit) -> QuantumCircuit:
    made = circuit.remove_final_measurements(inplace=False)
    made.measure_all()
    return made


def _seed(request: EstimatorRequest, context: Context) -> int:
    options = request.options
    for seed in (options.at("seed_estimator"), options.experimental.seed, options.at("simulator.seed_simulator")):
        if seed is not None:
            return int(seed)
    return context.seed


def _played(program: QuantumProgram, group: Sequence[int]) -> list[int]:
    """In how many randomizations each pub of a program is played."""
    tasks = [task for task in program.passthrough_data["qiskit_mitigation"] if task.get("mitigation") != "trex"]
    shapes = [program.items[task["program_item_index"]].shape for task in tasks]
    # amplified noise, where it is injected, is the first axis
    return [int(shape[1 if task.get("mitigation") == "pea" else 0]) for task, shape, _ in zip(tasks, shapes, group, strict=True)]


def _calibration_shots(request: EstimatorRequest, program: QuantumProgram) -> dict[int, int]:
    """Shots of the circuit that learns readout errors, which the client's preparation puts last."""
    shots = request.options.full["resilience"]["measure_noise_learning"]["shots_per_randomization"]
    if shots == "auto" or not request.client_options.resilience.measure_mitigation:
        return {}
    return {len(program.items) - 1: int(shots)}
