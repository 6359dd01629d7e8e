from __future__ import annotations

import gc
from weakref import ref

import numpy as np
import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import row_values, unroll
from qpu_bridge.schedule.shapes import constant
from qpu_calibration.axis import Axis, delays
from qpu_calibration.page import Page
from qpu_calibration.reading import Reading
from qpu_emulator import five, five_ecr

TAU = 2 * np.pi


def page(targets, rows, snapshot=None, reading=Reading.ONES) -> Page:
    return Page(snapshot or five.snapshot(), targets, rows, reading)


def events(written: Page, row: int = 0):
    schedule, table = written.schedule()
    shot = unroll(schedule, row_values(schedule, row, table, ()))
    return [
        (
            schedule.frames[int(e["frame"])].name,
            int(e["start"]),
            float(e["amplitude"]),
            float(e["phase"]),
            float(e["frequency"]),
        )
        for e in shot.events
    ]


def test_targets_play_side_by_side_and_are_read_together():
    sheet = page([(0,), (2,)], 1)
    sheet.x()
    sheet.wait(400e-9)
    sheet.x()
    sheet.measure()
    found = events(sheet)
    assert [(name, start) for name, start, *_ in found if name.startswith("q")] == [
        ("q0", 0),
        ("q2", 0),
        ("q0", 436),
        ("q2", 436),
    ]
    assert {start for name, start, *_ in found if name.startswith("m")} == {472}
    assert {start for name, start, *_ in found if name.startswith("a")} == {504}


def test_what_differs_from_row_to_row_fills_a_slot_and_equal_numbers_share_it():
    sheet = page([(0,), (1,)], 3)
    angle = np.array([[0.0, 0.1, 0.2]])
    sheet.sx(angle)
    sheet.sx(2 * angle)
    sheet.sx(angle)
    schedule, table = sheet.schedule()
    assert len(schedule.slots) == 2
    np.testing.assert_allclose(table.values, np.stack([angle[0], 2 * angle[0]], axis=1))
    assert [round(phase, 9) for *_, phase, _ in events(sheet, 2)] == [0.2, 0.2, 0.4, 0.4, 0.2, 0.2]


def test_each_target_has_its_own_numbers():
    sheet = page([(0,), (1,)], 2)
    sheet.drive(constant(20), np.array([[0.1, 0.2], [0.3, 0.4]]))
    assert [amplitude for _, _, amplitude, *_ in events(sheet, 1)] == [0.2, 0.4]


def test_one_target_alone_plays_what_is_written_for_it_only():
    sheet = page([(0, 1), (2, 3)], 1)
    with pytest.raises(SettingsError, match="cz on"), sheet.only((3, 2)):
        sheet.gate("cz")
    with sheet.only((2, 3)):
        sheet.sx(of=1)
    sheet.sx()
    assert sorted((name, start) for name, start, *_ in events(sheet)) == [("q0", 0), ("q2", 0), ("q3", 0)]


def test_equal_tones_share_a_carrier_and_others_do_not():
    sheet = page([(0,)], 2)
    for tones in (np.array([[4.9e9, 5.1e9]]), np.array([[4.9e9, 5.1e9]]), np.array([[5.1e9, 4.9e9]])):
        sheet.drive(constant(20), 0.1, frequency=tones)
    assert [name for name, *_ in events(sheet)] == ["q0 1", "q0 1", "q0 2"]


def test_a_swept_frequency_is_an_offset_from_the_start_of_the_shot_on():
    sheet = page([(0,)], 2)
    tones = np.array([[4.9e9, 5.1e9]])
    sheet.x()
    sheet.drive(constant(20), 0.1, frequency=tones)
    assert [frequency for *_, frequency in events(sheet, 0)] == [five.snapshot().qubits[0].frequency, 4.9e9]
    assert events(sheet, 1)[1][-1] == 5.1e9


def test_a_virtual_z_turns_all_that_follows_on_every_frame_of_the_qubit():
    snapshot = five_ecr.snapshot()
    gate = next(gate for gate in snapshot.gates if gate.name == "ecr")
    sheet = page([gate.qubits], 1, snapshot)
    plain = page([gate.qubits], 1, snapshot)
    sheet.rz(0.3, of=1)
    sheet.gate("ecr")
    plain.gate("ecr")
    turned = [(name, a[3] - b[3]) for name, a, b in zip([e[0] for e in events(sheet)], events(sheet), events(plain), strict=True)]
    follows = {frame.name: frame.follows for frame in snapshot.frames}
    for name, by in turned:
        assert by == pytest.approx(-0.3 if follows[name] == gate.qubits[1] else 0.0)


def test_a_gate_of_two_qubits_lasts_as_long_as_it_says_and_leaves_its_virtual_z():
    snapshot = five.snapshot()
    gate = snapshot.gate("cz", 0, 1) or snapshot.gate("cz", 1, 0)
    sheet = page([gate.qubits], 1)
    sheet.x(of=0)
    sheet.gate("cz")
    sheet.sx(of=1)
    found = events(sheet)
    assert found[-1][1] == 36 + gate.duration
    turn = sum(phase.angle for phase in gate.phases if phase.qubit == gate.qubits[1])
    assert found[-1][3] == pytest.approx(-turn)


def test_waits_lie_on_the_grid_and_are_common():
    axis = delays(five.snapshot(), np.array([0, 1e-9, 101e-9, 103e-9, 1e-6]), parts=2)
    np.testing.assert_allclose(axis.values, [0, 104e-9, 1e-6], atol=1e-15)
    with pytest.raises(SettingsError, match="multiple"):
        page([(0,)], 1).wait(1e-9)
    with pytest.raises(SettingsError, match=r"multiple of 4 ticks; got 9\.5"):
        page([(0,)], 3).wait(np.array([[4e-9, 9.5e-9, 3e-9]]))
    with pytest.raises(SettingsError, match="equally long"):
        page([(0,), (1,)], 1).wait(np.array([[4e-9], [8e-9]]))


def test_a_curve_of_a_fractional_gate_is_read_at_its_angle():
    sheet = page([(0,)], 1)
    sheet.gate("rx", angle=np.pi)
    level = five.snapshot().gate("x", 0).pulses[0].amplitude
    assert events(sheet)[0][2] == pytest.approx(level, rel=2e-3)


def test_a_gate_that_is_not_there_is_said():
    with pytest.raises(SettingsError, match="cz on"):
        page([(0, 3)], 1).gate("cz")


def test_an_axis_of_each_target_has_a_dimension_of_its_own_name():
    assert Axis("amplitude", np.zeros((2, 3))).dimension == "amplitude_point"
    assert Axis("delay", np.zeros(3)).dimension == "delay"


def test_pulses_of_a_gate_may_be_played_otherwise_and_the_rest_stays():
    snapshot = five_ecr.snapshot()
    sheet = page([(0, 1)], 2, snapshot)
    plain, turned = snapshot.gate("ecr", 0, 1).pulses[0], np.array([0.1, 0.2])
    sheet.gate("ecr", played=lambda index, pulse: (turned, 0.5) if pulse.frame == "u0_1" and pulse.start == 0 else None)
    sheet.measure()
    first, second = events(sheet, 0), events(sheet, 1)
    changed = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    assert [(a[0], a[1], a[2], b[2]) for a, b in changed] == [("u0_1", 0, 0.1, 0.2)]
    assert changed[0][0][3] == pytest.approx(0.5)
    whole = page([(0, 1)], 1, snapshot)
    whole.gate("ecr")
    whole.measure()
    kept = {(e[0], e[1]): e for e in events(whole)}
    assert kept["u0_1", 0][2] == pytest.approx(plain.amplitude)
    assert all(kept[e[0], e[1]] == e for e in first if (e[0], e[1]) != ("u0_1", 0))


@pytest.mark.parametrize(
    ("snapshot", "pairs", "entangles"), [(five.snapshot(), [(0, 1), (2, 3)], "cz"), (five_ecr.snapshot(), [(0, 1)], "ecr")]
)
@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize(("count", "kinds"), [(40, 3), (40, 0), (0, 3)], ids=["mixed", "virtual", "none"])
def test_a_passage_is_what_its_gates_one_by_one_are(snapshot, pairs, entangles, swept, count, kinds):
    draw = np.random.default_rng(3)
    gates = [("sx", (0,)), ("x", (1,)), (entangles, (0, 1))]
    gates = [(name, places if snapshot.gate(name, *(pairs[0][p] for p in places)) else places[::-1]) for name, places in gates]
    order = draw.integers(-2, kinds, count)
    angles = draw.integers(0, 4, (count, len(pairs), 3)) * 0.7 if swept else draw.uniform(-3, 3, count)

    def played(index, pulse):
        return (0.1 * (1 + index), 0.3) if pulse.start else None

    together, apart = page(pairs, 3, snapshot), page(pairs, 3, snapshot)
    for sheet in (together, apart):
        sheet.x(phase=np.array([[0.0, 0.7, 1.4]]))
    together.passage(gates, order, angles, played)
    for move, number in enumerate(order):
        if number < 0:
            apart.rz(angles[move], of=-1 - number)
        else:
            apart.gate(gates[number][0], *gates[number][1], phase=angles[move], played=played)
    for sheet in (together, apart):
        sheet.sx(of=1)
        sheet.measure()
    (one, numbers), (other, same) = together.schedule(), apart.schedule()
    assert one.digest == other.digest
    np.testing.assert_array_equal(numbers.values, same.values)


def test_a_gate_played_often_is_the_gate_again_and_again():
    snapshot = five_ecr.snapshot()
    level = np.array([[0.1, 0.2]])

    def played(index, pulse):
        return (level[0], level[0] * 3) if pulse.frame == "u0_1" else None

    often, again = page([(0, 1)], 2, snapshot), page([(0, 1)], 2, snapshot)
    often.gate("ecr", played=played, times=5, phase=level)
    for _ in range(5):
        again.gate("ecr", played=played, phase=level)
    for sheet in (often, again):
        sheet.measure()
    assert often.schedule()[0].digest == again.schedule()[0].digest
    np.testing.assert_array_equal(often.schedule()[1].values, again.schedule()[1].values)


def test_a_train_is_its_pulses_one_by_one():
    shapes, levels = [constant(20), constant(28)], np.array([[0.1], [0.3]])
    together, apart = page([(0, 1), (2, 3)], 2), page([(0, 1), (2, 3)], 2)
    for sheet in (together, apart):
        sheet.rz(np.array([[0.2, 0.4]]), of=1)
    together.train(shapes, levels, [0.0, np.pi, 0.5], of=1)
    for phase in (0.0, np.pi, 0.5):
        apart.drive(shapes, levels, phase, of=1)
    for sheet in (together, apart):
        sheet.drive(shapes, levels / 2, of=1)
        sheet.measure()
    assert together.schedule()[0].digest == apart.schedule()[0].digest
    np.testing.assert_array_equal(together.schedule()[1].values, apart.schedule()[1].values)
    assert [start for name, start, *_ in events(together) if name == "q3"] == [0, 28, 56, 84]


def test_a_page_goes_with_its_last_reader():
    """Not with the next collection of garbage: a calibration writes hundreds of them, with thousands of objects each."""
    sheet = page([(0, 1), (2, 3)], 2)
    sheet.gate("cz", times=2)
    sheet.sx(np.array([[0.1, 0.2]]))
    sheet.train(constant(20), 0.1, [0.0, np.pi])
    sheet.drive(constant(20), frequency=5e9)
    sheet.wait(400e-9)
    sheet.hold(4)
    sheet.barrier()
    sheet.measure()
    sheet.flip_if_one()
    sheet.schedule()
    there = ref(sheet)
    gc.collect()
    gc.disable()
    try:
        del sheet
        assert there() is None
    finally:
        gc.enable()
