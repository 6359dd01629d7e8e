"""How the shots of a twirled pub are shared among its randomizations."""

from __future__ import annotations

from qiskit_ibm_runtime.executor.calculate_twirling_shots import calculate_twirling_shots
from qiskit_ibm_runtime.options_models import TwirlingOptions


def is_twirled(twirling: TwirlingOptions) -> bool:
    """Whether each configuration is played in several randomizations."""
    return bool(twirling.enable_gates or twirling.enable_measure)


def randomizations(twirling: TwirlingOptions, shots: int) -> tuple[int, int]:
    """Number of randomizations, and shots of each, by the client's own rule; one of all shots without twirling."""
    if not is_twirled(twirling):
        return 1, shots
    number, each = calculate_twirling_shots(shots, twirling.num_randomizations, twirling.shots_per_randomization)
    return int(number), int(each)
