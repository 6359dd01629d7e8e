"""Routines in the order in which a new qubit needs them, on devices of which only the design is known."""

from __future__ import annotations

import pytest

from qpu_calibration.catalog import routine
from qpu_calibration.edit import drag_pulse
from qpu_calibration.graph import Graph
from qpu_emulator import five
from qpu_emulator.bring_up.discrimination import solve_measure
from qpu_emulator.bring_up.recipe import Recipe
from tests.calibration.conftest import raw

ORDER = (
    "resonator_spectroscopy",
    "qubit_spectroscopy",
    "rabi",
    "readout_frequency",
    "readout_kernel",
    "readout",
    "ramsey",
    "anharmonicity",
    "drag",
    "fine_amplitude",
    "t1",
    "echo",
)


def test_t1_is_known_before_what_is_changed_with_it():
    """Else the first T1 of a device would change an echo's T2 that was measured already, by as much as the design was wrong."""
    order = Graph.of(five.snapshot()).order
    assert order.index("t1") < min(order.index("echo"), order.index("rb"))


@pytest.mark.parametrize("family", ["cz", "ecr"])
def test_a_device_of_which_only_the_design_is_known(lab, seed, family):
    device = lab(*raw("line", 2, family, seed))
    bench, truth = device.bench, device.truth.transmons[0]
    fits = {}
    for name in ORDER:
        outcome = bench.run(routine(name), [(0,)])
        assert not outcome.refused, (name, outcome.refused)
        fits[name] = outcome.fits[(0,)]
    qubit = bench.snapshot.qubits[0]
    assert qubit.frequency == pytest.approx(truth.frequency, abs=5 * fits["ramsey"].error("f01") + 100)
    assert qubit.anharmonicity == pytest.approx(truth.anharmonicity, abs=5 * fits["anharmonicity"].error("anharmonicity"))
    assert qubit.t1 == pytest.approx(truth.t1, abs=4 * fits["t1"].error("t1"))
    # 1/f noise takes its share, which white noise alone does not say
    assert 0.75 * truth.t2 - 4 * fits["echo"].error("t2") < qubit.t2 < truth.t2 + 4 * fits["echo"].error("t2")
    readout, resonator = bench.snapshot.measure(0), device.truth.resonators[0]
    assert bench.snapshot.frame(readout.drive_frame).frequency == pytest.approx(resonator.frequency, abs=0.1 * resonator.kappa)
    best = solve_measure(device.truth, 0, Recipe().readout_of(0), {})
    found, wanted = (m.prob_meas1_prep0 + m.prob_meas0_prep1 for m in (readout, best))
    assert found == pytest.approx(wanted, rel=0.1, abs=4 * fits["readout"].error("prob_meas0_prep1") * 2**0.5)
    scale = -1 / (4 * 3.14159 * truth.anharmonicity * 1e-9)
    # 1.04 to 1.08 of it for a transmon alone
    assert 0.94 * scale < drag_pulse(bench.snapshot, 0)[1].beta < 1.14 * scale
