"""Designs of chips, and what a seed decides."""

import pytest

from qpu_bridge.errors import SettingsError
from qpu_emulator.chip.device import Device
from qpu_emulator.makers import chip


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


@pytest.mark.parametrize(
    ("design", "size", "family"), [("torus", 5, "cz"), ("line", 1, "cz"), ("line", 5, "iswap"), ("grid", 8, "cz")]
)
def test_impossible_chips_are_refused(design, size, family):
    with pytest.raises(SettingsError):
        chip.random(design, size, family, 1)


def test_a_chip_in_pieces_is_refused() -> None:
    with pytest.raises(SettingsError, match="hang together"):
        chip.random("heavy-hex", 20, "cz", 1)
