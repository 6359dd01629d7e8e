"""One small schedule that uses everything, the limits of a device that can play it, and a way to break it in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from qpu_bridge.schedule import (
    Bits,
    Builder,
    Column,
    Discriminator,
    Feature,
    Limits,
    Output,
    PortKind,
    PortLimits,
    Schedule,
    SlotKind,
    VariableKind,
    Waveform,
)
from qpu_bridge.schedule.expression import Apply, Constant, Operator
from qpu_bridge.schedule.shapes import constant, cosine_square, drag, gaussian_square
from qpu_bridge.units import Clock

CLOCK = Clock(Fraction(1, 10**9))


def everything() -> Schedule:
    """Two drive carriers on one line, flux, readout; slots of all kinds; a sweep; a branch, a loop, a variable."""
    build = Builder(CLOCK)
    drive = build.port("d0", PortKind.DRIVE)
    flux = build.port("z0", PortKind.FLUX)
    readout = build.port("m0", PortKind.READOUT)
    acquire = build.port("a0", PortKind.ACQUIRE)
    qubit = build.frame("q0", drive, 5.0e9)
    other = build.frame("q0q1", drive, 5.1e9)
    coupler = build.frame("c0", flux, 0.0)
    tone = build.frame("r0", readout, 7.0e9)
    receive = build.frame("s0", acquire, 7.0e9)
    twirl = build.slot(SlotKind.PHASE, bits=2)
    level = build.slot(SlotKind.AMPLITUDE)
    wait = build.sweep(SlotKind.DURATION, 0, 20, 11)
    detune = build.sweep(SlotKind.FREQUENCY, -1e6, 1e5, 21)
    herald = build.column(
        Column("herald", discriminator=Discriminator(0.5, 3.0), returned=False),
    )
    result = build.column(Column("c[0]", output=Output.BOTH, discriminator=Discriminator(0.5, 3.0)))
    angle = build.variable("angle", VariableKind.FLOAT)
    x90 = drag(32, 8, 0.5)
    kernel = Waveform.of(np.exp(1j * np.linspace(0, 1, 200)))

    def measure(column: int) -> None:
        build.barrier()
        build.play(tone, gaussian_square(240, 10, 200), amplitude=0.3)
        build.delay(receive, 20)
        build.capture(receive, column, 200, kernel)
        build.wait(400)

    build.set_frequency(other, detune)
    measure(herald)
    with build.branch(Bits((herald,))):
        build.play(qubit, x90, amplitude=0.8)
    with build.otherwise():
        build.wait(32)
    build.assign(angle, Apply(Operator.MULTIPLY, (Bits((herald,)), Constant(0.7)), VariableKind.FLOAT))
    build.shift_phase(qubit, twirl)
    build.follow_phase(qubit, angle)
    build.play(qubit, x90, amplitude=0.4, phase=0.1)
    build.play(other, gaussian_square(160, 8, 128), amplitude=level, scale=0.5)
    build.play(coupler, cosine_square(40, 10), amplitude=0.2)
    build.wait(wait)
    with build.repeat(3):
        build.play(qubit, x90, amplitude=0.4)
    build.wait(10)
    measure(result)
    return build.build()


def able() -> Limits:
    """Limits of a device that can do all of it, each set close to what `everything` needs."""
    line: dict[str, Any] = {"dt": CLOCK.dt, "min_duration": 4, "waveform_memory": 600}
    return Limits(
        dt=CLOCK.dt,
        ports=(
            PortLimits(name="d0", kind=PortKind.DRIVE, min_frequency=4.9e9, max_frequency=5.2e9, bandwidth=0.5e9, **line),
            PortLimits(name="z0", kind=PortKind.FLUX, **line),
            PortLimits(name="m0", kind=PortKind.READOUT, min_frequency=6e9, max_frequency=8e9, **line),
            PortLimits(name="a0", kind=PortKind.ACQUIRE, min_frequency=6e9, max_frequency=8e9, **line, min_separation=300),
        ),
        features=frozenset(Feature),
        sweeps=frozenset(SlotKind),
        branch_latency=364,
        max_results=10**6,
    )


@pytest.fixture
def schedule() -> Schedule:
    return everything()


@pytest.fixture
def limits() -> Limits:
    return able()


@pytest.fixture
def with_event() -> Callable[..., Schedule]:
    """The schedule with fields of one event changed."""

    def change(schedule: Schedule, row: int, **fields: Any) -> Schedule:
        events = schedule.events.copy()
        for name, value in fields.items():
            events[name][row] = value
        return replace(schedule, events=events)

    return change


@pytest.fixture
def with_port() -> Callable[..., Limits]:
    """The limits with fields of one port changed."""

    def change(limits: Limits, port: str, **fields: Any) -> Limits:
        ports = tuple(p.model_copy(update=fields) if p.name == port else p for p in limits.ports)
        return limits.model_copy(update={"ports": ports})

    return change


@pytest.fixture
def ramsey() -> Schedule:
    """A Ramsey fringe: two half turns, a swept wait between, a readout."""
    build = Builder(CLOCK)
    drive, readout, acquire = (
        build.port(name, kind) for name, kind in (("d0", PortKind.DRIVE), ("m0", PortKind.READOUT), ("a0", PortKind.ACQUIRE))
    )
    qubit, tone, receive = build.frame("q0", drive, 5e9), build.frame("r0", readout, 7e9), build.frame("s0", acquire, 7e9)
    column = build.column(Column("c[0]", discriminator=Discriminator(0.0, 0.0)))
    wait = build.sweep(SlotKind.DURATION, 0, 20, 101)
    half = drag(32, 8, 0.5)
    build.play(qubit, half, amplitude=0.4)
    build.wait(wait)
    build.play(qubit, half, amplitude=0.4, phase=np.pi / 2)
    build.barrier()
    build.play(tone, constant(400), amplitude=0.3)
    build.delay(receive, 40)
    build.capture(receive, column, 360)
    return build.build()
