"""Every option of every program: honoured, or refused with a reason. An option that is not in the table is refused as unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from qpu_bridge.errors import UnsupportedOption

OptionTable: TypeAlias = Mapping[str, str | None]
"""Path of an option -> None if it is honoured, else why it is refused."""

_LOCAL_ONLY = "it only has a meaning in the client's local testing mode"

_DECOUPLING: OptionTable = {
    "dynamical_decoupling.enable": None,
    "dynamical_decoupling.sequence_type": None,
    "dynamical_decoupling.extra_slack_distribution": None,
    "dynamical_decoupling.scheduling_method": None,
    "dynamical_decoupling.skip_reset_qubits": None,
}
_TWIRLING: OptionTable = {
    "twirling.enable_gates": None,
    "twirling.enable_measure": None,
    "twirling.num_randomizations": None,
    "twirling.shots_per_randomization": None,
    "twirling.strategy": None,
}
_SIMULATOR: OptionTable = {
    "simulator.noise_model": _LOCAL_ONLY,
    "simulator.seed_simulator": None,
    "simulator.coupling_map": _LOCAL_ONLY,
    "simulator.basis_gates": _LOCAL_ONLY,
}
_EXECUTION: OptionTable = {
    "execution.init_qubits": None,
    "execution.rep_delay": None,
    "execution.scheduler_timing": None,
    "execution.stretch_values": None,
}

EXECUTOR: OptionTable = {
    "init_qubits": None,
    "rep_delay": None,
    "scheduler_timing": None,
    "stretch_values": None,
    "experimental": None,
}

SAMPLER: OptionTable = {
    "default_shots": None,
    "experimental": None,
    "execution.meas_type": None,
    **_DECOUPLING,
    **_TWIRLING,
    **_SIMULATOR,
    **_EXECUTION,
}

ESTIMATOR: OptionTable = {
    "default_precision": None,
    "default_shots": None,
    "seed_estimator": None,
    "experimental": None,
    "resilience.measure_mitigation": None,
    "resilience.measure_noise_learning.num_randomizations": None,
    "resilience.measure_noise_learning.shots_per_randomization": None,
    "resilience.zne_mitigation": None,
    "resilience.zne.amplifier": None,
    "resilience.zne.noise_factors": None,
    "resilience.zne.extrapolator": None,
    "resilience.zne.extrapolated_noise_factors": None,
    "resilience.pec_mitigation": None,
    "resilience.pec.max_overhead": None,
    "resilience.pec.noise_gain": None,
    "resilience.layer_noise_learning.max_layers_to_learn": None,
    "resilience.layer_noise_learning.shots_per_randomization": None,
    "resilience.layer_noise_learning.num_randomizations": None,
    "resilience.layer_noise_learning.layer_pair_depths": None,
    "resilience.layer_noise_model": None,
    **_DECOUPLING,
    **_TWIRLING,
    **_SIMULATOR,
    **_EXECUTION,
}


def require_honoured(options: Mapping[str, Any], table: OptionTable, defaults: Mapping[str, Any]) -> None:
    """Refuse what cannot be honoured, by name. A refused option may still be given its default, which changes nothing.

    Args:
        options: What the caller set, nested.
        table: The program's options.
        defaults: The documented defaults, nested.

    Raises:
        UnsupportedOption: On the first option that is unknown or not honoured.
    """
    for path, value in _leaves(options, table):
        if path not in table:
            raise UnsupportedOption("an option must be one that this program has", given=f"options.{path}")
        reason = table[path]
        if reason is not None and value is not None and value != _at(defaults, path):
            raise UnsupportedOption(f"option {path} is not supported: {reason}", given=str(value)[:80], where=f"options.{path}")


def _leaves(options: Mapping[str, Any], table: OptionTable, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        path = f"{prefix}{name}"
        inner = any(known.startswith(f"{path}.") for known in table)
        if inner and value is None:
            continue
        if inner and isinstance(value, Mapping):
            yield from _leaves(value, table, f"{path}.")
        else:
            yield path, value


def _at(defaults: Mapping[str, Any], path: str) -> Any:
    here: Any = defaults
    for name in path.split("."):
        here = here.get(name) if isinstance(here, Mapping) else None
    return here
