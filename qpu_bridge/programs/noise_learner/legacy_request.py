"""Parameters of the older ``noise-learner``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ibm_quantum_schemas.noise_learner_v2.version_0_1 import OptionsModel
from qiskit import QuantumCircuit
from qiskit.transpiler import PassManager
from samplomatic.transpiler import generate_boxing_pass_manager

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BadRequest
from qpu_bridge.programs.circuit_layers import CircuitLayers, find_layers
from qpu_bridge.programs.foreign_text import said
from qpu_bridge.programs.layers import LearnOptions
from qpu_bridge.programs.legacy_request import LegacyOptions, read_circuit, read_options
from qpu_bridge.programs.noise_learner.options import LEGACY
from qpu_bridge.programs.noise_learner.v3_request import require_counts
from qpu_bridge.programs.options import ExecuteOptions

KNOWN = frozenset({"circuits", "options", "version"})
INPUT_OPTIONS = tuple(name for name in LEGACY if name not in ("support_qiskit", "experimental") and "." not in name)
"""Those that a result names."""


@dataclass(frozen=True, slots=True)
class LegacyRequest:
    """A request, decoded.

    Attributes:
        circuits: Whose layers to learn.
        options: Checked options.
        most: How many layers to learn, None for all.
    """

    circuits: tuple[QuantumCircuit, ...]
    options: LegacyOptions
    most: int | None

    @property
    def input_options(self) -> dict[str, Any]:
        """The options that a result names, all of them."""
        return {name: self.options.full[name] for name in INPUT_OPTIONS}

    def learn_options(self, seed: int | None) -> LearnOptions:
        """How layers are to be learned."""
        full = self.options.full
        return LearnOptions(
            num_randomizations=full["num_randomizations"],
            shots_per_randomization=full["shots_per_randomization"],
            layer_pair_depths=tuple(full["layer_pair_depths"]),
            execute=ExecuteOptions(settings=self.options.experimental.settings, seed=seed),
        )

    def layers(self) -> CircuitLayers:
        """The layers of the circuits, cut as twirling would cut them.

        Raises:
            BadRequest: If a circuit cannot be cut into layers.
        """
        strategy = self.options.full["twirling_strategy"].replace("-", "_")
        passes: PassManager = generate_boxing_pass_manager(
            twirling_strategy=strategy, inject_noise_targets="gates", inject_noise_strategy="no_modification"
        )
        try:
            return find_layers(self.circuits, passes.run)
        except Exception as error:  # the library's passes raise many kinds for circuits that they do not like
            raise BadRequest("circuits must be such that they can be cut into layers", given=said(error).rstrip(".")) from error


def read_request(params: Mapping[str, Any], capabilities: Capabilities) -> LegacyRequest:
    """Check and complete a request, without looking at the machine.

    Raises:
        BadRequest: If a field is missing or malformed.
        UnsupportedOption: If an option is not honoured.
    """
    options = read_options(params, KNOWN, LEGACY, OptionsModel, capabilities)
    given = params.get("circuits")
    if not isinstance(given, list) or not given:
        raise BadRequest("a job must hold at least one circuit", given=str(given)[:80], where="params.circuits")
    require_counts(OptionsModel(**{name: options.full[name] for name in INPUT_OPTIONS}))
    # null, which elsewhere means the default, means here that there is no limit
    asked = options.given.get("max_layers_to_learn", OptionsModel().max_layers_to_learn)
    if asked is not None and asked < 0:
        raise BadRequest("max_layers_to_learn must not be negative", given=asked, where="options.max_layers_to_learn")
    full = dict(options.full) | {"max_layers_to_learn": asked}
    circuits = tuple(read_circuit(value, f"params.circuits[{index}]") for index, value in enumerate(given))
    return LegacyRequest(circuits, LegacyOptions(options.given, full, options.experimental), asked)
