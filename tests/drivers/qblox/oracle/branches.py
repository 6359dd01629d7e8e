"""Schedules that branch, written on a bench."""

from __future__ import annotations

from qpu_bridge.schedule import (
    Apply,
    Bits,
    Column,
    Discriminator,
    Operator,
    Output,
    VariableKind,
)
from qpu_bridge.schedule.shapes import drag, gaussian_square
from tests.drivers.qblox.oracle.lab import FREQUENCIES, Lab

LATENCY = 152 + 364 + 16


LINE = Discriminator(0.3, 150.0)


class Bench(Lab):
    """The laboratory, with columns that branches can read."""

    def __init__(self) -> None:
        super().__init__([k * 4 * 30_123_457 for k in range(-3, FREQUENCIES - 3)])

    def bit(self, name: str) -> int:
        return self.build.column(Column(name, discriminator=LINE, output=Output.BIT))

    def wait(self, ticks: int = LATENCY) -> None:
        self.build.wait(ticks)


def active_reset(lab: Bench) -> None:
    bit = lab.bit("c")
    lab.build.wait(600)
    lab.measure(bit)
    lab.wait()
    with lab.build.branch(Bits((bit,))):
        lab.build.play(lab.drive[0], drag(32, 8, 0.5), amplitude=0.4, phase=0.7)
    with lab.build.otherwise():
        lab.build.wait(32)
    lab.build.play(lab.drive[0], drag(24, 6, 0.5), amplitude=0.3, phase=0.2)


def else_alone(lab: Bench) -> None:
    bit = lab.bit("c")
    lab.build.wait(600)
    lab.measure(bit)
    lab.wait()
    with lab.build.branch(Bits((bit,))):
        lab.build.wait(32)
    with lab.build.otherwise():
        lab.build.play(lab.drive[2], drag(32, 8, 0.5), amplitude=0.4)
    lab.build.play(lab.flux, gaussian_square(140, 10, 100), amplitude=0.3)


def both_arms_at_once(lab: Bench) -> None:
    """On the very same tick of the same line, with virtual Z and a held level, on a bit that must be 0."""
    bit = lab.bit("c")
    lab.build.wait(600)
    lab.measure(None, None, bit)
    lab.wait()
    with lab.build.branch(Apply(Operator.NOT, (Bits((bit,)),), VariableKind.BOOL, 1)):
        for phase in (0.4, 1.9):
            lab.build.play(lab.drive[0], drag(20, 5, 0.5), amplitude=0.4, phase=phase)
        lab.build.wait(160)
    with lab.build.otherwise():
        lab.build.play(lab.drive[0], gaussian_square(140, 10, 100), amplitude=0.3, phase=0.3)
        lab.build.play(lab.drive[0], drag(20, 5, 0.5), amplitude=0.2)
        lab.build.wait(40)
    lab.build.play(lab.drive[0], drag(24, 6, 0.5), amplitude=0.3)


def several_lines(lab: Bench) -> None:
    """Pulses of both arms on three modules, one of them the sender's own."""
    bit = lab.bit("c")
    lab.build.wait(600)
    lab.measure(bit)
    lab.wait()
    with lab.build.branch(Bits((bit,))):
        for frame in (lab.drive[0], lab.drive[1], lab.flux):
            lab.build.play(frame, drag(32, 8, 0.0), amplitude=0.4, at=0)
    with lab.build.otherwise():
        lab.build.play(lab.drive[1], drag(32, 8, 0.5), amplitude=0.4, at=0)
        lab.build.play(lab.readout[0][0], drag(32, 8, 0.5), amplitude=0.4, at=0)


def two_bits_and_a_capture_between(lab: Bench) -> None:
    """Two bits, read late and twice; captures of another carrier come between."""
    one, two, three = lab.bit("one"), lab.bit("two"), lab.bit("three")
    lab.build.wait(600)
    lab.measure(one)
    lab.measure(None, two)
    lab.build.wait(1000)
    lab.measure(None, None, three)
    lab.build.wait(1000)
    for bit, level in ((two, 0.4), (one, 0.2), (two, -0.3)):
        with lab.build.branch(Bits((bit,))):
            lab.build.play(lab.drive[0], drag(32, 8, 0.5), amplitude=level)
        with lab.build.otherwise():
            lab.build.wait(32)
    lab.build.wait(900)


def measured_in_an_arm(lab: Bench) -> None:
    """What is not played is not captured."""
    one, two = lab.bit("one"), lab.bit("two")
    lab.build.wait(600)
    lab.measure(one)
    lab.wait()
    with lab.build.branch(Bits((one,))):
        lab.measure(None, two)
        lab.build.wait(200)
    with lab.build.otherwise():
        lab.build.wait(540)
    lab.build.wait(600)


def repeated(lab: Bench) -> None:
    """Three rounds of active reset in a loop."""
    bit = lab.bit("c")
    lab.build.wait(600)
    with lab.build.repeat(3):
        lab.measure(bit)
        lab.wait()
        with lab.build.branch(Bits((bit,))):
            lab.build.play(lab.drive[3], drag(32, 8, 0.5), amplitude=0.4, phase=0.7)
        with lab.build.otherwise():
            lab.build.wait(32)
        lab.build.wait(60)


def tuned(lab: Bench) -> None:
    """An arm at another frequency, and the first one again behind it."""
    bit = lab.bit("c")
    frame = lab.drive[1]
    lab.build.wait(600)
    lab.build.play(frame, drag(24, 6, 0.5), amplitude=0.3)
    lab.measure(bit)
    lab.wait()
    lab.build.set_frequency(frame, 5.2e9 - 31_234_567.25)
    with lab.build.branch(Bits((bit,))):
        for phase in (0.0, 1.1):
            lab.build.play(frame, drag(32, 8, 0.5), amplitude=0.4, phase=phase)
    with lab.build.otherwise():
        lab.build.wait(64)
    lab.build.set_frequency(frame, 5.2e9 + 12_345_678.5)
    lab.build.play(frame, drag(24, 6, 0.5), amplitude=0.3)
    lab.build.wait(40)


def two_frequencies_in_two_arms(lab: Bench) -> None:
    bit = lab.bit("c")
    lab.build.play(lab.drive[1], drag(24, 6, 0.5), amplitude=0.3)
    lab.measure(bit)
    lab.wait()
    lab.build.set_frequency(lab.drive[1], 5.2e9 - 31_234_567.25)
    with lab.build.branch(Bits((bit,))):
        lab.build.play(lab.drive[1], drag(32, 8, 0.5), amplitude=0.4)
    with lab.build.otherwise():
        lab.build.play(lab.drive[1], drag(32, 8, 0.5), amplitude=0.2)
