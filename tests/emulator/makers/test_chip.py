"""Designs of chips, and what a seed decides."""

from datetime import UTC, datetime

import pytest

from qpu_bridge.errors import SettingsError
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.chip.device import Device
from qpu_emulator.makers import chip
from qpu_emulator.makers.published import Published, PublishedQubit
from qpu_emulator.windows.pair import Pair
from tests.proofs.player import Player


@pytest.mark.parametrize(("design", "size", "pairs"), [("line", 5, 4), ("ring", 6, 6), ("grid", 9, 12)])
def test_designs_have_their_couplers(design, size, pairs):
    found = chip.DESIGNS[design](size)
    assert len({frozenset(pair) for pair in found}) == pairs
    assert {qubit for pair in found for qubit in pair} == set(range(size))


def test_heavy_hex_has_at_most_three_neighbours_and_one_piece():
    found = chip.heavy_hex(127)
    degree = [sum(qubit in pair for pair in found) for qubit in range(127)]
    assert min(degree) >= 1
    assert max(degree) == 3
    reached = {0}
    for _ in range(127):
        reached |= {qubit for pair in found if reached & set(pair) for qubit in pair}
    assert len(reached) == 127


def test_neighbours_are_of_different_kinds_and_odd_rings_refused():
    pairs = chip.heavy_hex(65)
    kinds = chip.two_kinds(65, pairs)
    assert all(kinds[a] != kinds[b] for a, b in pairs)
    with pytest.raises(SettingsError, match="odd length"):
        chip.two_kinds(3, chip.ring(3))


def test_a_seed_decides_everything(tmp_path):
    def made(seed):
        return chip.build(chip.random("grid", 9, "cz", seed), "emu_grid", seed)

    assert made(4) == made(4)
    assert made(4) != made(5)
    made(4).write(tmp_path / "device.json")
    assert Device.read(tmp_path / "device.json") == made(4)


def test_a_design_is_known_a_little_wrong():
    truth = chip.build(chip.random("line", 5, "cz", 3), "emu_line", 3)
    believed = chip.nominal(truth)
    off = [abs(a.frequency - b.frequency) for a, b in zip(truth.transmons, believed.transmons, strict=True)]
    assert 1e5 < max(off) < 20e6
    assert truth.resonators[0].port == believed.resonators[0].port


@pytest.mark.parametrize("family", ["cz", "ecr"])
def test_pulses_are_solved_behind_lines_as_they_are(family):
    """With delays, settling and crosstalk gates are nearly as good as without: the solver knows the truth."""
    ideal = chip.build(chip.random("line", 3, family, 3), "emu_line", 3)
    bent = chip.behind_lines(ideal)
    assert set(bent.lines) >= {"d0", "d1", "d2"}
    assert {(part.port, part.qubit) for part in bent.crosstalk} == {("d0", 1), ("d1", 0), ("d1", 2), ("d2", 1)}
    assert len({resonator.chi for resonator in bent.resonators}) == 3
    date = datetime(2026, 11, 21, tzinfo=UTC)
    before, after = (solve_snapshot(device, date).gates for device in (ideal, bent))
    for gate, again in zip(before, after, strict=True):
        assert again.error < 1.15 * gate.error + 1e-6
    assert not chip.nominal(bent).lines
    assert not chip.nominal(bent).crosstalk


@pytest.mark.parametrize("family", ["cz", "ecr"])
def test_a_design_gives_nothing_of_the_truth_away(family):
    """Chips of two seeds differ in every number that a calibration finds, their designs in none."""
    one, other = (chip.build(chip.random("line", 5, family, seed), "emu_line", seed) for seed in (3, 4))
    for mine, its in zip(one.transmons, other.transmons, strict=True):
        assert not {mine.t1, mine.t2, mine.frequency, mine.anharmonicity, *mine.rabi.values()} & {
            its.t1, its.t2, its.frequency, its.anharmonicity, *its.rabi.values()
        }  # fmt: skip
    assert chip.nominal(one).model_copy(update={"seed": 0}) == chip.nominal(other).model_copy(update={"seed": 0})


@pytest.mark.parametrize(
    ("design", "size", "family"), [("torus", 5, "cz"), ("line", 1, "cz"), ("line", 5, "iswap"), ("grid", 8, "cz")]
)
def test_impossible_chips_are_refused(design, size, family):
    with pytest.raises(SettingsError):
        chip.random(design, size, family, 1)


def test_a_chip_in_pieces_is_refused() -> None:
    with pytest.raises(SettingsError, match="hang together"):
        chip.random("heavy-hex", 20, "cz", 1)


@pytest.mark.parametrize(("frequencies", "kept"), [((6.1e9, 6.3e9), True), ((3.9e9, 3.8e9), True), ((6.1e9, 6.33e9), False)])
def test_a_laboratorys_frequencies_are_kept_where_they_leave_room_for_gates(frequencies, kept):
    """Couplers move along, so that gates and ZZ at rest are those of the usual bands; so does the design."""
    qubits = tuple(PublishedQubit(frequency=one, anharmonicity=-0.3e9) for one in frequencies)
    truth = chip.build(Published("lab", "cz", qubits, {(0, 1): None}, (), 36e-9, 68e-9), "emu_lab", 1)
    assert ([transmon.frequency for transmon in truth.transmons] == list(frequencies)) is kept
    assert abs(Pair(truth, truth.couplers[0]).zz()) < 60e3
    for device in (truth, chip.nominal(truth)):
        cz = solve_snapshot(device, datetime(2026, 11, 21, tzinfo=UTC)).gate("cz", 0, 1)
        assert 0.2 < cz.pulses[0].amplitude < 0.8


@pytest.mark.parametrize("family", ["cz", "ecr"])
def test_believed_errors_of_pairs_are_those_of_their_pulses(family):
    """Also where dephasing is strong, which level 2 feels four times as much on the way of a cz."""
    device = chip.build(chip.random("line", 2, family, 5), "emu_two", 5)
    update = {"transmons": tuple(one.model_copy(update={"t1": 200e-6, "t2": 20e-6}) for one in device.transmons)}
    device = device.model_copy(update=update)
    believed = solve_snapshot(device, datetime(2026, 11, 21, tzinfo=UTC))
    (gate,) = (gate for gate in believed.gates if gate.name == family)
    assert Player(device, believed).infidelity(gate) == pytest.approx(gate.error, rel=0.005)
