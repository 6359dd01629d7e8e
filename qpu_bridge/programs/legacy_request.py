"""What the older sampler and estimator have in common: pubs, options, shots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError
from qiskit import QuantumCircuit

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BadRequest, TooLarge, UnsupportedOption
from qpu_bridge.programs.circuits import from_qasm
from qpu_bridge.programs.experimental import Experimental, read_experimental
from qpu_bridge.programs.option_table import OptionTable, require_honoured
from qpu_bridge.programs.options import ExecuteOptions
from qpu_bridge.suppression import DecouplingOptions
from qpu_bridge.target.limits import MAX_CIRCUITS

MOST_AXES = 16
"""Axes of a sweep; with those that results add, the libraries end at 32."""

NO_LIMIT = frozenset({"resilience.pec.max_overhead", "resilience.layer_noise_learning.max_layers_to_learn"})
"""Options whose null does not mean the default."""

OBJECTS = frozenset({"resilience.layer_noise_model"})
"""Options that are read as objects, which the published models do not take."""

FAST_UPDATE = "fast_parametric_update"

VERSION = 2
"""The only version of these programs; clients that name none mean it too."""


@dataclass(frozen=True, slots=True)
class LegacyOptions:
    """Options of a request, checked.

    Attributes:
        given: What the caller set, nested.
        full: The same with the documented defaults filled in.
        experimental: Experimental options.
    """

    given: Mapping[str, Any]
    full: Mapping[str, Any]
    experimental: Experimental

    def at(self, path: str) -> Any:
        """What the caller set, or None."""
        here: Any = self.given
        for name in path.split("."):
            here = here.get(name) if isinstance(here, Mapping) else None
        return here

    def section(self, name: str, *without: str) -> dict[str, Any]:
        """What the caller set in a section."""
        return {key: value for key, value in (self.at(name) or {}).items() if key not in without}

    def execute_options(self, seed: int | None, item_shots: Mapping[int, int] | None = None) -> ExecuteOptions:
        """How the quantum program is to be executed."""
        execution, decoupling = self.full["execution"], self.full["dynamical_decoupling"]
        return ExecuteOptions(
            init_qubits=execution["init_qubits"],
            rep_delay_s=execution["rep_delay"],
            rep_delay_at="options.execution.rep_delay",
            scheduler_timing=bool(self.at("execution.scheduler_timing")),
            stretch_values=bool(self.at("execution.stretch_values")),
            decoupling=DecouplingOptions(
                sequence_type=decoupling["sequence_type"],
                extra_slack_distribution=decoupling["extra_slack_distribution"],
                scheduling_method=decoupling["scheduling_method"],
                skip_reset_qubits=decoupling["skip_reset_qubits"],
            )
            if decoupling["enable"]
            else None,
            settings=self.experimental.settings,
            seed=seed,
            item_shots=item_shots or {},
        )


def wants_types(params: Mapping[str, Any]) -> bool:
    """Whether results are to be in Qiskit's types, which its client asks for; others get plain JSON.

    Raises:
        BadRequest: If ``support_qiskit`` is neither true nor false.
    """
    wanted = params.get("support_qiskit", False)
    if not isinstance(wanted, bool):
        raise BadRequest("support_qiskit must be true or false", given=str(wanted)[:80], where="params.support_qiskit")
    return wanted


def read_options(
    params: Mapping[str, Any],
    known: frozenset[str],
    table: OptionTable,
    model: type[BaseModel],
    capabilities: Capabilities,
    *,
    quasi: bool = False,
) -> LegacyOptions:
    """Check a request's top level and its options.

    Args:
        params: The request, decoded.
        known: Keys that the top level may have.
        table: The program's options.
        model: The published model of the options, for types and defaults.
        capabilities: For the experimental options.
        quasi: Whether the program can give quasi-distributions.

    Raises:
        BadRequest: If a value does not fit, or the version is unknown.
        UnsupportedOption: If an option is not honoured.
    """
    unknown = sorted(set(params) - known)
    if unknown:
        raise UnsupportedOption(f"params must hold only {', '.join(sorted(known))}", given=", ".join(unknown))
    if params.get("version", VERSION) != VERSION:
        raise BadRequest(f"version must be {VERSION}", given=params["version"], where="params.version")
    given = params.get("options") or {}
    if not isinstance(given, Mapping):
        raise BadRequest("params.options must be an object", given=type(given).__name__)
    given = _without_fast_update(given)
    require_honoured(given, table, model().model_dump())
    try:
        full = model.model_validate(_plain(given)).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise BadRequest("an option must have a value that it can take", given=first["msg"], where=f"options.{path}") from None
    seeded = given.get("simulator") or {}
    if seeded.get("seed_simulator") is not None and not capabilities.simulated:
        raise UnsupportedOption("option simulator.seed_simulator needs a simulated device", given=seeded["seed_simulator"])
    return LegacyOptions(given, full, read_experimental(given.get("experimental"), capabilities, quasi=quasi))


def read_circuit(value: Any, where: str) -> QuantumCircuit:
    """The circuit of a pub: QPY, or OpenQASM 3 text.

    Raises:
        BadRequest: If it is neither.
    """
    if isinstance(value, QuantumCircuit):
        return value
    if isinstance(value, str):
        return from_qasm(value, where)
    raise BadRequest("a circuit must be QPY or OpenQASM 3 text", given=type(value).__name__, where=where)


def read_values(value: Any, circuit: QuantumCircuit, where: str) -> NDArray[np.float64]:
    """The parameter values of a pub, ``float64[*shape, parameters]``, columns in the order of ``circuit.parameters``.

    Raises:
        BadRequest: If they do not fit the circuit.
    """
    count = circuit.num_parameters
    try:
        values = np.asarray([] if value is None else value)
        if values.dtype.kind not in "biuf" or values.ndim > MOST_AXES:
            raise TypeError  # texts, times and complex numbers would be turned into numbers without a word
        values = values.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise BadRequest(
            f"parameter values must be an array of real numbers with at most {MOST_AXES} axes", given=str(value)[:80], where=where
        ) from None
    if values.ndim == 0:
        values = values.reshape(1)
    if count == 1 and values.ndim == 1 and len(values) != 1:
        values = values[..., np.newaxis]
    if values.shape[-1] != count:
        raise BadRequest(
            f"the last axis of the parameter values must have the circuit's {count} parameters",
            given=str(values.shape),
            where=where,
        )
    if not np.isfinite(values).all():
        raise BadRequest("parameter values must be finite", where=where)
    return values


def read_pubs(params: Mapping[str, Any], longest: int) -> Sequence[Sequence[Any]]:
    """The pubs, each a list of at most ``longest`` parts, filled up with None.

    Raises:
        BadRequest: If there is none, or one is malformed.
        TooLarge: If there are too many.
    """
    pubs = params.get("pubs")
    if not isinstance(pubs, list) or not pubs:
        raise BadRequest("a job must hold at least one pub", given=str(pubs)[:80], where="params.pubs")
    if len(pubs) > MAX_CIRCUITS:
        raise TooLarge(f"a job may hold at most {MAX_CIRCUITS} circuits", given=len(pubs), where="params.pubs")
    for index, pub in enumerate(pubs):
        if not isinstance(pub, list) or not 1 <= len(pub) <= longest:
            raise BadRequest(f"a pub must be a list of 1 to {longest} parts", given=str(pub)[:80], where=f"params.pubs[{index}]")
    return [[*pub, *[None] * (longest - len(pub))] for pub in pubs]


def _without_fast_update(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without an option that the open CLOPS benchmark sets. It asks for what is always done: circuits once, then only numbers."""
    execution = given.get("execution")
    if not isinstance(execution, Mapping) or FAST_UPDATE not in execution:
        return given
    if execution[FAST_UPDATE] is not True:
        raise UnsupportedOption(
            f"{FAST_UPDATE} must be true: there is no other way here",
            given=str(execution[FAST_UPDATE])[:80],
            where=f"options.execution.{FAST_UPDATE}",
        )
    return {**given, "execution": {name: value for name, value in execution.items() if name != FAST_UPDATE}}


def _plain(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Without what is null, which means the default nearly everywhere, and without objects."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        path = f"{prefix}{name}"
        if path in OBJECTS or (value is None and path not in NO_LIMIT):
            continue
        found[name] = _plain(value, f"{path}.") if isinstance(value, Mapping) else value
    return found
