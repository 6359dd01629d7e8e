"""Control flow, boxes and stores: the operations that hold other circuits, or change what others read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from qiskit.circuit import CASE_DEFAULT, CONTROL_FLOW_OP_NAMES, Clbit, Parameter, QuantumCircuit
from qiskit.circuit.classical import expr

from qpu_bridge.errors import NotNative, TooLarge
from qpu_bridge.lowering.condition import Names, either, equal
from qpu_bridge.lowering.duration import ticks_of
from qpu_bridge.lowering.program import SYNC, Arm, Choice, Loop, Store, Until
from qpu_bridge.schedule import Constant, Expression, Variable

if TYPE_CHECKING:
    from qpu_bridge.lowering.reading import Reader

_TRANSPARENT = frozenset({"samplomatic.tag"})
"""Annotations that ask for nothing: names that people give to boxes."""
_MOST_UNROLLED = 2**18
"""Instructions that a for loop may unroll to."""
_MOST_TURNS = 2**20
"""Turns of a loop whose body may take no time at all."""
_DEEPEST = 32
"""Bodies inside bodies."""


def read_structure(
    reader: Reader, instruction: Any, qubits: Mapping[Any, int], clbits: Mapping[Clbit, Clbit], origin: int
) -> None:
    """Read an operation that is not a gate, a measurement, a reset, a barrier or a delay.

    Args:
        reader: Who reads the circuit.
        instruction: The instruction.
        qubits: Qubits of the circuit that holds it -> physical qubits.
        clbits: Its classical bits -> those of the whole circuit.
        origin: Index of the outermost instruction.

    Raises:
        NotNative: If a device cannot do it.
    """
    _Structure(reader, instruction, qubits, clbits, origin).read()


class _Structure:
    def __init__(
        self, reader: Reader, instruction: Any, qubits: Mapping[Any, int], clbits: Mapping[Clbit, Clbit], origin: int
    ) -> None:
        self.reader, self.origin = reader, origin
        self.name, self.operation = instruction.name, instruction.operation
        self.qubits = tuple(qubits[bit] for bit in instruction.qubits)
        self.clbits = tuple(clbits[bit] for bit in instruction.clbits)
        self.place = f"instruction {origin}: {self.name}"
        self.names = Names(clbits, reader.clbits.column, self.variable, self.place)

    def read(self) -> None:
        readers: dict[str, Callable[[], None]] = {
            "box": self.box,
            "if_else": self.if_else,
            "switch_case": self.switch,
            "while_loop": self.while_loop,
            "for_loop": self.for_loop,
            "store": self.store,
        }
        if self.name not in readers:
            raise NotNative("a loop must not be left early", given=self.name, where=self.place)
        readers[self.name]()

    def variable(self, node: Any) -> int:
        """The real-time variable of a classical variable."""
        known, variables = self.reader.variables, self.reader.program.variables
        if node.var not in known:
            known[node.var] = len(variables)
            variables.append(Variable(node.name, *self.names.kind(node.type)))
        return known[node.var]

    def fill(self, body: QuantumCircuit) -> None:
        """Read a body where it stands."""
        if self.reader.nesting >= _DEEPEST:
            raise TooLarge(f"control flow must be nested at most {_DEEPEST} deep", where=self.place)
        qubits = dict(zip(body.qubits, self.qubits, strict=True))
        clbits = dict(zip(body.clbits, self.clbits, strict=True))
        self.reader.nesting += 1
        self.reader.block(body, qubits, clbits, self.origin)
        self.reader.nesting -= 1

    def arm(self, condition: Expression | None, body: QuantumCircuit | None) -> Arm:
        """One way a choice may go."""
        nodes, span = self.reader.inside(lambda: self.fill(body) if body is not None else None)
        return Arm(condition, nodes, span)

    def if_else(self) -> None:
        condition = self.names.condition(self.operation.condition)
        then, otherwise = self.operation.params
        self.reader.close()
        arms = [self.arm(condition, then)]
        if otherwise is not None:
            arms.append(self.arm(None, otherwise))
        self.reader.here.append(Choice(tuple(arms)))

    def switch(self) -> None:
        target = self.names.number(self.operation.target)
        self.reader.close()
        arms: list[Arm] = []
        for labels, body in self.operation.cases_specifier():
            default = any(label is CASE_DEFAULT for label in labels)
            if default and not arms:  # there is nothing to choose: its phases are those of straight code
                self.fill(body)
                self.reader.close()
                return
            condition = None if default else either([equal(target, int(_plain(label))) for label in labels])
            arms.append(self.arm(condition, body))
            if default:
                break
        if arms:
            self.reader.here.append(Choice(tuple(arms)))

    def while_loop(self) -> None:
        condition = self.names.condition(self.operation.condition)
        (body,) = self.operation.params
        nodes, span = self.reader.inside(lambda: self.fill(body))
        self.reader.here.append(Until(condition, nodes, span))

    def for_loop(self) -> None:
        indices, parameter, body = self.operation.params
        count = len(indices) if hasattr(indices, "__len__") else None
        if count is None:
            raise NotNative("a for loop must run over numbers known when the circuit is submitted", where=self.place)
        uses = parameter is not None and (isinstance(parameter, expr.Var) or parameter in body.parameters)
        if not uses:
            if count > _MOST_TURNS:
                raise TooLarge(f"a for loop must turn at most {_MOST_TURNS} times", given=count, where=self.place)
            if count:
                nodes, span = self.reader.inside(lambda: self.fill(body))
                self.reader.here.append(Loop(count, nodes, span))
            return
        if count * max(1, body.size()) > _MOST_UNROLLED:
            raise TooLarge(
                f"a for loop whose body uses its index must unroll to at most {_MOST_UNROLLED} instructions",
                given=count * body.size(),
                where=self.place,
            )
        for index in indices:
            self.reader.close()
            if isinstance(parameter, Parameter):
                self.fill(body.assign_parameters({parameter: index}))
            else:
                variable = self.variable(parameter)
                wrapped = int(index) % 2 ** self.reader.program.variables[variable].width
                self.reader.here.append(Store(variable, Constant(wrapped)))
                self.fill(body)
        self.reader.close()

    def store(self) -> None:
        target = self.operation.lvalue
        if not isinstance(target, expr.Var) or not target.standalone:
            raise NotNative(
                "a store must go to a classical variable: measured bits are only written by measurements", where=self.place
            )
        value = self.names.expression(self.operation.rvalue)
        self.reader.close()
        self.reader.here.append(Store(self.variable(target), value))

    def box(self) -> None:
        for annotation in self.operation.annotations:
            if annotation.namespace not in _TRANSPARENT:
                raise NotNative(
                    "the annotations of a box must be resolved before it is lowered",
                    given=f"{annotation.namespace} ({type(annotation).__name__})",
                    where=self.place,
                    remedy="Build a template and a samplex of the circuit, and run those.",
                )
        reader, body = self.reader, self.operation.body
        opened = reader.step(SYNC, self.qubits, 0, self.origin)
        run = reader.run
        self.fill(body)
        closed = reader.step(SYNC, self.qubits, 0, self.origin)
        if self.operation.duration is None:
            return
        ticks = ticks_of(self.operation.duration, self.operation.unit, reader.grid, reader.program.sources, self.place)
        if (
            not isinstance(ticks, int)
            or reader.run is not run
            or any(i.name in CONTROL_FLOW_OP_NAMES - {"box"} for i in body.data)
        ):
            raise NotNative("a box of stated duration must have a fixed length and no real-time control in it", where=self.place)
        run.boxes[closed] = (opened, ticks)


def _plain(label: Any) -> Any:
    """The number of a case's label."""
    return label.value if isinstance(label, expr.Value) else label
