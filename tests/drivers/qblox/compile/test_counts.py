"""Every branch must find one capture in the counts: the one that it reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Apply, Bits, Column, Constant, Discriminator, Operator, Schedule, VariableKind
from qpu_bridge.schedule.shapes import drag
from qpu_drivers.qblox.allocation import Allocation, allocate
from qpu_drivers.qblox.compile.counts import Counts, counts
from qpu_drivers.qblox.compile.question import Question, question
from qpu_drivers.qblox.compile.triggers import Triggers, triggers
from qpu_drivers.qblox.rack import Rack
from tests.drivers.qblox.oracle.lab import FREQUENCIES, RACK, Lab

LINE = Discriminator(0.3, 1.5)
FLIGHT, LATENCY = 152, 388
ADDRESSES = tuple(range(1, 16))


class Bench(Lab):
    """The laboratory, with columns that branches can read and conditional pulses."""

    def __init__(self) -> None:
        super().__init__([k * 40_000_000 for k in range(FREQUENCIES)])

    def bit(self, name: str) -> int:
        return self.build.column(Column(name, discriminator=LINE))

    def flip(self, column: int, qubit: int) -> None:
        build = self.build
        with build.branch(Bits((column,))):
            build.play(self.drive[qubit], drag(32, 8, 0.5), amplitude=0.4)
        with build.otherwise():
            build.wait(32)

    def arranged(self, addresses: tuple[int, ...] = ADDRESSES) -> tuple[Schedule, Allocation, Triggers, Counts]:
        schedule = self.build.build()
        allocation = allocate(schedule, Rack.read(RACK, "lab"))
        senders = triggers(schedule, allocation, addresses)
        return schedule, allocation, senders, counts(schedule, allocation, senders, LATENCY, 252)


def test_counts_begin_anew_before_the_capture_that_is_read() -> None:
    lab = Bench()
    bit = lab.bit("c")
    lab.build.wait(600)  # the last trigger of the shot before has arrived by then
    lab.measure(bit)
    lab.build.wait(FLIGHT + LATENCY + 60)
    lab.flip(bit, 1)
    _, allocation, senders, found = lab.arranged()
    (listener,) = senders.listens
    assert listener == allocation.of_frame[lab.drive[1]]
    assert list(senders.address.values()) == [1]
    ((key, window),) = found.windows.items()
    assert key == (listener, 0)
    assert 0 <= window.first <= window.last == 600 + 340 + FLIGHT
    assert list(found.rooms.values()) == [60]


def test_shots_must_be_far_enough_apart() -> None:
    """A capture that ends with its shot, and another 40 ns after the start of the next."""
    lab = Bench()
    bit, last = lab.bit("c"), lab.bit("last")
    lab.measure(bit)
    lab.build.wait(FLIGHT + LATENCY)
    lab.flip(bit, 1)
    lab.build.wait(600)
    lab.measure(last)
    found = lab.arranged()[3]
    (window,) = found.windows.values()
    assert window.last - window.first == 100
    assert found.pause == FLIGHT + LATENCY - window.first == 148


def test_a_branch_must_wait_until_the_bit_has_come_to_all() -> None:
    def wait(ticks: int) -> Counts:
        lab = Bench()
        bit = lab.bit("c")
        lab.measure(bit)
        lab.build.wait(ticks)
        lab.flip(bit, 1)
        lab.build.wait(1000)
        return lab.arranged()[3]

    assert list(wait(FLIGHT + LATENCY).rooms.values()) == [0]
    with pytest.raises(ScheduleError, match=r"must wait 388 ticks after .* received; got 387 ticks \(port a0"):
        wait(FLIGHT + LATENCY - 1)


def written(write: Callable[[Bench, int, int], None]) -> Callable[[], Counts]:
    def arranged() -> Counts:
        lab = Bench()
        lab.build.wait(600)
        write(lab, lab.bit("one"), lab.bit("two"))
        lab.build.wait(1000)
        return lab.arranged()[3]

    return arranged


def measured_again_before_it_is_read(lab: Bench, one: int, two: int) -> None:
    lab.measure(one)
    lab.build.wait(1000)
    lab.measure(two)
    lab.build.wait(1000)
    lab.flip(one, 1)


def begun_anew_while_another_is_kept(lab: Bench, one: int, two: int) -> None:
    lab.measure(one)
    lab.build.wait(1000)
    lab.measure(None, two)
    lab.build.wait(1000)
    lab.flip(two, 1)
    lab.measure(None, two)
    lab.build.wait(1000)
    lab.flip(one, 1)
    lab.flip(two, 1)


def measured_in_an_arm(lab: Bench, one: int, two: int) -> None:
    lab.measure(two)
    lab.build.wait(1000)
    lab.flip(two, 1)
    lab.measure(one)
    lab.build.wait(1000)
    with lab.build.branch(Bits((one,))):
        lab.measure(two)
    with lab.build.otherwise():
        lab.build.wait(340)
    lab.build.wait(1000)
    lab.flip(two, 1)


def measured_too_soon(lab: Bench, one: int, two: int) -> None:
    lab.measure(two)
    lab.measure(one)
    lab.build.wait(1000)
    lab.flip(one, 1)


def met_by_another(lab: Bench, one: int, two: int) -> None:
    lab.measure(one)
    lab.build.wait(1000)
    lab.flip(one, 1)
    lab.measure(None, two)
    lab.build.wait(1000)
    lab.measure(one, lab.bit("three"))  # two triggers at once, while two is still to be read
    lab.build.wait(1000)
    lab.flip(two, 1)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (measured_again_before_it_is_read, "must be read before its receiver measures again.*got one"),
        (begun_anew_while_another_is_kept, "must be read before one is measured .*got one, which is read after two is measured"),
        (measured_in_an_arm, "must not be measured within a branch"),
        (measured_too_soon, "must be measured 388 ticks after the capture before it; got 340 ticks"),
        (met_by_another, "triggers must not meet until then"),
    ],
)
def test_bits_that_cannot_be_kept_apart_are_refused(write: Callable[[Bench, int, int], None], said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        written(write)()


def test_bits_of_two_receivers_are_kept_together_and_read_twice() -> None:
    lab = Bench()
    one, two = lab.bit("one"), lab.bit("two")
    lab.build.wait(600)
    lab.measure(one)
    lab.measure(None, two)
    lab.build.wait(1000)
    for column in (two, one, two):
        lab.flip(column, 0)
    lab.build.wait(1000)
    found = lab.arranged()[3]
    assert len(found.windows) == 1  # the counts begin anew once, for both
    assert len(found.rooms) == 3


def test_every_turn_of_a_loop_counts_anew() -> None:
    lab = Bench()
    bit = lab.bit("c")
    lab.build.wait(600)
    with lab.build.repeat(3):
        lab.measure(bit)
        lab.build.wait(1000)
        lab.flip(bit, 0)
        lab.build.wait(600)
    found = lab.arranged()[3]
    assert [window.last for window in found.windows.values()] == [340 + FLIGHT]


def test_addresses_must_suffice() -> None:
    lab = Bench()
    one, two = lab.bit("one"), lab.bit("two")
    lab.measure(one)
    lab.measure(None, two)
    lab.build.wait(2000)
    lab.flip(one, 0)
    lab.flip(two, 1)
    lab.build.wait(1000)
    assert sorted(lab.arranged((4, 9))[2].address.values()) == [4, 9]
    with pytest.raises(ScheduleError, match=r"at most 1 readout carriers.*got 2"):
        lab.arranged((4,))


def test_a_question_is_one_bit_or_its_opposite() -> None:
    bit = Bits((3,))
    negated = Apply(Operator.NOT, (bit,), VariableKind.BOOL, 1)
    assert question(bit) == Question(3, True)
    assert question(negated) == Question(3, False)
    assert question(Apply(Operator.EQUAL, (bit, Constant(0)), VariableKind.BOOL, 1)) == Question(3, False)
    assert question(Apply(Operator.NOT, (negated,), VariableKind.BOOL, 1)) == Question(3, True)
    assert question(Constant(True)) is True
    assert question(Apply(Operator.AND, (bit, negated), VariableKind.BOOL, 1)) is False
    with pytest.raises(ScheduleError, match=r"one measured bit.*got 2 bits"):
        question(Apply(Operator.AND, (bit, Bits((1,))), VariableKind.BOOL, 1))
