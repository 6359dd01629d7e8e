"""Schedules that use everything, and every message once."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qpu_bridge.driver import Capabilities, Chunk, Run, Setting, State, Status
from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Acquisition,
    Apply,
    Bits,
    Builder,
    Column,
    Constant,
    Discriminator,
    Feature,
    Limits,
    Operator,
    Output,
    PortKind,
    PortLimits,
    Read,
    Schedule,
    SlotKind,
    Table,
    VariableKind,
    Waveform,
    shapes,
)
from qpu_bridge.units import Clock
from qpu_bridge.wire import (
    Abort,
    Aborted,
    Ack,
    Alive,
    Answer,
    Ask,
    Failure,
    Heartbeat,
    Hello,
    Load,
    Loaded,
    Message,
    Part,
    Play,
    Welcome,
)


def everything() -> Schedule:
    """A schedule with every kind of block, expression, slot, column and port."""
    builder = Builder(Clock(Fraction(1, 10**9)))
    drive = builder.port("d0", PortKind.DRIVE, Clock(Fraction(2, 4 * 10**9)))
    flux, readout, acquire = (
        builder.port("f0", PortKind.FLUX),
        builder.port("r", PortKind.READOUT),
        builder.port("a", PortKind.ACQUIRE, Clock(Fraction(7, 3 * 10**9))),
    )
    qubit, bend = builder.frame("q0", drive, 5.0e9), builder.frame("f0", flux, 0.0)
    tone, heard = builder.frame("m0", readout, 7e9), builder.frame("a0", acquire, 7e9)
    phase, level, detuning = (builder.slot(SlotKind.PHASE, 2), builder.slot(SlotKind.AMPLITUDE), builder.slot(SlotKind.FREQUENCY))
    value = builder.slot(SlotKind.VALUE)
    axis = builder.axis(3)
    swept, waited = axis.sweep(SlotKind.AMPLITUDE, 0.0, 0.125), axis.sweep(SlotKind.DURATION, 0, 16)
    flag, number, angle = (
        builder.variable("flag", VariableKind.BOOL, 1),
        builder.variable("n", VariableKind.UINT, 8),
        builder.variable("angle", VariableKind.FLOAT),
    )
    line = Discriminator(0.25, -1.5)
    bit = builder.column(Column("c[0]", output=Output.BOTH, discriminator=line))
    hidden = builder.column(Column("reset", discriminator=line, returned=False))
    trace = builder.column(Column("trace", acquisition=Acquisition.RAW, average=True))
    builder.set_frequency(qubit, detuning)
    builder.play(qubit, shapes.drag(32, 8.0, 0.5), level)
    builder.shift_phase(qubit, phase)
    builder.follow_phase(qubit, angle)
    builder.play(qubit, Waveform.of([0.5, 0.5, 0.25j, -1.0]), 0.5, phase=0.125)
    builder.play(bend, shapes.constant(64), swept)
    builder.barrier()
    builder.play(tone, shapes.constant(100), 0.25)
    builder.capture(heard, bit, 40, shapes.constant(40))
    builder.wait(waited)
    builder.assign(flag, Apply(Operator.EQUAL, (Bits((bit,)), Constant(True)), VariableKind.BOOL, 1))
    builder.assign(number, Apply(Operator.ADD, (Read(number), Constant(3)), VariableKind.UINT, 8))
    builder.assign(angle, builder.value(value))
    with builder.branch(Read(flag)):
        builder.play(qubit, shapes.drag(32, 8.0, 0.5), 0.25)
        with builder.repeat(3, number):
            builder.capture(heard, hidden, 30, shapes.constant(30))
    with builder.otherwise():
        builder.wait(64)
    with builder.loop_while(Apply(Operator.NOT, (Bits((hidden,)),), VariableKind.BOOL, 1), maximum=5):
        builder.capture(heard, hidden, 30, shapes.constant(30))
    builder.capture(heard, trace, 12)
    return builder.build()


def capabilities() -> Capabilities:
    port = PortLimits(name="d0", kind=PortKind.DRIVE, dt=Fraction(1, 10**9), granularity=4)
    limits = Limits(dt=Fraction(1, 10**9), ports=(port,), features=frozenset({Feature.RAW}), branch_latency=7)
    setting = Setting(name="noise", kind="number", minimum=0, maximum=2, description="Scale of all noise.")
    return Capabilities(
        device="lab_five", driver="loopback", version="1", simulated=True, source="loopback", limits=limits, settings=(setting,)
    )


def chunk() -> Chunk:
    ramp = np.arange(2 * 3 * 4 * 2)
    return Chunk(
        first_row=5,
        rows=2,
        bits=(ramp % 3 == 0).reshape(2, 3, 4, 2),
        iq=(ramp - 0.5j * ramp).astype(np.complex64).reshape(2, 3, 4, 2),
        mean=np.zeros((2, 3, 0), np.complex64),
        raw={7: np.full((2, 3, 4, 5), 0.25 + 1j, np.complex64)},
        started_ns=10**15,
        stopped_ns=10**15 + 1,
        notes={"engine": "none"},
    )


def every_message() -> dict[str, Message]:
    schedule = everything()
    table = Table(np.arange(12, dtype=float).reshape(2, 6) / 8)
    run = Run(schedule.digest, table, 100, first_row=3, rep_delay_s=1e-4, seed=2**63, settings={"noise": 0.5, "quiet": True})
    return {
        "hello": Hello(),
        "welcome": Welcome(b"incarnat", capabilities()),
        "load": Load(schedule),
        "loaded": Loaded(schedule.digest),
        "run": Play(b"incarnat", 8, run),
        "chunk": Part(True, chunk()),
        "ack": Ack(2),
        "abort": Abort(bytes(16)),
        "aborted": Aborted(True),
        "status": Ask(),
        "answer": Answer(Status(state=State.RUNNING, message="row 3", loaded=(schedule.digest.hex(),))),
        "heartbeat": Heartbeat(bytes(range(16))),
        "alive": Alive(b"incarnat", False),
        "error": Failure(ScheduleError("an amplitude must be at most 1", given=1.5, where="q0 at 12 ns", remedy="Lower it.")),
    }


@pytest.fixture(scope="session")
def messages() -> dict[str, Message]:
    return every_message()


@pytest.fixture(scope="session")
def schedule() -> Schedule:
    return everything()
