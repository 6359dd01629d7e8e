"""Read a circuit into a `Program`: the only loop over instructions, and the place where foreign gates are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qiskit.circuit import Clbit, QuantumCircuit

from qpu_bridge.errors import NotNative, TooLarge
from qpu_bridge.lowering.angle import Affine, Sources
from qpu_bridge.lowering.clbits import Clbits
from qpu_bridge.lowering.duration import Grid, delay_ticks
from qpu_bridge.lowering.gate_table import GateTable
from qpu_bridge.lowering.lookahead import RESETS, resets_from, used_qubits
from qpu_bridge.lowering.place import place, spell, unsynchronized
from qpu_bridge.lowering.program import SYNC, Arm, Choice, Node, Program, Run, Span, Step, Wait
from qpu_bridge.schedule import Bits

_PLAIN, _ANGLED, _MEASURE, _OTHER = range(4)


def read(
    circuit: QuantumCircuit, table: GateTable, grid: Grid, *, active_reset: bool = False, one_by_one: bool = False
) -> Program:
    """Read a circuit.

    Args:
        circuit: ISA circuit on physical qubits: qubit ``k`` is the device's qubit ``k``.
        table: Native gates.
        grid: Ticks that starts must fall on.
        active_reset: Whether to reset the used qubits first.
        one_by_one: Whether qubits that are reset together are measured one after the other, as a device asks whose bits must not
            meet (`Limits.feedback_separation`).

    Returns:
        Its steps and their order.

    Raises:
        NotNative: For anything that the target does not have, with instruction, gate, qubits and angle.
        TooLarge: If the circuit is wider than the device.
    """
    available = len(table.snapshot.qubits)
    if circuit.num_qubits > available:
        raise TooLarge(
            f"a circuit must have at most {available} qubits, which is what the device has",
            given=circuit.num_qubits,
            remedy="Transpile it for this backend.",
        )
    return Reader(circuit, table, grid, one_by_one).read(active_reset)


class Reader:
    """Collects steps; control flow is read by `structure.read_structure`."""

    def __init__(self, circuit: QuantumCircuit, table: GateTable, grid: Grid, one_by_one: bool) -> None:
        self.circuit = circuit
        self.one_by_one = one_by_one
        self.table = table
        self.grid = grid
        self.width = len(table.snapshot.qubits)
        self.program = Program(Sources(circuit.parameters))
        self.clbits = Clbits(circuit, self.program.memory)
        self.variables: dict[Any, int] = {}
        self.depth = 0  # of arms and loops
        self.nesting = 0  # of bodies of any kind
        self.here: list[Node] = []
        self.waiting: dict[int, tuple[Affine, int]] = {}
        self._run: Run | None = None

    def read(self, active_reset: bool) -> Program:
        """Read the whole circuit."""
        circuit, program = self.circuit, self.program
        if circuit.num_input_vars:
            names = ", ".join(variable.name for variable in circuit.iter_input_vars())
            raise NotNative("a circuit must not ask for classical inputs", given=names)
        qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
        clbits = {clbit: clbit for clbit in circuit.clbits}
        if active_reset:
            self.reset([(qubit, None) for qubit in sorted(used_qubits(circuit, qubits))], 0)
        self.block(circuit, qubits, clbits, None)
        self.close()
        program.body = tuple(self.here)
        for register in circuit.cregs:
            found = [self.clbits.found(bit) for bit in register]
            program.registers[register.name] = tuple(c if c >= 0 and program.memory[c].returned else -1 for c in found)
        return program

    def block(
        self, circuit: QuantumCircuit, qubits: Mapping[Any, int], clbits: Mapping[Clbit, Clbit], origin: int | None
    ) -> None:
        """Read the instructions of a circuit or of the body of a control-flow operation.

        Args:
            circuit: What to read.
            qubits: Its qubits -> physical qubits.
            clbits: Its classical bits -> those of the whole circuit.
            origin: Index of the outermost instruction that it belongs to, None at the top.
        """
        program = self.program
        steps, origins, angle_at, angles = program.steps, program.origin, program.angle_at, program.angles
        known: dict[tuple[str, Any], tuple[int, Step]] = {}
        done = 0
        for index, instruction in enumerate(circuit.data):
            name, bits = instruction.name, instruction.qubits
            found = known.get((name, bits))
            if found is None:
                where = tuple(qubits[bit] for bit in bits)
                found = known[name, bits] = self._resolve(name, where, index if origin is None else origin)
            kind, step = found
            if kind <= _ANGLED:
                if self._run is None or self.waiting:
                    self.open(step[1])
                if kind == _ANGLED:
                    (angle,) = instruction.params
                    if type(angle) is float:
                        angle_at.append(len(steps))
                        angles.append(angle)
                    else:
                        self._symbol(angle)
                steps.append(step)
                origins.append(index if origin is None else origin)
            elif kind == _MEASURE:
                at = index if origin is None else origin
                column = self.clbits.written(clbits[instruction.clbits[0]], step[1][0], at, certain=not self.depth)
                self.measure(step, column, at)
            elif index >= done:
                if name in RESETS:
                    together = resets_from(circuit, index)
                    done = index + len(together)
                    pairs = [(qubits[one.qubits[0]], clbits[one.clbits[0]] if one.clbits else None) for one in together]
                    self.reset(pairs, index if origin is None else origin)
                else:
                    self._other(instruction, step[1], qubits, clbits, index if origin is None else origin)

    def open(self, touched: tuple[int, ...]) -> None:
        """Have a straight run to append to; a qubit that is touched must not be inside a wait that others have yet to join."""
        for qubit in touched:
            if qubit in self.waiting:
                raise unsynchronized(qubit, self.waiting[qubit][1])
        if self._run is None:
            at = len(self.program.steps)
            self._run = Run(at, at)

    @property
    def run(self) -> Run:
        """The straight run that is being read."""
        if self._run is None:
            self.open(())
        assert self._run is not None
        return self._run

    def close(self) -> None:
        """End the straight run that is being read."""
        if self.waiting:
            qubit, (_, index) = next(iter(self.waiting.items()))
            raise unsynchronized(qubit, index)
        if self._run is not None:
            self._run.last = len(self.program.steps)
            self.here.append(self._run)
            self.program.runs.append(self._run)
            self._run = None

    def step(self, code: int, resources: tuple[int, ...], duration: int, origin: int) -> int:
        """Append a step; returns its index."""
        self.open(resources if code != SYNC else ())
        self.program.steps.append((code, resources, duration))
        self.program.origin.append(origin)
        return len(self.program.steps) - 1

    def measure(self, step: Step, column: int, origin: int) -> int:
        """Append a measurement into a column."""
        code, where, duration = step
        at = self.step(code, (*where, self.width + column), duration, origin)
        self.program.column_of[at] = column
        return at

    def reset(self, wanted: list[tuple[int, Clbit | None]], origin: int) -> None:
        """Measure, wait for the bits, and flip those that are 1; where a classical bit is named, it keeps what was measured."""
        self.close()
        columns: dict[int, int] = {}
        for qubit, clbit in wanted:
            code = self.entry("measure", (qubit,), origin)
            columns[qubit] = (
                self.clbits.new(f"reset q{qubit}", qubit, returned=False)
                if clbit is None
                else self.clbits.written(clbit, qubit, origin, certain=not self.depth)
            )
            step = (code, (qubit,), self.grid.cover(self.table.entries[code].duration))
            self.program.resets.add(self.measure(step, columns[qubit], origin))
            if self.one_by_one:
                self.close()
        self.close()
        for qubit in columns:
            body, span = self.inside(lambda qubit=qubit: self._flip(qubit, origin))  # type: ignore[misc]
            self.here.append(Choice((Arm(Bits((columns[qubit],)), body, span),)))

    def _flip(self, qubit: int, origin: int) -> None:
        name, times = ("x", 1) if ("x", (qubit,)) in self.table.code else ("sx", 2)
        code = self.entry(name, (qubit,), origin)
        for _ in range(times):
            self.program.resets.add(self.step(code, (qubit,), self.grid.cover(self.table.entries[code].duration), origin))

    def inside(self, fill: Callable[[], None]) -> tuple[tuple[Node, ...], Span]:
        """Nodes and steps that ``fill`` appends, kept apart from what was read before."""
        self.close()
        outer, self.here = self.here, []
        first = len(self.program.steps)
        self.depth += 1
        fill()
        self.depth -= 1
        self.close()
        body, self.here = tuple(self.here), outer
        span = Span(first, len(self.program.steps), len(self.program.spans))
        self.program.spans.append(span)
        return body, span

    def entry(self, name: str, where: tuple[int, ...], origin: int) -> int:
        """Entry of the gate table; says which gates there are if there is none."""
        for qubit in where:
            if not self.table.snapshot.qubits[qubit].operational:
                raise NotNative(
                    "a circuit must only use qubits that are operational",
                    given=f"qubit {qubit}",
                    where=place(origin, name, where),
                )
        gate = self.table.snapshot.gate(name, *where)
        if gate is not None and not gate.operational:
            raise NotNative("a circuit must only use gates that are operational", given=name, where=place(origin, name, where))
        code = self.table.code.get((name, where))
        if code is None:
            there = sorted(qubits for gate, qubits in self.table.code if gate == name)
            names = sorted({gate for gate, _ in self.table.code})
            have = f"{name} is available on {spell(there)}" if there else f"gates are {', '.join(names)}, delay, reset"
            raise NotNative(
                "a circuit must only hold native gates of the device",
                given=f"{name} on {spell([where])}",
                where=place(origin, name, where),
                remedy=f"Here {have}. Transpile the circuit for this backend.",
            )
        return code

    def _symbol(self, value: Any) -> None:
        """Note the angle of the step that is about to be appended."""
        program = self.program
        angle = program.sources.read(value)
        if angle.terms:
            program.symbolic[len(program.steps)] = angle
        else:
            program.angle_at.append(len(program.steps))
            program.angles.append(angle.constant)

    def _resolve(self, name: str, where: tuple[int, ...], origin: int) -> tuple[int, Step]:
        if name in _STRUCTURE:
            return _OTHER, (SYNC, where, 0)
        name = _SAME.get(name, name)
        code = self.entry(name, where, origin)
        entry = self.table.entries[code]
        kind = _MEASURE if name == "measure" else _ANGLED if entry.takes_angle else _PLAIN
        return kind, (code, where, self.grid.cover(entry.duration))

    def _other(
        self, instruction: Any, where: tuple[int, ...], qubits: Mapping[Any, int], clbits: Mapping[Clbit, Clbit], origin: int
    ) -> None:
        name = instruction.name
        if name == "barrier":
            self.step(SYNC, where, 0, origin)
        elif name == "delay":
            self._delay(instruction, where, origin)
        else:
            # imported here because reading a body comes back to this class
            from qpu_bridge.lowering.structure import read_structure

            read_structure(self, instruction, qubits, clbits, origin)

    def _delay(self, instruction: Any, where: tuple[int, ...], origin: int) -> None:
        ticks = delay_ticks(instruction, self.grid, self.program.sources, where, origin)
        if isinstance(ticks, int):
            self.program.delays.add(self.step(SYNC, where, ticks, origin))
            return
        (qubit,) = where
        if qubit in self.waiting:
            raise unsynchronized(qubit, self.waiting[qubit][1])
        self.waiting[qubit] = (ticks, origin)
        used = used_qubits(self.circuit, {bit: index for index, bit in enumerate(self.circuit.qubits)})
        if used <= self.waiting.keys():
            if len({wait for wait, _ in self.waiting.values()}) > 1:
                raise unsynchronized(qubit, origin)
            self.waiting.clear()
            self.close()
            self.here.append(Wait(ticks))


_STRUCTURE = RESETS | {"barrier", "delay", "box", "if_else", "switch_case", "while_loop", "for_loop", "store"}
_STRUCTURE |= {"break_loop", "continue_loop"}
_SAME = {"measure_2": "measure"}
"""Instructions that the client tells apart and this machine does not: it has one kind of measurement."""
