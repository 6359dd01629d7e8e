"""The text of a few programs, as it was when people read it.

``python -m tests.drivers.qblox.compile.test_golden`` writes it anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qpu_bridge.schedule import Bits, Column, Discriminator, Output, SlotKind, Table
from qpu_bridge.schedule.shapes import drag, gaussian, gaussian_square
from qpu_drivers.qblox.program import Program
from tests.drivers.qblox.oracle.judge import compiled
from tests.drivers.qblox.oracle.lab import Lab

FOLDER = Path(__file__).parent / "golden"
OFFSETS = [4 * 10**6 * k for k in (100, -110, 120, 130, 60, -70, 80)]
X = drag(32, 8, 0.6)


def rabi() -> Program:
    """Amplitudes on an axis, means over shots, a held readout tone."""
    lab = Lab(OFFSETS)
    level = lab.build.sweep(SlotKind.AMPLITUDE, 0.0, 0.01, 51)
    lab.build.play(lab.drive[0], X, amplitude=level)
    lab.measure(lab.build.column(Column("iq", output=Output.IQ, average=True)))
    lab.build.wait(200)
    return compiled(lab.build.build(), Table(np.zeros((1, 1))), 1000, 200_000).program


def ramsey() -> Program:
    """A wait and the phase that goes with it on one axis, single shots, cyclic."""
    lab = Lab(OFFSETS)
    axis = lab.build.axis(51)
    wait, turn = axis.sweep(SlotKind.DURATION, 0, 40), axis.sweep(SlotKind.PHASE, 0.0, 2 * np.pi * 1e6 * 40e-9)
    lab.build.play(lab.drive[0], X, amplitude=0.4)
    lab.build.wait(wait)
    lab.build.play(lab.drive[0], X, amplitude=0.4, phase=turn)
    lab.measure(lab.build.column(Column("iq", output=Output.IQ)))
    lab.build.wait(200)
    return compiled(lab.build.build(order="cyclic"), Table(np.zeros((1, 2))), 100, 200_000).program


def twirl() -> Program:
    """Eight rows of four phases of two bits, packed into a word each."""
    lab = Lab(OFFSETS)
    for _ in range(4):
        lab.build.play(lab.drive[0], X, amplitude=0.4, phase=lab.build.slot(SlotKind.PHASE, bits=2))
    lab.measure(lab.build.column(Column("iq", output=Output.IQ)))
    lab.build.wait(200)
    table = Table(np.random.default_rng(7).integers(0, 4, (8, 4)) * np.pi / 2)
    return compiled(lab.build.build(), table, 10, 200_000).program


def gates() -> Program:
    """Two carriers on a line, a change of frequency within the shot, a loop, a flat top and a flux pulse."""
    lab = Lab(OFFSETS)
    build = lab.build
    with build.repeat(5):
        build.play(lab.drive[1], X, amplitude=0.4, phase=0.5)
        build.play(lab.flux, gaussian_square(120, 10, 80), amplitude=-0.3)
    build.play(lab.drive[0], X, amplitude=0.4)
    build.play(lab.drive[3], gaussian_square(240, 10, 200), amplitude=0.2, phase=1.0)
    build.set_frequency(lab.drive[0], build._frames[lab.drive[0]].frequency - 200e6)
    build.play(lab.drive[0], gaussian(40, 10), amplitude=0.4)
    return compiled(build.build(), Table.single(), 10, 20_000).program


def reset() -> Program:
    """Active reset, then a branch whose arms begin at the same tick of one line."""
    lab = Lab(OFFSETS)
    build = lab.build
    bits = [build.column(Column(name, discriminator=Discriminator(0.3, 50.0))) for name in ("reset", "c")]
    build.wait(600)
    for bit in bits:
        lab.measure(bit)
        build.wait(152 + 364 + 12)
        with build.branch(Bits((bit,))):
            build.play(lab.drive[0], X, amplitude=0.5)
        with build.otherwise():
            if bit == bits[0]:
                build.wait(32)
            else:
                build.play(lab.drive[0], X, amplitude=0.25, phase=1.0)
        build.wait(600)
    return compiled(build.build(), Table.single(), 100, 20_000).program


PROGRAMS: list[Callable[[], Program]] = [rabi, ramsey, twirl, gates, reset]


def written(program: Program) -> str:
    """All texts, with what they are for."""
    heads = (f"# slot {one.place[0]}, sequencer {one.place[1]}\n# bins {one.acquisitions}\n" for one in program.sequencers)
    return "\n".join(head + one.text for head, one in zip(heads, program.sequencers, strict=True))


@pytest.mark.parametrize("make", PROGRAMS)
def test_the_text_is_as_it_was(make: Callable[[], Program]) -> None:
    assert written(make()) == (FOLDER / f"{make.__name__}.q1asm").read_text()


if __name__ == "__main__":
    for each in PROGRAMS:
        (FOLDER / f"{each.__name__}.q1asm").write_text(written(each()))
