from __future__ import annotations

import numpy as np
import pytest

from qpu_drivers.qblox.compile.packing import pack, unpacking
from qpu_drivers.qblox.hardware import TURN
from tests.drivers.qblox.oracle.simulator import play, sequencer, simulating


@pytest.mark.parametrize(("bits", "phases"), [(1, 3), (2, 20), (3, 25), (8, 9)])
def test_the_sequencer_unpacks_what_was_packed(bits: int, phases: int, rng: np.random.Generator) -> None:
    steps = rng.integers(0, 2**bits, (4, phases))
    steps[0], steps[1] = 0, 2**bits - 1
    rests = np.where(np.arange(phases) % 3, rng.integers(0, TURN >> bits, phases), 0)
    units = (steps * (TURN >> bits) + rests) % TURN
    packed = pack(units)
    assert packed is not None
    assert packed.bits == bits
    words, targets = [f"R{k}" for k in range(packed.words.shape[1])], [f"R{20 + k}" for k in range(phases)]
    for row, wanted in zip(packed.words, units, strict=True):
        text = ["wait 60000", *(f"move {word},{register}" for word, register in zip(row, words, strict=True))]
        text += ["nop", *unpacking(packed, words, targets, "R19"), "stop"]
        with simulating({2: "QCM"}) as cluster:
            one = sequencer(cluster, (2, 0))
            one.sequence({"program": "\n".join(text), "waveforms": {}, "weights": {}, "acquisitions": {}})
            assert play(cluster, [(2, 0)]) == {}
            got = np.array([one.get_registers([target])[target] for target in targets])
        assert (got == wanted).all()


def test_phases_that_are_rounded_apart_are_one_grid() -> None:
    turns = np.arange(8)[:, None] / 4 + 1 / 3 + np.array([[0.0, 1e-10]])
    packed = pack(np.rint(turns % 1 * TURN).astype(np.int64) % TURN)
    assert packed is not None
    assert packed.bits == 2
    edge = pack(np.array([[TURN - 1], [0], [TURN // 2]]))
    assert edge is not None
    assert edge.bits == 1


def test_phases_without_a_grid_are_not_packed() -> None:
    assert pack(np.array([[0], [1_234_567]])) is None
