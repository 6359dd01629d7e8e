"""Sorting events: the compiled way finds what is found one by one."""

import numpy as np
import pytest

from qpu_bridge.schedule import shapes
from qpu_emulator.chip.device import Crosstalk
from qpu_emulator.score.program import compile_program


def _random(bench, seed):
    draw, other = np.random.default_rng(seed), bench.builder.frame("other", bench.ports["d0"], 5.1e9)
    for _ in range(40):
        kind = draw.integers(4)
        if kind == 0:
            bench.gate("cz", *((0, 1), (1, 2))[draw.integers(2)])
        elif kind == 1:
            bench.play("q3", shapes.constant(int(draw.integers(20, 60))), 0.1 * draw.integers(1, 3))
        elif kind == 2:
            # two carriers at once on one line are one window
            bench.builder.barrier()
            start = bench.builder.now(bench.frames["q0"])
            bench.builder.play(other, shapes.constant(40), 0.1, at=start + int(draw.integers(30)))
            bench.play("q0", shapes.constant(40), 0.1, at=start)
            bench.builder.barrier()
        else:
            bench.gate("sx", int(draw.integers(3)))
        if draw.random() < 0.2:
            bench.measure(*sorted(draw.choice(4, 2, replace=False).tolist()))
    bench.measure(0, 1, 2, 3)
    return bench.build()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_compiled_way_finds_what_is_found_one_by_one(fresh, truth, seed):
    """Crosstalk that reaches nobody makes the sorter look at each drive."""
    print(f"seed {seed}")
    schedule = _random(fresh(), seed)
    reaching = truth.model_copy(update={"crosstalk": (Crosstalk(port="d4", qubit=4, amplitude=0.1),)})
    programs = [compile_program(schedule, device, lambda _: 0.0) for device in (truth, reaching)]
    fast, slow = (list(program.scores.values()) for program in programs)
    assert programs[0].clusters == programs[1].clusters
    for one, other in zip(fast, slow, strict=True):
        assert list(one.actions) == list(other.actions)
        assert any(action.kind == "drive" and len(action.events) == 2 for action in one.actions)
        assert one.actions.alike.tolist() == other.actions.alike.tolist()
        assert one.laid.tolist() == other.laid.tolist()
        assert one.ticks.tolist() == other.ticks.tolist()
        assert (one.final, one.between) == (other.final, other.between)


def test_pulses_with_the_same_numbers_are_alike(fresh, truth):
    bench = fresh()
    for amplitude, phase in ((0.1, 0.0), (0.2, 0.0), (0.1, 1.0), (0.2, 2.0), (0.3, 0.0)):
        bench.play("q0", shapes.constant(40), amplitude, phase)
    bench.play("q1", shapes.constant(40), 0.1)
    (score,) = compile_program(bench.build(), truth, lambda _: 0.0).scores.values()
    order = [action.where for action in score.actions]
    assert order == [0, 1, 0, 0, 0, 0]
    assert score.actions.alike.tolist() == [0, 1, 2, 0, 2, 5]
