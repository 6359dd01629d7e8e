"""Which column of the device's memory each classical bit of a circuit stands in."""

from __future__ import annotations

from qiskit.circuit import Clbit, QuantumCircuit

from qpu_bridge.errors import NotNative
from qpu_bridge.lowering.place import place
from qpu_bridge.lowering.program import Memory


class Clbits:
    """Makes columns as bits are asked for.

    Args:
        circuit: Whose bits.
        memory: All columns of the program; new ones are appended.
    """

    def __init__(self, circuit: QuantumCircuit, memory: list[Memory]) -> None:
        self._circuit = circuit
        self._memory = memory
        self._columns: dict[Clbit, int] = {}

    def found(self, clbit: Clbit) -> int:
        """Column of a classical bit, -1 if nobody has asked for one."""
        return self._columns.get(clbit, -1)

    def column(self, clbit: Clbit) -> int:
        """Column of a classical bit, made when first asked for."""
        column = self._columns.get(clbit)
        if column is None:
            places = self._circuit.find_bit(clbit).registers
            if not places:
                raise NotNative("a measured bit must belong to a classical register", given="a bit without a register")
            register, index = places[0]
            column = self._columns[clbit] = self.new(f"{register.name}[{index}]", None, returned=False)
        return column

    def written(self, clbit: Clbit, qubit: int, origin: int, *, certain: bool) -> int:
        """Column of a classical bit that a qubit is now measured into.

        A column tells 0 from 1 by the line of one qubit. A bit that another qubit was measured into before is overwritten for
        good, so it gets a new column, unless the outcome of a branch decides which of the two is the last.

        Args:
            clbit: The bit.
            qubit: Who is measured.
            origin: Instruction, for messages.
            certain: Whether the measurement stands outside of branches and loops.
        """
        column = self.column(clbit)
        memory = self._memory[column]
        if memory.qubit not in (None, qubit):
            if not certain:
                raise NotNative(
                    "a classical bit must be measured from one qubit only where a branch or loop decides which comes last",
                    given=f"{memory.name} measured from qubits {memory.qubit} and {qubit}",
                    where=place(origin, "measure", (qubit,)),
                    remedy="Use another classical bit.",
                )
            memory.returned = False
            column = self._columns[clbit] = self.new(memory.name, qubit, returned=True)
        self._memory[column].qubit, self._memory[column].returned = qubit, True
        return column

    def new(self, name: str, qubit: int | None, *, returned: bool) -> int:
        """Make a column."""
        self._memory.append(Memory(name, qubit, returned))
        return len(self._memory) - 1
