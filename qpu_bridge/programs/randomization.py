"""How the shots of a twirled pub are shared among its randomizations."""

from __future__ import annotations

from qiskit_ibm_runtime.executor.calculate_twirling_shots import calculate_twirling_shots
from qiskit_ibm_runtime.executor_estimator.pec import calculate_pec_twirling_shots
from qiskit_ibm_runtime.options_models import TwirlingOptions


def is_twirled(twirling: TwirlingOptions) -> bool:
    """Whether each configuration is played in several randomizations."""
    return bool(twirling.enable_gates or twirling.enable_measure)


def randomizations(twirling: TwirlingOptions, shots: int, *, cancelled: bool = False) -> tuple[int, int]:
    """Number of randomizations, and shots of each, by the client's own rules; one of all shots without twirling.

    Args:
        twirling: How.
        shots: Of all randomizations together.
        cancelled: Whether errors are cancelled by probability, before the number grows by the sampling overhead.
    """
    if not is_twirled(twirling):
        return 1, shots
    rule = calculate_pec_twirling_shots if cancelled else calculate_twirling_shots
    number, each = rule(shots, twirling.num_randomizations, twirling.shots_per_randomization)
    return int(number), int(each)
