"""Lines that are longer than others: by how much is found, for either sign, and gates are placed so that pulses do not meet."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import waveform
from qpu_calibration.catalog import routine
from qpu_calibration.edit import amplitude, drag_pulse, flux_window
from qpu_calibration.graph import Graph
from qpu_emulator import five, five_ecr
from qpu_emulator.bring_up.echoed import EchoedPair
from qpu_emulator.bring_up.rotation import rotate
from qpu_emulator.chip.device import Crosstalk
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


def test_couplers_without_a_flux_line_are_refused_in_words(lab):
    """Their gates take delays in their phases; nothing is skipped silently."""
    snapshot = five_ecr.snapshot()
    graph = Graph.of(snapshot)
    for asked in ({}, {"qubits": [0, 1]}, {"couplers": [(1, 0)]}):
        with pytest.raises(SettingsError, match="port_delays is about couplers with cz; got coupler 0-1 with ecr"):
            graph.nodes("port_delays", **asked)
    assert "port_delays" not in {node.routine for node in graph.nodes()}
    outcome = lab(five_ecr.device(), snapshot).bench.run(routine("port_delays"), [(0, 1)])
    assert outcome.refused == {(0, 1): "a routine plays gates that the snapshot has; got cz on [0, 1]."}


@pytest.mark.parametrize("late", [{"x0": 16}, {"x1": 16}])
def test_an_echoed_gate_behind_lines_that_are_late_can_be_as_good(late):
    """Five numbers that routines find make it right, crosstalk of -20 dB included, whatever the delay."""
    device = five_ecr.device()
    lines = device.lines | {port: device.lines[port].model_copy(update={"delay": ns * 1e-9}) for port, ns in late.items()}
    loud = (Crosstalk(port="x0", qubit=1, amplitude=0.1, phase=2.2),)
    truth, snapshot = device.model_copy(update={"lines": lines, "crosstalk": loud}), five_ecr.snapshot()
    level = amplitude(snapshot, 0)
    shape = drag_pulse(snapshot, 0)[1]
    flip = rotate(truth, 0, shape.duration, shape.beta, np.array([level]))[0][:2, :2]
    half = waveform(snapshot.waveforms["cross"])
    pair = EchoedPair(truth, truth.couplers[0], 0, half, flip, shape.duration, 1e-9)
    assert pair.solve(0.5, (0.06, 0.1)).infidelity < 2e-5
