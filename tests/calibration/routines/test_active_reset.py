"""Active reset: what is left after a flip in real time is what pulses and readout leave."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.execution import Execution
from qpu_bridge.schedule.limits import Feature
from qpu_calibration.bench import Bench
from qpu_calibration.catalog import routine
from qpu_calibration.edit import amplitude, with_amplitude
from qpu_calibration.graph import couplers
from qpu_calibration.groups import groups
from qpu_calibration.page import Page
from qpu_calibration.reading import Reading
from qpu_emulator import five

APART = [(0,), (2,), (4,)]


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_what_is_left_is_what_the_pulse_leaves(lab, share):
    device = lab()
    bench = device.bench
    for (q,) in APART:
        bench.snapshot = with_amplitude(bench.snapshot, q, "x", share * amplitude(bench.snapshot, q, "x"))
    before = bench.snapshot
    outcome = bench.run(routine("active_reset"), APART)
    assert not outcome.refused
    assert bench.snapshot is before
    turned = np.sin(np.pi * share / 2) ** 2
    for (q,) in APART:
        fit, t1 = outcome.fits[(q,)], device.truth.transmons[q].t1
        # up to three readouts in turn and the wait for the bits stand between pulse and flip
        lost = 2 * 3 * before.measure(q).duration * float(before.timing.dt) / t1
        assert fit["residual"] == pytest.approx(turned * (1 - turned), abs=lost + 5 * fit.error("residual") + 0.02)
        assert fit["without"] == pytest.approx(turned, abs=lost + 5 * fit.error("without") + 0.02)
        assert fit["residual_of_0"] == pytest.approx(0, abs=lost + 5 * fit.error("residual_of_0") + 0.02)


def test_a_device_that_cannot_branch_says_so(lab):
    whole = lab().bench
    capabilities = whole.execution.capabilities
    limits = capabilities.limits.model_copy(
        update={"features": capabilities.limits.features - {Feature.BRANCH, Feature.EXPRESSION}}
    )
    bench = Bench(Execution(whole.execution.driver, capabilities.model_copy(update={"limits": limits})), whole.snapshot)
    outcome = bench.run(routine("active_reset"), APART)
    assert set(outcome.refused) == set(APART)
    assert all("branch" in reason for reason in outcome.refused.values()), outcome.refused
    assert not any(fit.good for fit in bench.look(routine("active_reset"), APART))


def test_a_page_plays_by_bits_it_has_measured():
    for reading in (Reading.ONES, Reading.POINTS):
        page = Page(five.snapshot(), APART, 1, reading)
        if not reading.bits:
            page.measure()
        with pytest.raises(SettingsError, match="measure bits"):
            page.flip_if_one()


def test_qubits_take_turns():
    assert groups(couplers(five.snapshot()), APART, routine("active_reset").apart) == [[target] for target in APART]
