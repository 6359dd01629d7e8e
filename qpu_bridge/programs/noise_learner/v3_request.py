"""Parameters of the newer ``noise-learner``, in any of the published versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from qiskit.circuit import CircuitInstruction
from qiskit_ibm_runtime.noise_learner_v3.params_converters import NOISE_LEARNER_V3_PARAMS_CONVERTERS

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BadRequest, BridgeError, UnsupportedOption
from qpu_bridge.programs.experimental import read_experimental
from qpu_bridge.programs.foreign_text import said
from qpu_bridge.programs.layers import Check, Checks, LearnOptions
from qpu_bridge.programs.noise_learner.options import V3
from qpu_bridge.programs.option_table import OptionTable, require_honoured
from qpu_bridge.programs.options import ExecuteOptions
from qpu_bridge.programs.payload import require_qpy, schema_version

VERSIONS = tuple(NOISE_LEARNER_V3_PARAMS_CONVERTERS)
PROGRAM_VERSION = 3
KNOWN = frozenset({"schema_version", "version", "instructions", "options"})


@dataclass(frozen=True, slots=True)
class V3Request:
    """A request, decoded.

    Attributes:
        version: Schema version, in which the answer must be given.
        layers: Whose noise to learn.
        options: How.
    """

    version: str
    layers: tuple[CircuitInstruction, ...]
    options: LearnOptions


def read_request(params: Mapping[str, Any], capabilities: Capabilities) -> V3Request:
    """Decode and check a request, without looking at the machine.

    Raises:
        BadRequest: If a field is missing, malformed, or of an unknown version.
        UnsupportedOption: If an option is not honoured.
    """
    version = schema_version(params, VERSIONS)
    unknown = sorted(set(params) - KNOWN)
    if unknown:
        raise UnsupportedOption(f"params must hold only {', '.join(sorted(KNOWN))}", given=", ".join(unknown))
    if params.get("version", PROGRAM_VERSION) != PROGRAM_VERSION:
        raise BadRequest(f"version must be {PROGRAM_VERSION}", given=str(params["version"])[:80], where="params.version")
    instructions, given = params.get("instructions"), params.get("options")
    if isinstance(instructions, Mapping) and isinstance(instructions.get("circuit_b64"), str):
        require_qpy(instructions["circuit_b64"], "params.instructions", compressed=False)
    if not isinstance(given, Mapping):
        raise BadRequest("params.options must be an object", given=type(given).__name__)
    model_type = NOISE_LEARNER_V3_PARAMS_CONVERTERS[version].model
    # until somebody has used it, its fields are names only
    model_type.model_rebuild()
    require_honoured(given, _known(model_type.model_fields["options"].annotation), {})
    try:
        model = model_type.model_validate(params)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise BadRequest("the parameters must follow the schema", given=first["msg"], where=f"params.{path}") from None
    return V3Request(version, _layers(model), _options(model.options, given, capabilities))


def _known(model: Any) -> OptionTable:
    """The options that this version of the schema has."""
    names = set(model.model_fields) | {"experimental"}
    return {path: reason for path, reason in V3.items() if path.split(".")[0] in names}


def _layers(model: Any) -> tuple[CircuitInstruction, ...]:
    try:
        layers = tuple(model.instructions.to_quantum_circuit().data)
    except BridgeError:
        raise
    except Exception as error:  # what a damaged circuit or annotation raises is not documented anywhere
        raise BadRequest("the layers must be readable QPY", given=said(error, kind=True), where="params.instructions") from error
    if not layers:
        raise BadRequest("a job must hold at least one layer", given=0, where="params.instructions")
    return layers


def _options(options: Any, given: Mapping[str, Any], capabilities: Capabilities) -> LearnOptions:
    require_counts(options)
    experimental = read_experimental(given.get("experimental"), capabilities)
    return LearnOptions(
        num_randomizations=options.num_randomizations,
        shots_per_randomization=options.shots_per_randomization,
        layer_pair_depths=tuple(options.layer_pair_depths),
        checks=_checks(options),
        execute=ExecuteOptions(
            init_qubits=getattr(options, "init_qubits", True),
            rep_delay_s=getattr(options, "rep_delay", None),
            settings=experimental.settings,
            seed=experimental.seed,
        ),
    )


def require_counts(options: Any) -> None:
    """Check the numbers that the schemas leave open.

    Raises:
        BadRequest: If there is nothing to play, or a depth is negative.
    """
    for name in ("num_randomizations", "shots_per_randomization"):
        if getattr(options, name) < 1:
            raise BadRequest(f"{name} must be at least 1", given=getattr(options, name), where=f"options.{name}")
    depths = options.layer_pair_depths
    if not depths or min(depths) < 0:
        raise BadRequest("layer_pair_depths must be numbers from 0 on", given=str(depths)[:80], where="options.layer_pair_depths")


def _checks(options: Any) -> Checks:
    """Post-selection is the older name of the check after the circuit."""
    flips = getattr(options, "bit_flip_checks", None)
    pre, post = (_check(flips.pre_circuit), _check(flips.post_circuit)) if flips is not None else (None, None)
    older = _check(options.post_selection)
    if older is not None and post is not None and older != post:
        raise BadRequest(
            "post_selection and bit_flip_checks.post_circuit mean the same and must not differ",
            given=f"{older.x_pulse_type} by {older.strategy}, {post.x_pulse_type} by {post.strategy}",
            where="options.post_selection",
        )
    return Checks(pre, post or older)


def _check(options: BaseModel) -> Check | None:
    values = options.model_dump()
    return Check(values["x_pulse_type"], values["strategy"]) if values["enable"] else None
