"""Parameters of the `executor` program, in any of the published versions, as a quantum program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS
from samplomatic.quantum_program import CircuitItem, SamplexItem

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BadRequest, BridgeError, UnsupportedOption
from qpu_bridge.programs.circuits import require_units, with_native_gates
from qpu_bridge.programs.experimental import read_experimental
from qpu_bridge.programs.foreign_text import said
from qpu_bridge.programs.option_table import EXECUTOR, require_honoured
from qpu_bridge.programs.options import ExecuteOptions
from qpu_bridge.programs.payload import require_bounded_tensors, require_qpy, schema_version

VERSIONS = tuple(QUANTUM_PROGRAM_PARAMS_CONVERTERS)


@dataclass(frozen=True, slots=True)
class ExecutorRequest:
    """A request, decoded.

    Attributes:
        version: Schema version, in which the answer must be given.
        program: What to run; samplexes are finalized.
        options: How.
        passthrough_data: As received: it goes back unchanged.
        semantic_role: As received.
    """

    version: str
    program: QuantumProgram
    options: ExecuteOptions
    passthrough_data: Any
    semantic_role: str | None


def read_request(params: Mapping[str, Any], capabilities: Capabilities) -> ExecutorRequest:
    """Decode and check a request, without looking at the machine.

    Raises:
        BadRequest: If a field is missing, malformed, or of an unknown version.
        UnsupportedOption: If an option is not honoured.
    """
    version = schema_version(params, VERSIONS)
    body = _mapping(params, "quantum_program")
    options = _mapping(params, "options") if "options" in params else {}
    _require_loadable(params, body, version)
    converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS[version]
    try:
        model = converter.model.model_validate(params)
    except ValidationError as error:
        raise _bad(error) from None
    _require_known(params, converter.model, "params")
    _require_known(body, type(model.quantum_program), "params.quantum_program")
    require_honoured(options, {name: EXECUTOR.get(name, "it is new") for name in type(model.options).model_fields}, {})
    program = _decoded(converter, model)
    experimental = read_experimental(options.get("experimental"), capabilities)
    return ExecutorRequest(
        version=version,
        program=program,
        options=ExecuteOptions(
            init_qubits=model.options.init_qubits,
            rep_delay_s=model.options.rep_delay,
            scheduler_timing=getattr(model.options, "scheduler_timing", False),
            stretch_values=getattr(model.options, "stretch_values", False),
            settings=experimental.settings,
            seed=experimental.seed,
        ),
        passthrough_data=body.get("passthrough_data"),
        semantic_role=body.get("semantic_role"),
    )


def _mapping(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = params.get(name)
    if not isinstance(found, Mapping):
        raise BadRequest(f"params.{name} must be an object", given=type(found).__name__)
    return found


def _require_loadable(params: Mapping[str, Any], body: Mapping[str, Any], version: str) -> None:
    circuits = body.get("circuits")
    if isinstance(circuits, Mapping) and isinstance(circuits.get("b64_data"), str):
        require_qpy(circuits["b64_data"], "params.quantum_program.circuits", compressed=version == "v2.0")
    items = body.get("items")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        circuit = item.get("circuit") if isinstance(item, Mapping) else None
        if isinstance(circuit, Mapping) and isinstance(circuit.get("circuit_b64"), str):
            require_qpy(circuit["circuit_b64"], f"params.quantum_program.items[{index}].circuit", compressed=False)
    if version == "v2.0":
        require_bounded_tensors(params)


def _require_known(given: Mapping[str, Any], model: type[BaseModel], where: str) -> None:
    unknown = sorted(set(given) - set(model.model_fields))
    if unknown:
        raise UnsupportedOption(f"{where} must hold only {', '.join(model.model_fields)}", given=", ".join(unknown))


def _decoded(converter: Any, model: Any) -> QuantumProgram:
    try:
        program, _ = converter.decoder(model)
        for item in program.items:
            if isinstance(item, SamplexItem):
                item.samplex.finalize()
    except BridgeError:
        raise
    except Exception as error:  # what a damaged circuit or samplex raises is not documented anywhere
        raise BadRequest("circuits and samplexes must be readable", given=said(error, kind=True)) from error
    for index, item in enumerate(program.items):
        where = f"params.quantum_program.items[{index}]"
        require_units(item.circuit, where)
        item.circuit = with_native_gates(item.circuit)
        if isinstance(item, CircuitItem):
            if not np.isfinite(item.circuit_arguments).all():
                raise BadRequest("circuit arguments must be finite", where=where)
            _replicate(item, getattr(model.quantum_program.items[index], "shape", ()), where)
    return program


def _replicate(item: CircuitItem, shape: Any, where: str) -> None:
    """Honour an item's ``shape``, which the client's converter drops: more axes than the arguments have are repetitions."""
    if not shape:
        return
    try:
        full = np.broadcast_shapes(tuple(shape), item.shape)
    except ValueError:
        raise BadRequest("an item's shape must extend its arguments' shape", given=str(shape), where=where) from None
    item.circuit_arguments = np.broadcast_to(item.circuit_arguments, (*full, item.circuit_arguments.shape[-1]))


def _bad(error: ValidationError) -> BadRequest:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    return BadRequest("the parameters must follow the schema", given=first["msg"], where=f"params.{path}")
