from __future__ import annotations

from fractions import Fraction

import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Bits,
    Builder,
    Column,
    Discriminator,
    Feature,
    Limits,
    PortKind,
    PortLimits,
    Schedule,
    SlotKind,
    Table,
    check,
    check_table,
)
from qpu_bridge.units import Clock

CLOCK = Clock(Fraction(1, 10**9))
LINE = Discriminator(0.0, 0.0)


def device(**changes: object) -> Limits:
    return Limits(
        dt=CLOCK.dt,
        ports=(PortLimits(name="a0", kind=PortKind.ACQUIRE, dt=CLOCK.dt),),
        features=frozenset(Feature),
        **({"feedback_separation": 252} | changes),  # type: ignore[arg-type]
    )


def two(*ends: tuple[int, int], read: tuple[int, ...] = (0,)) -> Schedule:
    """Captures of 100 ticks, (receiver, end), then a branch on each column that is read."""
    build = Builder(CLOCK)
    line = build.port("a0", PortKind.ACQUIRE)
    frames = [build.frame(f"a{k}", line, 7e9 + k * 1e6) for k in range(2)]
    columns = [build.column(Column(f"c{k}", discriminator=LINE)) for k in range(len(ends))]
    for column, (frame, end) in zip(columns, ends, strict=True):
        build.capture(frames[frame], column, 100, at=end - 100)
    build.wait(1000)
    for k in read:
        with build.branch(Bits((columns[k],))):
            build.wait(8)
    return build.build()


def test_two_bits_that_control_reads_must_not_meet_on_the_network() -> None:
    check(two((0, 200), (1, 452), read=(0, 1)), device())
    with pytest.raises(
        ScheduleError, match=r"end at least 252 ticks apart.*got 251 ticks.*frame a1.*Measure one after the other"
    ):
        check(two((0, 200), (1, 451), read=(0, 1)), device())
    check(two((0, 200), (1, 200), read=(0, 1)), device(feedback_separation=0))


def test_a_receiver_that_control_never_reads_sends_nothing() -> None:
    check(two((0, 200), (1, 200)), device())


@pytest.mark.parametrize(("ends", "since"), [(((0, 200), (0, 300)), 100), (((0, 300), (0, 200)), 100)])
def test_a_bit_that_nobody_reads_meets_one_that_is_read(ends: tuple[tuple[int, int], ...], since: int) -> None:
    with pytest.raises(ScheduleError, match=f"got {since} ticks"):
        check(two(*sorted(ends, key=lambda end: end[1]), read=(0 if ends[0][1] < ends[1][1] else 1,)), device())


def test_two_bits_that_nobody_reads_may_meet() -> None:
    ends = ((0, 200), (1, 500), (0, 1000), (1, 1000))
    check(two(*ends, read=(0, 1)), device())
    with pytest.raises(ScheduleError, match="got 0 ticks"):
        check(two(*ends, read=(0, 1, 2)), device())


def test_a_turn_meets_the_one_before_it() -> None:
    def turns(ticks: int, count: int) -> Schedule:
        build = Builder(CLOCK)
        frame = build.frame("a0", build.port("a0", PortKind.ACQUIRE), 7e9)
        column = build.column(Column("c", discriminator=LINE))
        with build.repeat(count):
            build.capture(frame, column, 100)
            build.wait(ticks - 100)
        with build.branch(Bits((column,))):
            build.wait(8)
        return build.build()

    check(turns(252, 3), device())
    check(turns(200, 1), device())
    with pytest.raises(ScheduleError, match="got 200 ticks"):
        check(turns(200, 2), device())


def test_the_shortest_wait_of_a_table_counts() -> None:
    build = Builder(CLOCK)
    frame = build.frame("a0", build.port("a0", PortKind.ACQUIRE), 7e9)
    column = build.column(Column("c", discriminator=LINE))
    build.capture(frame, column, 100)
    build.wait(build.slot(SlotKind.DURATION))
    build.capture(frame, column, 100)
    with build.branch(Bits((column,))):
        build.wait(8)
    schedule = build.build()
    check_table(schedule, Table([[300.0], [152.0]]), device())
    with pytest.raises(ScheduleError, match="got 251 ticks"):
        check_table(schedule, Table([[300.0], [151.0]]), device())


def test_the_network_has_so_many_addresses() -> None:
    check(two((0, 200), (1, 500)), device(max_feedback_frames=1))
    with pytest.raises(ScheduleError, match=r"at most 1 acquire frames .*; got 2"):
        check(two((0, 200), (1, 500), read=(0, 1)), device(max_feedback_frames=1))
