"""The older program ``sampler``: the client's own preparation, `execute`, and the client's own post-processing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from math import prod
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_ibm_runtime.decoders.executor_sampler.post_processor_v0_1 import sampler_v2_post_processor_v0_1
from qiskit_ibm_runtime.execution_span import DoubleSliceSpan, ExecutionSpans, TwirledSliceSpanV2
from qiskit_ibm_runtime.executor_sampler.prepare import prepare
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.results import QuantumProgramResult
from samplomatic.quantum_program import CircuitItem, SamplexItem

from qpu_bridge.errors import UnsupportedOption
from qpu_bridge.programs.admission import (
    admit_angles,
    admit_circuits,
    admit_level,
    admit_options,
    admit_rows,
    admit_shots,
    admit_twirling,
)
from qpu_bridge.programs.boxing import decides
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.executor import execute
from qpu_bridge.programs.experimental import QUASI
from qpu_bridge.programs.foreign_text import preparing
from qpu_bridge.programs.legacy_answer import answer
from qpu_bridge.programs.plain_answer import admit_values
from qpu_bridge.programs.plan import planned_s
from qpu_bridge.programs.provenance import provenance
from qpu_bridge.programs.quasi import Calibration, calibrate, calibration_program, qubits_of
from qpu_bridge.programs.randomization import is_twirled, randomizations
from qpu_bridge.programs.result_size import Returned, admit_results, returned_by
from qpu_bridge.programs.sampler_request import SamplerRequest, read_request
from qpu_bridge.programs.typed_json import read_typed
from qpu_bridge.telemetry import Stage, stage


def check(params_json: str, device: DeviceView) -> float:
    """Refuse, at submission, what could not run; say how long it would keep the device, s.

    Raises:
        CallerError: With the reason.
    """
    request = read_request(read_typed(params_json), device.capabilities)
    admit_circuits((pub.circuit for pub in request.pubs), device)
    items = _admit(request, device)
    admit_angles(((pub.circuit, pub.parameter_values.as_array(pub.circuit.parameters)) for pub in request.pubs), device)
    circuits = [pub.circuit for pub in request.pubs]
    shots, qubits = request.options.experimental.calibration_shots, _qubits(request)
    if shots is not None and qubits:
        program = calibration_program(qubits, shots, device.snapshot)
        circuits += [item.circuit for item in program.items]
        items += [returned_by(item.circuit, 1, program.shots) for item in program.items]
    return planned_s(circuits, items, request.options.execute_options(None), device)


def run(params_json: str, context: Context) -> str:
    """Run a job, and give the text of its result."""
    with stage(Stage.PARSE):
        request = read_request(read_typed(params_json, context.go_on), context.device.capabilities, context.go_on)
    context.go_on()
    _admit(request, context.device)
    seed = _seed(request, context)
    answered: dict[int, SamplerPubResult] = {
        index: SamplerPubResult(DataBin(shape=pub.shape), {"circuit_metadata": pub.circuit.metadata or {}})
        for index, pub in enumerate(request.pubs)
        if not pub.circuit.cregs
    }
    spans: list[DoubleSliceSpan | TwirledSliceSpanV2] = []
    groups = _groups(request)
    correction = _calibrated(request, seed + len(groups), context)
    for number, group in enumerate(groups):
        context.go_on()
        program = _program(request, group)
        # each group has its own numbers: equal pubs with different shots must not share their randomness
        result = execute(program, request.options.execute_options(seed + number), context)
        spans += _spans(request, group, program, result)
        for index, pub_result in zip(group.pubs, sampler_v2_post_processor_v0_1(result), strict=True):
            answered[index] = _truncated(pub_result, request.returned_shots[index])
            if correction is not None:
                context.go_on()
                qubits = qubits_of(request.pubs[index].circuit)
                twirled = bool(request.client_options.twirling.enable_measure)
                answered[index].metadata[QUASI] = correction.corrected(answered[index].data, qubits, twirled=twirled)
    metadata = {
        "execution": {"execution_spans": ExecutionSpans(spans)},
        "version": 2,
        "qpu_bridge": provenance(context, seed),
    }
    return answer(PrimitiveResult([answered[index] for index in range(len(request.pubs))], metadata), typed=request.typed)


@dataclass(frozen=True, slots=True)
class _Group:
    """Pubs that are played with the same number of shots, by index."""

    shots: int
    pubs: tuple[int, ...]


def _admit(request: SamplerRequest, device: DeviceView) -> list[Returned]:
    circuits = [pub.circuit for pub in request.pubs]
    level = request.client_options.execution.meas_type
    admit_level(level, device)
    items: list[Returned] = []
    for pub in request.pubs:
        number, each = randomizations(request.client_options.twirling, pub.shots)
        admit_shots(each, device)
        admit_rows(number * prod(pub.shape))
        items.append(returned_by(pub.circuit, number * prod(pub.shape), each))
    admit_results(items, level, device)
    if not request.typed:
        admit_values(sum(map(_values, request.pubs, request.returned_shots, repeat(level))))
    admit_options(request.options.execute_options(None), device)
    twirling = request.client_options.twirling
    if (calibration_shots := request.options.experimental.calibration_shots) is not None:
        admit_shots(calibration_shots, device)
        _require_no_decisions(circuits)
    admit_twirling(circuits, gates=bool(twirling.enable_gates), measurements=bool(twirling.enable_measure), folding=False)
    return items


def _values(pub: SamplerPub, shots: int, level: str) -> int:
    """How many samples, or numbers, a pub's result holds."""
    rows: int = prod(pub.shape)
    if level == "classified":
        return rows * shots * len(pub.circuit.cregs)
    return 2 * rows * sum(map(len, pub.circuit.cregs)) * (1 if level == "avg_kerneled" else shots)


def _require_no_decisions(circuits: Iterable[QuantumCircuit]) -> None:
    for index, circuit in enumerate(circuits):
        if decides(circuit):
            raise UnsupportedOption(
                f"option experimental.{QUASI} needs circuits without control flow: a bit read wrongly has already chosen",
                given=True,
                where=f"params.pubs[{index}]",
            )


def _calibrated(request: SamplerRequest, seed: int, context: Context) -> Calibration | None:
    """What readout makes of the qubits that are measured, if quasi-distributions are asked for."""
    shots = request.options.experimental.calibration_shots
    qubits = _qubits(request)
    if shots is None:
        return None
    if not qubits:
        return Calibration({}, shots)
    return calibrate(qubits, shots, request.options.execute_options(seed), context)


def _qubits(request: SamplerRequest) -> list[int]:
    return sorted({qubit for pub in request.pubs for qubit in qubits_of(pub.circuit) if qubit is not None})


def _seed(request: SamplerRequest, context: Context) -> int:
    for seed in (request.options.experimental.seed, request.options.at("simulator.seed_simulator")):
        if seed is not None:
            return int(seed)
    return context.seed


def _groups(request: SamplerRequest) -> list[_Group]:
    by_shots: dict[int, list[int]] = defaultdict(list)
    for index, pub in enumerate(request.pubs):
        # the client's post-processing stumbles over circuits that return nothing
        if pub.circuit.cregs:
            by_shots[pub.shots].append(index)
    return [_Group(shots, tuple(pubs)) for shots, pubs in by_shots.items()]


def _program(request: SamplerRequest, group: _Group) -> QuantumProgram:
    pubs = [request.pubs[index] for index in group.pubs]
    with preparing():
        program, _ = prepare(pubs, request.client_options, group.shots)
    for position, pub in enumerate(pubs):
        if pub.shape and not pub.circuit.num_parameters:
            program.items[position] = _repeated(program.items[position], pub.shape)
    return program


def _repeated(item: CircuitItem | SamplexItem, shape: tuple[int, ...]) -> CircuitItem | SamplexItem:
    """Give back the shape of a pub without parameters, which the client's preparation drops."""
    if isinstance(item, SamplexItem):
        return SamplexItem(item.circuit, item.samplex, shape=(*item.shape, *shape))
    return CircuitItem(item.circuit, circuit_arguments=np.empty((*shape, 0)))


def _truncated(result: SamplerPubResult, shots: int) -> SamplerPubResult:
    fields: dict[str, Any] = {}
    for name, values in result.data.items():
        if isinstance(values, BitArray):
            fields[name] = values.slice_shots(range(shots)) if values.num_shots > shots else values
        else:
            long = values.ndim == len(result.data.shape) + 2 and values.shape[-2] > shots
            fields[name] = values[..., :shots, :] if long else values
    return SamplerPubResult(DataBin(shape=result.data.shape, **fields), result.metadata)


def _spans(
    request: SamplerRequest, group: _Group, program: QuantumProgram, result: QuantumProgramResult
) -> list[DoubleSliceSpan | TwirledSliceSpanV2]:
    """When which part of which pub was measured."""
    done: Counter[int] = Counter()
    spans: list[DoubleSliceSpan | TwirledSliceSpanV2] = []
    for chunk in result.metadata.chunk_timing:
        slices: dict[int, Any] = {}
        for part in chunk.parts:
            pub = group.pubs[part.idx_item]
            rows = slice(done[part.idx_item], done[part.idx_item] + part.size)
            done[part.idx_item] += part.size
            shape = (*program.items[part.idx_item].shape, program.shots)
            every = slice(0, program.shots)
            if is_twirled(request.client_options.twirling):
                slices[pub] = (shape, True, rows, every, request.returned_shots[pub])
            else:
                slices[pub] = (shape, rows, every)
        kind = TwirledSliceSpanV2 if is_twirled(request.client_options.twirling) else DoubleSliceSpan
        spans.append(kind(chunk.start, chunk.stop, slices))
    return spans
