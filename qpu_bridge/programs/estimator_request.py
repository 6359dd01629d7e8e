"""Parameters of the older ``estimator`` program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from ibm_quantum_schemas.estimator.version_0_1 import OptionsModel
from pydantic import ValidationError
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit_ibm_runtime.executor_estimator.finalize_options import finalize_estimator_options
from qiskit_ibm_runtime.options_models import EstimatorOptions
from qiskit_ibm_runtime.results import LayerError

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BadRequest, UnsupportedOption
from qpu_bridge.programs.configurations import configurations
from qpu_bridge.programs.foreign_text import said
from qpu_bridge.programs.layer_noise import read_model
from qpu_bridge.programs.legacy_request import LegacyOptions, read_circuit, read_options, read_pubs, read_values, wants_types
from qpu_bridge.programs.option_table import ESTIMATOR
from qpu_bridge.programs.randomization import randomizations

KNOWN = frozenset({"pubs", "options", "version", "support_qiskit", "resilience_level", "precision"})
DEFAULT_LEVEL = 1


@dataclass(frozen=True, slots=True)
class EstimatorRequest:
    """A request, decoded.

    Attributes:
        pubs: What to estimate.
        shots: Shots for each pub and configuration, all randomizations together.
        configurations: In how many configurations each pub is played, at least.
        precisions: What each pub's result names as its target.
        options: Checked options.
        client_options: The same in the form that the client's own code takes, with the level's defaults filled in.
        layer_errors: The noise of layers as the caller gave it; None if it is to be learned where it is needed.
        typed: Whether the answer is in Qiskit's types.
    """

    pubs: tuple[EstimatorPub, ...]
    shots: tuple[int, ...]
    configurations: tuple[int, ...]
    precisions: tuple[float, ...]
    options: LegacyOptions
    client_options: EstimatorOptions
    layer_errors: tuple[LayerError, ...] | None
    typed: bool

    @property
    def needs_layer_noise(self) -> bool:
        """Whether the noise of layers must be known before anything is played."""
        resilience = self.client_options.resilience
        return bool(resilience.pec_mitigation or (resilience.zne_mitigation and resilience.zne.amplifier == "pea"))

    def randomizations(self, shots: int) -> tuple[int, int]:
        """Number of randomizations, and shots of each; cancelling errors multiplies the number by its overhead."""
        cancelled = self.client_options.resilience.pec_mitigation
        return randomizations(self.client_options.twirling, shots, cancelled=cancelled)


def read_request(
    params: Mapping[str, Any], capabilities: Capabilities, between: Callable[[], None] = lambda: None
) -> EstimatorRequest:
    """Check and complete a request, without looking at the machine; ``between`` is called before each circuit is read.

    Raises:
        BadRequest: If a field is missing or malformed.
        UnsupportedOption: If an option is not honoured.
    """
    options = read_options(params, KNOWN, ESTIMATOR, OptionsModel, capabilities)
    level = params.get("resilience_level")
    client_options = _client_options(options, DEFAULT_LEVEL if level is None else level)
    pubs: list[EstimatorPub] = []
    shots: list[int] = []
    precisions: list[float] = []
    for index, (circuit_value, observables, values, own) in enumerate(read_pubs(params, 4)):
        where = f"params.pubs[{index}]"
        between()
        circuit = read_circuit(circuit_value, where)
        if circuit.num_vars or circuit.num_stretches:
            names = [found.name for found in (*circuit.iter_vars(), *circuit.iter_stretches())]
            raise UnsupportedOption(
                "classical variables and stretches can be sampled, not estimated: the library that adds bases loses them",
                given=", ".join(names)[:80],
                where=where,
                remedy="Keep what the circuit decides by in measured bits, and give its delays fixed lengths.",
            )
        bound = read_values(values, circuit, where)
        count, precision = _effort(own if own is not None else params.get("precision"), options, client_options, where)
        bindings = BindingsArray({tuple(circuit.parameters): bound} if circuit.num_parameters else None, shape=bound.shape[:-1])
        try:
            pubs.append(EstimatorPub(circuit, ObservablesArray.coerce(observables), bindings, validate=True))
        except (ValueError, TypeError, AttributeError) as error:
            raise BadRequest("observables must fit the circuit and its parameters", given=said(error), where=where) from None
        if not pubs[-1].observables.size:
            raise BadRequest("a pub must have an observable", given="none", where=where)
        shots.append(count)
        precisions.append(precision)
    errors = read_model(options.at("resilience.layer_noise_model"))
    counts = tuple(configurations(pub) for pub in pubs)
    return EstimatorRequest(
        tuple(pubs), tuple(shots), counts, tuple(precisions), options, client_options, errors, wants_types(params)
    )


def _client_options(options: LegacyOptions, level: Any) -> EstimatorOptions:
    """Options as the client's own code takes them; the older defaults are filled in where they differ from the newer ones."""
    full, resilience = options.full, options.full["resilience"]
    if resilience["zne_mitigation"] is False and options.at("resilience.zne"):
        raise UnsupportedOption("options of resilience.zne need resilience.zne_mitigation", given=False)
    try:
        made = EstimatorOptions(
            resilience_level=level,
            twirling={name: value for name, value in options.section("twirling").items() if value is not None},
            resilience={
                "measure_mitigation": resilience["measure_mitigation"],
                "measure_noise_learning": {"num_randomizations": resilience["measure_noise_learning"]["num_randomizations"]},
                "zne_mitigation": resilience["zne_mitigation"],
                "zne": resilience["zne"],
                "pec_mitigation": resilience["pec_mitigation"],
                "pec": resilience["pec"],
            },
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise BadRequest("an option must have a value that it can take", given=first["msg"], where=f"options.{path}") from None
    _require_twirling(made, full["twirling"])
    finalized = finalize_estimator_options(made)
    if finalized.resilience.pec_mitigation and finalized.resilience.zne_mitigation:
        raise UnsupportedOption(
            "errors can be cancelled or extrapolated, not both",
            given=f"resilience.pec_mitigation with resilience_level {level}",
            where="options.resilience",
            remedy="Set resilience.zne_mitigation to False.",
        )
    return finalized


def _require_twirling(made: EstimatorOptions, twirling: Mapping[str, Any]) -> None:
    """Mitigation works on twirled noise; the client's code would switch the twirl back on behind the caller's back."""
    level, resilience = made.resilience_level, made.resilience
    extrapolated = resilience.zne_mitigation if resilience.zne_mitigation is not None else level == 2
    readout = resilience.measure_mitigation if resilience.measure_mitigation is not None else level > 0
    layers = resilience.pec_mitigation or (extrapolated and resilience.zne.amplifier == "pea")
    for name, needed, why in (
        ("enable_gates", layers, "the noise of layers is"),
        ("enable_measure", readout or layers, "errors of readout or layers are"),
    ):
        if needed and twirling[name] is False:
            raise UnsupportedOption(
                f"option twirling.{name} cannot be False while {why} mitigated",
                given=False,
                where=f"options.twirling.{name}",
                remedy="Set the option of resilience that asks for it to False as well.",
            )


def _effort(asked: Any, options: LegacyOptions, client_options: EstimatorOptions, where: str) -> tuple[int, float]:
    """Shots, and the precision that they stand for."""
    if asked is not None and (isinstance(asked, bool) or not isinstance(asked, int | float) or not asked > 0):
        raise BadRequest("precision must be a positive number", given=str(asked)[:80], where=where)
    twirling = client_options.twirling
    fixed = (twirling.enable_gates or twirling.enable_measure) and "auto" not in (
        twirling.num_randomizations,
        twirling.shots_per_randomization,
    )
    product = int(twirling.num_randomizations) * int(twirling.shots_per_randomization) if fixed else None
    if asked is not None:
        shots = ceil(1 / asked**2)
        if product is not None and product < shots:
            raise BadRequest(
                "num_randomizations x shots_per_randomization must reach the precision asked for",
                given=f"{product} < {shots} shots",
                where=where,
                remedy="Leave one of the two at 'auto'",
            )
        return shots, float(asked)
    default: float = options.full["default_precision"]
    shots = product or options.full["default_shots"] or ceil(1 / default**2)
    exact = product is None and options.full["default_shots"] is None
    return shots, default if exact else shots**-0.5
