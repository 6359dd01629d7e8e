"""Control flow: for every outcome of the measurements, the plays are those of the straight circuit that was taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import Annotation, BoxOp, ClassicalRegister, Parameter, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr, types

from qpu_bridge.errors import NotNative, TooLarge
from qpu_bridge.lowering import LoweringOptions, lower
from qpu_bridge.schedule import (
    NONE,
    Assign,
    Body,
    Branch,
    Operation,
    Repeat,
    Schedule,
    Straight,
    While,
    columns_of,
    evaluate,
    walk,
)


class Shot:
    """Plays one shot of a schedule with given outcomes."""

    def __init__(self, schedule: Schedule, slots: Any, outcomes: dict[str, Iterator[int]]) -> None:
        self.schedule, self.slots, self.outcomes = schedule, slots, outcomes
        self.bits = np.zeros((1, len(schedule.columns)), bool)
        self.variables = np.zeros((1, len(schedule.variables)))
        self.now = 0
        self.read_at: dict[int, int] = {}
        self.plays: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.body(schedule.realtime)

    def value(self, expression: Any) -> float:
        for column in columns_of(expression):
            assert self.now >= self.read_at.get(column, 0), "a bit is read before the device knows it"
        return float(evaluate(expression, self.bits, self.variables, self.slots)[0])

    def body(self, body: Body) -> None:
        for block in body:
            if isinstance(block, Straight):
                self.straight(block)
            elif isinstance(block, Assign):
                self.variables[0, block.variable] = self.value(block.value)
            elif isinstance(block, Branch):
                self.body(block.then if self.value(block.condition) else block.otherwise)
            elif isinstance(block, Repeat):
                for _ in range(block.count):
                    self.body(block.body)
            elif isinstance(block, While):
                rounds = 0
                while self.value(block.condition):
                    self.body(block.body)
                    rounds += 1
                    assert rounds <= block.maximum

    def straight(self, block: Straight) -> None:
        for event in self.schedule.events[block.first : block.last]:
            assert event["start"] + event["duration"] <= block.duration
            frame = self.schedule.frames[event["frame"]].name
            if event["operation"] == Operation.CAPTURE:
                self.bits[0, event["column"]] = next(self.outcomes[frame[1:]])
                self.read_at[int(event["column"])] = self.now + int(event["start"] + event["duration"]) + 200
                continue
            phase = event["phase"] + (self.slots[event["phase_slot"]] if event["phase_slot"] != NONE else 0)
            if event["phase_variable"] != NONE:
                phase += self.variables[0, event["phase_variable"]]
            self.plays[frame].append((float(np.cos(phase)), float(np.sin(phase))))
        self.now += block.duration


def flat(circuit: QuantumCircuit, outcomes: dict[str, Iterator[int]]) -> QuantumCircuit:
    """The straight circuit that a dynamic one is, for given outcomes (conditions on bits and registers only)."""
    straight = QuantumCircuit(*circuit.qregs, *circuit.cregs)
    memory: dict[Any, int] = defaultdict(int)

    def holds(condition: Any) -> bool:
        target, value = condition
        bits = [target] if not isinstance(target, ClassicalRegister) else list(target)
        return sum(memory[bit] << k for k, bit in enumerate(bits)) == int(value)

    def number(register: ClassicalRegister) -> int:
        return sum(memory[bit] << k for k, bit in enumerate(register))

    def walk_through(part: QuantumCircuit, qubits: dict[Any, Any], clbits: dict[Any, Any]) -> None:
        for item in part.data:
            q = [qubits[bit] for bit in item.qubits]
            c = [clbits[bit] for bit in item.clbits]

            def enter(body: QuantumCircuit, q: Any = q, c: Any = c) -> None:
                walk_through(body, dict(zip(body.qubits, q, strict=True)), dict(zip(body.clbits, c, strict=True)))

            if item.name == "measure":
                memory[c[0]] = next(outcomes[str(circuit.find_bit(q[0]).index)])
                straight.measure(q[0], c[0])
            elif item.name == "if_else":
                then, otherwise = item.operation.params
                if holds(item.operation.condition):
                    enter(then)
                elif otherwise is not None:
                    enter(otherwise)
            elif item.name == "for_loop":
                indices, parameter, body = item.operation.params
                for index in indices:
                    bound = parameter is not None and parameter in body.parameters
                    enter(body.assign_parameters({parameter: index}) if bound else body)
            elif item.name == "while_loop":
                while holds(item.operation.condition):
                    enter(item.operation.params[0])
            elif item.name == "switch_case":
                for labels, body in item.operation.cases_specifier():
                    if number(item.operation.target) in labels or any(not isinstance(k, int) for k in labels):
                        enter(body)
                        break
            else:
                straight.append(item.operation, q, c)

    walk_through(circuit, {q: q for q in circuit.qubits}, {c: c for c in circuit.clbits})
    return straight


def grow(circuit: QuantumCircuit, rng: np.random.Generator, depth: int, angles: list[Any]) -> None:
    for _ in range(int(rng.integers(2, 6))):
        kind = rng.choice(["rz", "rz", "sx", "cz", "rzz", "measure", "if", "for", "switch", "index"])
        q = int(rng.integers(3))
        if kind == "rz":
            circuit.rz(angles[rng.integers(len(angles))], q)
        elif kind == "sx":
            circuit.sx(q)
        elif kind == "cz":
            circuit.cz(q % 2, q % 2 + 1)
        elif kind == "rzz":
            circuit.rzz(angles[-1], q % 2, q % 2 + 1)
        elif kind == "measure":
            circuit.measure(q, q)
        elif depth and kind == "if":
            condition = (
                (circuit.cregs[0], int(rng.integers(4))) if rng.integers(2) else (circuit.cregs[1][0], int(rng.integers(2)))
            )
            with circuit.if_test(condition) as otherwise:
                grow(circuit, rng, depth - 1, angles)
            if rng.integers(2):
                with otherwise:
                    grow(circuit, rng, depth - 1, angles)
        elif depth and kind == "for":
            with circuit.for_loop(range(int(rng.integers(1, 4)))):
                grow(circuit, rng, depth - 1, angles)
        elif depth and kind == "index":
            with circuit.for_loop(range(2)) as index:
                circuit.rz(0.3 * index, q)
                circuit.sx(q)
        elif depth and kind == "switch":
            with circuit.switch(circuit.cregs[0]) as case:
                with case(0, 2):
                    grow(circuit, rng, depth - 1, angles)
                with case(1):
                    grow(circuit, rng, depth - 1, angles)
                if rng.integers(2):
                    with case(case.DEFAULT):
                        grow(circuit, rng, depth - 1, angles)
    for q in range(3):
        circuit.sx(q)


@pytest.mark.parametrize("attempt", range(25))
def test_every_path_plays_what_its_straight_circuit_plays(five, rng, attempt) -> None:
    a, b, c = Parameter("a"), Parameter("b"), Parameter("c")
    circuit = QuantumCircuit(QuantumRegister(3, "q"), ClassicalRegister(2, "m"), ClassicalRegister(1, "n"))
    grow(circuit, rng, 2, [0.3, -1.1, a, 2 * a - b, a * b, c])
    values = {"a": 0.7, "b": -0.4, "c": 0.9}
    slots = lower(circuit, five, None).slot_map
    row = slots.bind(np.array([[values[p.name] for p in circuit.parameters]])).values[0]
    schedule = lower(circuit, five, None).schedule
    for _ in range(4):
        tape = {str(q): [int(bit) for bit in rng.integers(0, 2, 200)] for q in range(3)}
        shot = Shot(schedule, row, {q: iter(bits) for q, bits in tape.items()})
        straight = flat(circuit, {q: iter(bits) for q, bits in tape.items()})
        straight = straight.assign_parameters({p: values[p.name] for p in straight.parameters})
        reference = Shot(lower(straight, five, None).schedule, np.zeros(0), {q: iter(bits) for q, bits in tape.items()})
        assert shot.plays.keys() == reference.plays.keys()
        for frame, plays in reference.plays.items():
            assert np.allclose(shot.plays[frame], plays, atol=1e-4), frame


def test_a_while_loop_turns_until_the_bit_falls(five) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.rz(0.4, 0)
        circuit.x(0)
        circuit.measure(0, 0)
    circuit.sx(0)
    schedule = lower(circuit, five, None).schedule
    shot = Shot(schedule, np.zeros(0), {"0": iter([1, 1, 1, 0])})
    angles = [np.arctan2(sin, cos) for cos, sin in shot.plays["q0"]]
    assert angles == pytest.approx([-0.4, -0.8, -1.2, -1.2])
    assert schedule.duration is None


def test_stored_variables_steer_a_switch(five) -> None:
    circuit = QuantumCircuit(2, 2)
    word = circuit.add_var("word", expr.lift(1, types.Uint(4)))
    circuit.measure([0, 1], [0, 1])
    circuit.store(word, expr.add(word, expr.cast(circuit.cregs[0], types.Uint(4))))
    with circuit.if_test(expr.logic_and(expr.greater(word, 2), expr.logic_not(circuit.clbits[0]))):
        circuit.x(0)
    schedule = lower(circuit, five, None).schedule
    for first, second in ((0, 0), (1, 0), (0, 1), (1, 1)):
        shot = Shot(schedule, np.zeros(0), {"0": iter([first]), "1": iter([second])})
        assert len(shot.plays["q0"]) == int(1 + first + 2 * second > 2 and not first)


def test_only_qubits_that_need_it_pay_for_a_real_time_phase(five) -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.sx([0, 1])
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
        circuit.rz(0.2, 1)
    circuit.sx([0, 1])
    schedule = lower(circuit, five, None).schedule
    used = {(schedule.frames[e["frame"]].name, int(e["phase_variable"])) for e in schedule.events if e["phase_variable"] != NONE}
    assert used == {("q1", 0)}
    assert sum(e["phase_variable"] != NONE for e in schedule.events) == 1


def test_arms_are_equally_long(five) -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.cz(0, 1)
    with otherwise:
        circuit.x(0)
        circuit.x(0)
    schedule = lower(circuit, five, None).schedule
    assert schedule.duration == 620 + 64
    assert sum(isinstance(block, Branch) for block in walk(schedule.realtime)) == 1


def test_boxes_keep_their_length_and_order(five) -> None:
    body = QuantumCircuit(2)
    body.x(0)
    for scheduling, start in (("asap", 32), ("alap", 100)):
        circuit = QuantumCircuit(2, 2)
        circuit.x(1)
        circuit.append(BoxOp(body, duration=100, unit="dt"), [0, 1])
        circuit.measure([0, 1], [0, 1])
        lowered = lower(circuit, five, None, LoweringOptions(scheduling=scheduling))
        assert lowered.schedule.duration == 32 + 100 + 500
        assert [t.start for t in lowered.timing if t.name == "x"] == [0, start]
        circuit.data[1] = circuit.data[1].replace(operation=BoxOp(body, duration=20, unit="dt"))
        with pytest.raises(NotNative, match="fit into the box"):
            lower(circuit, five, None)


class Wish(Annotation):
    namespace = "samplomatic.twirl"


@pytest.mark.parametrize("what", ["annotation", "early exit", "store to a bit", "input", "endless", "two qubits"])
def test_what_a_device_cannot_do_is_refused_by_name(five, what) -> None:
    circuit = QuantumCircuit(2, 2)
    error: type[Exception] = NotNative
    if what == "annotation":
        circuit.append(BoxOp(QuantumCircuit(1), annotations=[Wish()]), [0])
        word = "samplomatic.twirl"
    elif what == "early exit":
        with circuit.while_loop((circuit.clbits[0], 1)):
            circuit.x(0)
            circuit.break_loop()
        word = "break_loop"
    elif what == "store to a bit":
        circuit.store(expr.lift(circuit.clbits[0]), expr.lift(True))
        word = "classical variable"
    elif what == "input":
        circuit = QuantumCircuit(1, inputs=[expr.Var.new("given", types.Bool())])
        word = "given"
    elif what == "two qubits":
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.measure(1, 0)
        word = "one qubit only"
    else:
        with circuit.for_loop(range(10**7)) as index:
            circuit.rz(index, 0)
        word, error = "unroll", TooLarge
    with pytest.raises(error, match=word):
        lower(circuit, five, None)


def test_what_is_nested_without_end_is_refused(five) -> None:
    body = QuantumCircuit(1)
    body.x(0)
    for _ in range(40):
        outer = QuantumCircuit(1)
        outer.append(BoxOp(body), [0])
        body = outer
    with pytest.raises(TooLarge, match="nested"):
        lower(body, five, None)
    circuit = QuantumCircuit(1)
    with circuit.for_loop(range(10**8)):
        circuit.rz(0.1, 0)
    with pytest.raises(TooLarge, match="turn at most"):
        lower(circuit, five, None)


def test_a_switch_that_has_only_a_default_is_straight_code(five) -> None:
    circuit, plain = QuantumCircuit(1, 1), QuantumCircuit(1, 1)
    for one in (circuit, plain):
        one.sx(0)
    with circuit.switch(circuit.cregs[0]) as case, case(case.DEFAULT):
        circuit.rz(1.0, 0)
    plain.rz(1.0, 0)
    for one in (circuit, plain):
        one.sx(0)
        one.measure(0, 0)
    shots = [Shot(lower(one, five, None).schedule, np.zeros(0), {"0": iter([0])}) for one in (circuit, plain)]
    assert shots[0].plays == shots[1].plays


def test_loops_with_a_condition_share_the_longest_shot(five) -> None:
    """One after the other, in each other, in counted loops and in arms."""
    circuit = QuantumCircuit(2, 3)
    for bit in (0, 1):
        with circuit.while_loop((circuit.clbits[bit], 1)):
            circuit.measure(0, bit)
            with circuit.while_loop((circuit.clbits[2], 1)):
                circuit.measure(1, 2)
    with circuit.for_loop(range(3)), circuit.if_test((circuit.clbits[0], 1)), circuit.while_loop((circuit.clbits[0], 1)):
        circuit.measure(0, 0)
    schedule = lower(circuit, five, None).schedule
    loops = [block for block in walk(schedule.realtime) if isinstance(block, While)]
    assert len(loops) == 5
    assert all(loop.maximum >= 2 for loop in loops)
    ticks = five.timing.max_circuit_duration / float(five.timing.dt)
    assert _most(schedule.realtime) <= ticks


def _most(body: Body) -> int:
    """Ticks of a body if every loop turns as often as it may."""
    total = 0
    for block in body:
        if isinstance(block, Straight):
            total += block.duration
        elif isinstance(block, Branch):
            total += max(_most(block.then), _most(block.otherwise))
        elif isinstance(block, Repeat):
            total += block.count * _most(block.body)
        elif isinstance(block, While):
            total += block.maximum * _most(block.body)
    return total


def test_an_overwritten_bit_and_a_second_reset_keep_names_apart(five) -> None:
    circuit = QuantumCircuit(2, 1)
    for _ in range(2):
        circuit.reset(0)
        circuit.sx(0)
    for qubit in (0, 1):
        circuit.measure(qubit, 0)
    columns = lower(circuit, five, None).schedule.columns
    assert len({column.name for column in columns}) == len(columns) == 4
    assert [column.name for column in columns if column.returned] == ["c[0]"]
