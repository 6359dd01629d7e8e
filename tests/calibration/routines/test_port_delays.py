"""Lines that are longer than others: by how much is found, for either sign, and gates are placed so that pulses do not meet."""

from __future__ import annotations

import pytest

from qpu_calibration.catalog import routine
from qpu_calibration.edit import flux_window
from qpu_emulator import five
from qpu_emulator.chip.line import Line


def late(**nanoseconds):
    """The built-in device with lines that are late, ns."""
    lines = {port: Line(delay=ns * 1e-9) for port, ns in nanoseconds.items()}
    return five.device().model_copy(update={"lines": lines})


@pytest.mark.parametrize(
    ("lines", "pair", "first", "second", "window"),
    [
        ({"c01": 11.0}, (0, 1), 11, 11, (0, 72)),
        ({"c12": 13.0, "d1": 31.0}, (1, 2), -18, 13, (18, 92)),
    ],
)
def test_delays_of_either_sign(lab, lines, pair, first, second, window):
    bench = lab(late(**lines)).bench
    outcome = bench.run(routine("port_delays"), [pair])
    assert not outcome.refused
    fit = outcome.fits[pair]
    for name, true in (("first", first), ("second", second), ("drives", first - second)):
        assert fit.error(name) < 0.5e-9
        assert fit[name] == pytest.approx(true * 1e-9, abs=4 * fit.error(name))
    # a tick more or less is within the errors
    assert flux_window(bench.snapshot, pair) == pytest.approx(window, abs=4)
    for name in ("cz", "rzz"):
        gate = bench.snapshot.gate(name, *pair)
        assert (gate.pulses[0].start, gate.duration) == flux_window(bench.snapshot, pair)
    assert routine("port_delays").deviation(bench.snapshot, fit) < 1


def test_the_gate_is_right_once_its_line_is_known(lab):
    """A flux pulse that is 36 ns late meets the pulses after its gate."""
    bench = lab(late(c01=36.0)).bench
    phases = routine("cz_local_phases")
    (before,) = bench.look(phases, [(0, 1)])
    assert not before.good or phases.deviation(bench.snapshot, before) > 1.2
    assert not bench.run(routine("port_delays"), [(0, 1)]).refused
    (after,) = bench.look(phases, [(0, 1)])
    assert after.good
    assert phases.deviation(bench.snapshot, after) < 1


def test_a_line_that_is_too_late_is_not_guessed(lab):
    bench = lab(late(c01=54.0)).bench
    outcome = bench.run(routine("port_delays"), [(0, 1)])
    assert outcome.refused[(0, 1)]
    assert not outcome.changed
