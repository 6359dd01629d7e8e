"""Options of the noise learners: every one honoured, or refused with a reason."""

from __future__ import annotations

from qpu_bridge.programs.option_table import OptionTable

_LOCAL_ONLY = "it only has a meaning in the client's local testing mode"
_CHECK = ("enable", "x_pulse_type", "strategy")

LEGACY: OptionTable = {
    "max_layers_to_learn": None,
    "shots_per_randomization": None,
    "num_randomizations": None,
    "layer_pair_depths": None,
    "twirling_strategy": None,
    "support_qiskit": "results are in Qiskit's types, which the client decodes",
    "experimental": None,
    "simulator.noise_model": _LOCAL_ONLY,
    "simulator.seed_simulator": None,
    "simulator.coupling_map": _LOCAL_ONLY,
    "simulator.basis_gates": _LOCAL_ONLY,
}

V3: OptionTable = {
    "shots_per_randomization": None,
    "num_randomizations": None,
    "layer_pair_depths": None,
    "init_qubits": None,
    "rep_delay": None,
    "experimental": None,
    **{f"post_selection.{name}": None for name in _CHECK},
    **{f"bit_flip_checks.{place}.{name}": None for place in ("pre_circuit", "post_circuit") for name in _CHECK},
}
"""``experimental`` is in no schema, and the client does not send it; requests that are made by hand may."""
