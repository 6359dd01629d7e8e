"""Parameters of the older ``sampler`` program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ibm_quantum_schemas.sampler.version_0_1 import OptionsModel
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_ibm_runtime.options_models import SamplerOptions

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BadRequest, UnsupportedOption
from qpu_bridge.programs.experimental import QUASI
from qpu_bridge.programs.legacy_request import LegacyOptions, read_circuit, read_options, read_pubs, read_values, wants_types
from qpu_bridge.programs.option_table import SAMPLER

DEFAULT_SHOTS = 4096
KNOWN = frozenset({"pubs", "options", "version", "support_qiskit", "shots"})


@dataclass(frozen=True, slots=True)
class SamplerRequest:
    """A request, decoded.

    Attributes:
        pubs: Each with its own number of shots to play.
        returned_shots: Shots that each pub's result holds; twirled data may be longer and is truncated.
        options: Checked options.
        client_options: The same in the form that the client's own code takes.
        typed: Whether the answer is in Qiskit's types.
    """

    pubs: tuple[SamplerPub, ...]
    returned_shots: tuple[int, ...]
    options: LegacyOptions
    client_options: SamplerOptions
    typed: bool


def read_request(
    params: Mapping[str, Any], capabilities: Capabilities, between: Callable[[], None] = lambda: None
) -> SamplerRequest:
    """Check and complete a request, without looking at the machine; ``between`` is called before each circuit is read.

    Raises:
        BadRequest: If a field is missing or malformed.
        UnsupportedOption: If an option is not honoured.
    """
    options = read_options(params, KNOWN, SAMPLER, OptionsModel, capabilities, quasi=True)
    client_options = SamplerOptions(
        execution=options.section("execution", "rep_delay", "scheduler_timing", "stretch_values"),
        twirling={name: value for name, value in options.section("twirling").items() if value is not None},
    )
    if client_options.twirling.enable_measure and client_options.execution.meas_type != "classified":
        raise UnsupportedOption(
            "option twirling.enable_measure needs classified results, since flips cannot be undone in the IQ plane",
            given=client_options.execution.meas_type,
            where="options.execution.meas_type",
        )
    _require_classified(options, client_options)
    pubs: list[SamplerPub] = []
    returned: list[int] = []
    for index, (circuit_value, values, own_shots) in enumerate(read_pubs(params, 3)):
        where = f"params.pubs[{index}]"
        between()
        circuit = read_circuit(circuit_value, where)
        bound = read_values(values, circuit, where)
        shots, kept = _shots(own_shots if own_shots is not None else params.get("shots"), options, where)
        bindings = BindingsArray({tuple(circuit.parameters): bound} if circuit.num_parameters else None, shape=bound.shape[:-1])
        pubs.append(SamplerPub(circuit, bindings, shots))
        returned.append(kept)
    return SamplerRequest(tuple(pubs), tuple(returned), options, client_options, wants_types(params))


def _require_classified(options: LegacyOptions, client_options: SamplerOptions) -> None:
    if options.experimental.calibration_shots is not None and client_options.execution.meas_type != "classified":
        raise UnsupportedOption(
            f"option experimental.{QUASI} needs classified results",
            given=client_options.execution.meas_type,
            where="options.execution.meas_type",
        )


def _shots(asked: Any, options: LegacyOptions, where: str) -> tuple[int, int]:
    """Shots to play, and shots to return.

    A number given with the pub is always obeyed; the product of the twirling options only overrides the default.
    """
    if asked is not None and (isinstance(asked, bool) or not isinstance(asked, int) or asked < 1):
        raise BadRequest("shots must be a whole number of at least 1", given=str(asked)[:80], where=where)
    twirling = options.full["twirling"]
    numbers = [twirling["num_randomizations"], twirling["shots_per_randomization"]]
    fixed = (twirling["enable_gates"] or twirling["enable_measure"]) and "auto" not in numbers
    product = numbers[0] * numbers[1] if fixed else None
    if asked is None:
        shots = product or options.full["default_shots"] or DEFAULT_SHOTS
        return shots, shots
    if product is not None and product < asked:
        raise BadRequest(
            "num_randomizations x shots_per_randomization must be at least the number of shots",
            given=f"{product} < {asked}",
            where=where,
            remedy="Leave one of the two at 'auto'",
        )
    return asked, asked
