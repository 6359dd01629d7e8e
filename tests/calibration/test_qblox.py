"""The same routines on a rack of Qblox modules: compiled for it, and what is heard comes back in its qubit, point and shot."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qpu_bridge import plugins
from qpu_bridge.execution import Execution
from qpu_bridge.schedule import Table
from qpu_bridge.schedule.check import check, check_table
from qpu_bridge.target import Snapshot
from qpu_calibration.bench import Bench
from qpu_calibration.catalog import names, routine
from qpu_calibration.edit import amplitude
from qpu_calibration.plan import Kind
from qpu_calibration.routines.rabi import bend
from qpu_calibration.routines.t1 import T1
from qpu_drivers.qblox.capabilities import limits
from qpu_drivers.qblox.driver import QbloxDriver
from qpu_drivers.qblox.playing import Playing
from qpu_drivers.qblox.rack import Rack
from tests.calibration.measuring import measure
from tests.drivers.qblox.oracle.injection import hearing

LAB = Path(__file__).parents[1] / "drivers" / "qblox" / "lab.toml"
TARGETS = [(0,), (2,), (4,)]
QUICK = {"default_rep_delay": 5e-6, "min_rep_delay": 1e-6, "passive_reset": 5e-6}
"""A simulator writes every nanosecond of a wait."""


def options(snapshot: Snapshot) -> dict[str, Any]:
    """The rack of the snapshot `five`; for one without couplers, whose drive lines have other names, the same sockets."""
    given = tomllib.loads(LAB.read_text())["devices"]["lab_five"]["options"]
    ports = {port.name for port in snapshot.ports}
    wiring = {
        name: socket for line, socket in given["wiring"].items() for name in (line, line.replace("d", "x")) if name in ports
    }
    return given | {"wiring": wiring, "instrument": "simulator", "answers": "nothing"}


@pytest.fixture(scope="module")
def five() -> Snapshot:
    found = plugins.open_snapshot("five", "lab_five")
    qubits = tuple(qubit.model_copy(update={"t1": 4e-6, "t2": 3e-6}) for qubit in found.qubits)
    return found.model_copy(update={"timing": found.timing.model_copy(update=QUICK), "qubits": qubits})


@pytest.fixture(scope="module")
def bench(five: Snapshot) -> Iterator[Callable[[], Bench]]:
    if find_spec("q1simulator") is None:  # to import it needs a stand-in for Qt
        pytest.skip("pip install 'qpu-bridge[test]'")
    driver = QbloxDriver("lab_five", five, options(five))
    yield lambda: Bench(Execution(driver, driver.capabilities()), five, figures=False)
    driver.close()


@pytest.fixture(scope="module")
def racks() -> dict[str, tuple[Snapshot, Rack, Any]]:
    """Gate of two qubits -> snapshot, rack, limits."""
    found = {}
    for gate, name in (("cz", "five"), ("ecr", "five_ecr")):
        snapshot = plugins.open_snapshot(name, "lab_five")
        rack = Rack.read(options(snapshot), "lab_five")
        found[gate] = (snapshot, rack, limits(rack, snapshot))
    return found


@pytest.mark.parametrize("name", names())
def test_every_routine_is_compiled_for_the_rack(name, racks):
    one = routine(name)
    snapshot, rack, allowed = racks["ecr" if one.gate == "ecr" else "cz"]
    targets = (
        TARGETS if one.kind is Kind.QUBIT else [next(gate.qubits for gate in snapshot.gates if gate.name == (one.gate or "cz"))]
    )
    for settings in one.passes(one.settings):
        plan = one.plan(snapshot, targets, settings, allowed)
        for schedule, table in (plan.schedules[0], plan.schedules[-1]):
            check(schedule, allowed)
            check_table(schedule, table, allowed)
            part = Playing.of(schedule, rack).parts[0]
            program = part.template.program(Table(table.values[:2]), 2, 200_000)
            heard = [sequencer for sequencer in program.sequencers if sequencer.acquisitions]
            assert len(heard) == (1 if part.trace else len(plan.targets) * len(plan.targets[0]))
            assert all("acquire" in sequencer.text for sequencer in heard)


def test_bits_of_t1_come_back_in_their_qubit_and_wait(bench, five):
    class Once(T1):
        def passes(self, settings):
            return [settings]

    one = Once()
    settings = one.settings.model_copy(update={"shots": 40, "points": 17})
    waits = one.axes(five, TARGETS, settings)[0].values
    hidden = {0: 3e-6, 2: 2e-6, 4: 4e-6}

    def heard(row: int, shot: int, site: Any, tuned: float) -> complex:
        ((qubit,),) = TARGETS[site.column : site.column + 1]
        side = 1 if shot < round(40 * np.exp(-waits[row] / hidden[qubit])) else -1
        measure = five.measure(qubit)
        return complex((measure.threshold + side * (50 + shot)) * np.exp(1j * measure.angle))

    with hearing(heard):
        outcome = bench().run(one, TARGETS, settings)
    assert not outcome.refused
    data = outcome.looks[0].data
    for qubit, t1 in hidden.items():
        assert data["ones"].sel(qubit=qubit).values == pytest.approx(np.round(40 * np.exp(-waits / t1)) / 40)
        fit = outcome.fits[(qubit,)]
        assert abs(fit["t1"] - t1) < 2 * fit.error("t1") < 0.4 * t1


def test_averages_of_rabi_come_back_in_their_qubit_and_amplitude(bench, five):
    one = routine("rabi")
    settings = one.settings.model_copy(update={"shots": 8, "points": 21})
    levels = one.axes(five, TARGETS, settings)[0].within(bench().execution.capabilities.limits).values
    pi = np.array([0.9, 1.0, 1.1]) * [amplitude(five, qubit) for (qubit,) in TARGETS]

    bends = [bend(five, qubit) for (qubit,) in TARGETS]

    def turned(level: float, place: int) -> float:
        return level * (1 - bends[place] * level**2)

    def point(row: int, place: int) -> complex:
        angle = np.pi * turned(levels[place, row], place) / turned(pi[place], place)
        return complex((3 + place) * np.cos(angle) * np.exp(1j * (0.3 + place)) + 2j + place)

    with hearing(lambda row, shot, site, tuned: point(row, site.column) + 0.1 * (shot - 3.5)):
        outcome = bench().run(one, TARGETS, settings)
    assert not outcome.refused
    iq = outcome.looks[0].data["iq"].values
    assert np.allclose(iq, [[point(row, place) for row in range(21)] for place in range(3)], atol=1e-5)
    assert [outcome.fits[target]["pi_amplitude"] for target in TARGETS] == pytest.approx(pi, rel=2e-5)


def test_points_of_readout_come_back_in_their_qubit_preparation_and_shot(bench, five, rng):
    one = routine("readout")
    shots = 200
    settings = one.settings.model_copy(update={"shots": shots})
    clouds = rng.normal(size=(4, shots, 3)) + 1j * rng.normal(size=(4, shots, 3))
    clouds += np.array([0, 1, 0, 1])[:, None, None] * np.array([8, 8j, -8])

    # four schedules, played one after the other: level 0, then level 1, and both again
    with hearing(lambda row, shot, site, tuned: complex(clouds[row, shot, site.column])):
        outcome = bench().run(one, TARGETS, settings)
    data = outcome.looks[0].data
    assert data["iq"].dims == ("qubit", "again", "prepared", "shot")
    assert np.allclose(data["iq"].values.reshape(3, 4, shots), np.moveaxis(clouds, 2, 0), atol=1e-5)
    assert not outcome.refused


def test_bits_of_a_coupler_come_back_in_their_place_and_point(bench, rng):
    one = routine("cz_phase")
    settings = one.settings.model_copy(update={"shots": 4})
    plan = one.plan(bench().snapshot, [(0, 1)], settings)
    schedules, rows = len(plan.schedules), len(plan.schedules[0][1])
    assert [column.name for column in plan.schedules[0][0].columns] == ["q0 0", "q1 0"]
    bits = rng.integers(0, 2, (schedules * rows, 4, 2))
    lines = [bench().snapshot.measure(qubit) for qubit in (0, 1)]

    def heard(row: int, shot: int, site: Any, tuned: float) -> complex:
        line, bit = lines[site.column], bits[row, shot, site.column]
        return complex((line.threshold + (100 if bit else -100)) * np.exp(1j * line.angle))

    with hearing(heard):
        data = measure(plan, bench().snapshot, bench().execution)
    axes = (*plan.stepped, *plan.swept)
    shares = bits.mean(axis=1).reshape(*(axis.points for axis in axes), 2)
    found = data["ones"].isel(coupler=0).transpose(*(axis.dimension for axis in axes), "place")
    assert np.array_equal(found.values, shares)
