"""Cross-resonance of which only the design is known: the echoed gate is found, and what it does to the truth is solved."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_calibration.catalog import routine
from qpu_calibration.cross import complex_amplitude, halves, tone, with_axis, with_cross, with_tone
from qpu_calibration.edit import known_gate, virtual_z, with_gate, with_virtual_z
from qpu_emulator import five_ecr
from tests.calibration.channel import error, solved
from tests.calibration.conftest import raw

CHAIN = (
    "cr_tomography",
    "cr_cancellation",
    "cr_rotary",
    "cr_phase",
    "ecr_amplitude",
    "ecr_target_phase",
    "ecr_control_phase",
)


@pytest.mark.parametrize("seed", [7])
def test_from_the_design_to_twice_the_coherence_limit(lab, seed):
    truth, design = raw("line", 2, "ecr", seed)
    bench = lab(truth, solved(truth, design)).bench
    pair = next(gate.qubits for gate in design.gates if gate.name == "ecr")
    for name in CHAIN:
        outcome = bench.run(routine(name), [pair])
        assert not outcome.refused, outcome.refused
    wrong, limit = error(truth, bench.snapshot, pair)
    assert wrong + limit < 1.3 * limit


def test_terms_of_the_hamiltonian_are_those_of_the_books(lab):
    truth = five_ecr.device()
    bench = lab(truth, five_ecr.snapshot()).bench
    (fit,) = bench.look(routine("cr_tomography"), [(0, 1)])
    control, target = (truth.transmons[q] for q in (0, 1))
    apart, alpha, j = control.frequency - target.frequency, control.anharmonicity, 1.9e6
    drive = abs(complex_amplitude(halves(bench.snapshot, (0, 1))[0])) * control.rabi["x0"] * truth.lines["x0"].gain
    # first order in the drive; higher ones take some percents at this strength
    assert fit["zx"] == pytest.approx(abs(j * drive / apart * alpha / (alpha + apart)), rel=0.2)
    assert fit["ix"] == pytest.approx(-abs(j * drive / (alpha + apart)), rel=0.35)


def test_a_tone_of_the_wrong_phase_and_strength_is_set_right(lab):
    bench = lab(five_ecr.device(), five_ecr.snapshot()).bench
    pair, known = (0, 1), bench.snapshot
    bench.snapshot = with_axis(with_cross(known, pair, lambda level: 0.7 * level), pair, 1.3)
    for name in ("cr_tomography", "cr_phase", "ecr_amplitude"):
        outcome = bench.run(routine(name), [pair])
        assert not outcome.refused
    assert abs(complex_amplitude(halves(bench.snapshot, pair)[0])) == pytest.approx(
        abs(complex_amplitude(halves(known, pair)[0])), rel=0.02
    )
    assert error(five_ecr.device(), bench.snapshot, pair)[0] < 5e-4


def test_a_tone_across_zx_is_cancelled(lab):
    bench = lab(five_ecr.device(), five_ecr.snapshot()).bench
    pair, known = (0, 1), bench.snapshot
    bench.snapshot = with_tone(known, pair, lambda level: level + 0.02j)
    outcome = bench.run(routine("cr_cancellation"), [pair])
    assert not outcome.refused
    fit = outcome.fits[pair]
    across = (tone(bench.snapshot, pair) * np.exp(-1j * fit["axis"])).imag
    assert across == pytest.approx(fit["quadrature"], abs=1e-6)
    assert abs(across) < 1e-3


def test_the_rotary_tone_stays_where_no_other_is_better(lab):
    bench = lab(five_ecr.device(), five_ecr.snapshot()).bench
    before = bench.snapshot
    outcome = bench.run(routine("cr_rotary"), [(0, 1)])
    assert not outcome.refused
    assert not outcome.changed
    assert bench.snapshot is before


@pytest.mark.parametrize(("name", "first", "second"), [("ecr_control_phase", 0.9, 0.0), ("ecr_target_phase", 0.0, -0.3)])
def test_phases_of_either_qubit_are_found_again(lab, name, first, second):
    bench = lab(five_ecr.device(), five_ecr.snapshot()).bench
    pair = (2, 1)
    known = virtual_z(bench.snapshot, "ecr", pair)
    bench.snapshot = with_virtual_z(bench.snapshot, "ecr", pair, (known[0] + first, known[1] + second))
    outcome = bench.run(routine(name), [pair])
    assert not outcome.refused
    fit = outcome.fits[pair]
    found = virtual_z(bench.snapshot, "ecr", pair)
    assert found == pytest.approx(known, abs=4 * fit.error("turn") + 5e-3)


def test_a_tone_that_does_not_reach_the_target_keeps_its_numbers(lab):
    truth = five_ecr.device()
    apart = truth.model_copy(update={"couplers": tuple(c.model_copy(update={"j": 1e3}) for c in truth.couplers)})
    bench = lab(apart, five_ecr.snapshot()).bench
    before = bench.snapshot
    outcome = bench.run(routine("cr_tomography"), [(0, 1)])
    assert outcome.refused
    assert bench.snapshot is before


def test_tones_keep_their_sign_and_their_echo():
    snapshot, pair = five_ecr.snapshot(), (0, 1)
    first, second = halves(snapshot, pair)
    after = halves(with_cross(snapshot, pair, lambda level: 1.1 * level * np.exp(0.2j)), pair)
    assert after[0].amplitude == pytest.approx(1.1 * first.amplitude)
    assert after[1].amplitude == -after[0].amplitude
    assert after[0].phase == pytest.approx(first.phase + 0.2)
    assert after[1].phase - after[0].phase == pytest.approx(second.phase - first.phase)
    gate = known_gate(snapshot, "ecr", pair)
    bare = with_gate(snapshot, gate.model_copy(update={"pulses": tuple(p for p in gate.pulses if p.frame != "q1")}))
    assert tone(bare, pair) == 0
    assert tone(with_tone(bare, pair, lambda _: 0.03j), pair) == pytest.approx(0.03j, abs=1e-9)
