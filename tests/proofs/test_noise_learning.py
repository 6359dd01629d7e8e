"""Learned noise beside what it must be, and a value without it. In full: ``python -m tests.proofs.noise_learning``."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.programs import ExecuteOptions
from qpu_bridge.programs.layers import LearnOptions
from tests.proofs import mitigation
from tests.proofs.noise_learning import CASES, Term, cancelled, chi_squared, expected, learned
from tests.proofs.stand import only, stand

OPTIONS = LearnOptions(32, 128, (0, 2, 8, 24), execute=ExecuteOptions(settings=only(t1=1, t2=1)))


Rates = dict[Term, float]
Learned = dict[Term, tuple[float, float]]


@pytest.fixture(scope="module", params=CASES)
def rates(request: pytest.FixtureRequest) -> tuple[Rates, Learned]:
    """Expected ones, and learned ones."""
    case = CASES[request.param]
    with stand(case.module.device(), case.module.snapshot(), seed=5) as device:
        return expected(case), learned(case, OPTIONS, device)


def test_learned_rates_are_those_of_t1_and_t2(rates: tuple[Rates, Learned]) -> None:
    wanted, found = rates
    assert len(found) == 51
    square, largest, terms = chi_squared(found, wanted)
    assert terms >= 15
    assert square < 2
    assert largest < 4
    # and the total is known well: what cancelling this noise costs
    assert sum(rate for rate, _ in found.values()) == pytest.approx(sum(wanted.values()), rel=0.05)


def test_error_bars_tell_lifetimes_a_third_longer(rates: tuple[Rates, Learned]) -> None:
    wanted, found = rates
    square, _, _ = chi_squared(found, {term: rate / 1.33 for term, rate in wanted.items()})
    assert square > 4


def test_what_is_learned_cancels_errors() -> None:
    seed, pauli = mitigation.CASES[0]
    found = cancelled(mitigation.brickwork(6, seed), pauli, only(t1=6, t2=6, readout=1), 0.01, 2048)
    ideal = found["ideal"][0]
    bias = {name: abs(found[name][0] - ideal) for name in ("raw", "pec")}
    assert bias["raw"] > 4 * found["raw"][1]
    assert bias["pec"] < 2.5 * np.hypot(found["pec"][1], 0.005)
    assert bias["pec"] < bias["raw"] / 2
