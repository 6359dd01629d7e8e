"""Mid-circuit measurement, branches, loops, real-time variables: the shots follow their own outcomes."""

import dataclasses

import numpy as np
import pytest

from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import Apply, Bits, Constant, Operator, Read, VariableKind

QUIET = {"t1": 0, "t2": 0, "low_frequency": 0, "zz": 0, "readout": 0, "thermal": 0}


def test_a_branch_resets_a_qubit(bench, run):
    bench.gate("sx", 0)
    (middle,) = bench.measure(0)
    bench.wait(400)
    with bench.builder.branch(Bits((middle,))):
        bench.gate("x", 0)
    bench.measure(0)
    (chunk,) = run(bench.build(), shots=1000, settings=QUIET)
    assert 0.4 < chunk.bits[0, :, 0].mean() < 0.6
    assert chunk.bits[0, :, 1].mean() < 0.01


def test_otherwise_is_the_other_arm(bench, run):
    bench.gate("sx", 0)
    (middle,) = bench.measure(0)
    bench.wait(400)
    with bench.builder.branch(Bits((middle,))):
        bench.gate("id", 0)
    with bench.builder.otherwise():
        bench.gate("x", 0)
    bench.measure(0)
    (chunk,) = run(bench.build(), shots=1000, settings=QUIET)
    assert chunk.bits[0, :, 1].mean() > 0.99


def test_a_measured_partner_collapses(bench, run):
    """Bell pair: the second qubit, measured later, agrees with the first; the first is driven again in between."""
    for qubit in (0, 1):
        bench.rz(qubit, np.pi / 2)
        bench.gate("sx", qubit)
        bench.rz(qubit, np.pi / 2)
    bench.gate("cz", 0, 1)
    bench.rz(1, np.pi / 2)
    bench.gate("sx", 1)
    bench.rz(1, np.pi / 2)
    bench.measure(0)
    bench.gate("sx", 0)
    bench.measure(0, 1)
    (chunk,) = run(bench.build(), shots=2000, settings=QUIET)
    first, again, partner = chunk.bits[0].T
    assert (first == partner).mean() > 0.99
    assert 0.4 < (first == again).mean() < 0.6


def test_a_loop_runs_until_it_succeeds(bench, run):
    bench.gate("sx", 0)
    (bit,) = bench.measure(0)
    bench.wait(400)
    with bench.builder.loop_while(Bits((bit,)), 40):
        bench.gate("sx", 0)
        start = bench.builder.now(bench.frames["q0"])
        spec = bench.snapshot.measures[0]
        bench.play("m0", bench.waveform("readout"), spec.amplitude)
        at = start + spec.acquire_start
        bench.builder.capture(bench.frames["a0"], bit, spec.acquire_duration, bench.waveform(spec.kernel), at=at)
        bench.wait(800)
    bench.measure(0)
    (chunk,) = run(bench.build(), shots=500, settings=QUIET)
    assert not chunk.bits[0, :, 0].any()
    assert chunk.bits[0, :, 1].mean() < 0.01


def test_a_loop_that_never_ends_is_a_fault(bench, run):
    (bit,) = bench.measure(0)
    bench.wait(400)
    with bench.builder.loop_while(Apply(Operator.NOT, (Bits((bit,)),), VariableKind.BOOL, 1), 5):
        bench.wait(36)
    with pytest.raises(DriverFault, match="within its maximum"):
        run(bench.build(), shots=10, settings=QUIET)


def test_a_variable_counts_and_turns_a_phase(bench, run):
    """RZ(pi) in real time: sx, sx with phase variable pi, gives |0>."""
    turn = bench.builder.variable("turn", VariableKind.FLOAT)
    bench.measure(1)
    bench.wait(400)
    bench.builder.assign(turn, Constant(np.pi))
    bench.gate("sx", 0)
    bench.gate("sx", 0)
    bench.measure(0)
    schedule = bench.build()
    events = schedule.events.copy()
    drives = [row for row in range(len(events)) if schedule.ports[events["port"][row]].name == "d0"]
    events["phase_variable"][drives[1]] = turn
    schedule = dataclasses.replace(schedule, events=events)
    (chunk,) = run(schedule, shots=300, settings=QUIET)
    assert chunk.bits[0, :, 1].mean() < 0.01


def test_repeats_count(bench, run):
    """Five quarter turns from a loop, then three more if the counter says 4."""
    count = bench.builder.variable("count", VariableKind.UINT, 8)
    with bench.builder.repeat(5, count):
        bench.gate("sx", 0)
    with bench.builder.branch(Apply(Operator.EQUAL, (Read(count), Constant(4)), VariableKind.BOOL, 1)):
        bench.gate("sx", 0)
    bench.measure(0)
    (chunk,) = run(bench.build(), shots=300, settings=QUIET)
    assert chunk.bits.mean() > 0.99
