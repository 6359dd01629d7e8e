"""Random circuits on the emulated device, its noise switched off, beside an ideal machine that knows nothing of the bridge."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import ParameterVector
from qiskit.circuit.classical import expr
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver, open_snapshot
from qpu_bridge.programs import Context, DeviceView, ExecuteOptions, execute
from qpu_bridge.suppression import DecouplingOptions
from tests.programs.ideal import chances, worst

SILENT = dict.fromkeys(("t1", "t2", "low_frequency", "zz", "readout", "thermal"), 0)
SHOTS = 1500
FAR = 5.5
"""Standard deviations that a right answer does not reach (some thousand words are compared)."""


@pytest.fixture(scope="module")
def silent() -> Iterator[Context]:
    snapshot = open_snapshot("five")
    driver = open_driver("emulator", snapshot.device, snapshot, {})
    capabilities = driver.capabilities()
    yield Context(DeviceView(snapshot.device, snapshot, capabilities), Execution(driver, capabilities), seed=5)
    driver.close()


def play(context: Context, circuits: list[QuantumCircuit], **options: Any) -> list[Counter[str]]:
    program = QuantumProgram(shots=SHOTS)
    for circuit in circuits:
        program.append_circuit_item(circuit)
    result = execute(program, ExecuteOptions(settings=SILENT, **options), context)
    return [words(found, circuit) for found, circuit in zip(result, circuits, strict=True)]


def words(found: Any, circuit: QuantumCircuit, index: tuple[int, ...] = ()) -> Counter[str]:
    """Qiskit's words of all shots."""
    parts = [found[register.name][index] for register in reversed(circuit.cregs)]
    return Counter(" ".join("".join(str(int(bit)) for bit in part[shot][::-1]) for part in parts) for shot in range(SHOTS))


class Author:
    """Writes random ISA circuits.

    Args:
        seed: Of its ideas.
        size: Qubits.
    """

    def __init__(self, seed: int, size: int) -> None:
        print(f"seed {seed}, {size} qubits")
        self.draw = np.random.default_rng([seed, size])
        self.size = size
        self.left = 5  # measurements that part the histories

    def pick(self, *choices: Any) -> Any:
        return choices[self.draw.integers(len(choices))]

    def circuit(self) -> QuantumCircuit:
        registers = [ClassicalRegister(int(self.draw.integers(1, 4)), f"r{k}") for k in self.draw.permutation(3)]
        return QuantumCircuit(QuantumRegister(self.size), *registers)

    def gates(self, circuit: QuantumCircuit, count: int) -> None:
        for _ in range(count):
            qubit, angle = int(self.draw.integers(self.size)), self.draw.uniform(-7, 7)
            first = int(self.draw.integers(self.size - 1))
            pair = self.pick((first, first + 1), (first + 1, first))
            match self.pick("rz", "rz", "rz", "sx", "sx", "rx", "rx", "cz", "cz", "rzz", "x", "id", "delay", "barrier"):
                case "rz":
                    circuit.rz(float(self.pick(angle, 0.0, np.pi, -np.pi / 2)), qubit)
                case "rx":
                    circuit.rx(float(self.pick(angle, 0.0, np.pi, -np.pi, -0.02)), qubit)
                case "rzz":
                    circuit.rzz(float(self.pick(abs(angle) % (np.pi / 2), 0.0, np.pi / 2, 0.003)), *pair)
                case "cz":
                    circuit.cz(*pair)
                case "delay":
                    ticks, unit = int(self.draw.integers(60)) * 4, self.pick("dt", "ns", "us")
                    circuit.delay(ticks * 1e-3 if unit == "us" else ticks, qubit, unit=unit)
                case "barrier":
                    circuit.barrier()
                case name:
                    getattr(circuit, name)(qubit)

    def witness(self, circuit: QuantumCircuit) -> None:
        """Make a wrong phase visible."""
        for qubit in range(self.size):
            circuit.sx(qubit)

    def condition(self, circuit: QuantumCircuit) -> Any:
        register, bit, other = self.pick(*circuit.cregs), self.pick(*circuit.clbits), self.pick(*circuit.clbits)
        value = int(self.draw.integers(2 ** len(register)))
        return self.pick(
            (bit, value % 2),
            (register, value),
            expr.logic_not(bit),
            expr.bit_xor(bit, other),
            expr.less(register, value),
            expr.logic_or(bit, expr.not_equal(register, value)),
            expr.equal(expr.bit_and(register, value), value),
        )

    def measure(self, circuit: QuantumCircuit, qubit: int) -> None:
        """A bit is measured from one qubit only."""
        mine = [bit for index, bit in enumerate(circuit.clbits) if index % self.size == qubit]
        if mine:
            circuit.measure(qubit, self.pick(*mine))

    def body(self, circuit: QuantumCircuit, depth: int) -> None:
        for _ in range(int(self.draw.integers(1, 4))):
            qubit = int(self.draw.integers(self.size))
            kind = self.pick(
                "gates", "gates", "measure", "measure", "reset", "if", "else", "else", "switch", "for", "index", "box"
            )
            if kind in ("measure", "reset"):
                self.left -= 1
            if kind == "gates" or (depth > 2 and kind not in ("measure", "reset")) or self.left < 0:
                self.gates(circuit, 4)
            elif kind == "measure":
                self.measure(circuit, qubit)
            elif kind == "reset":
                circuit.reset(qubit)
            elif kind in ("if", "else"):
                with circuit.if_test(self.condition(circuit)) as otherwise:
                    self.body(circuit, depth + 1)
                if kind == "else":
                    with otherwise:
                        self.body(circuit, depth + 1)
            elif kind == "switch":
                with circuit.switch(self.pick(*circuit.cregs)) as case:
                    for label in self.pick((0, 1), (0, case.DEFAULT), (1,), (case.DEFAULT,)):
                        with case(label):
                            self.body(circuit, depth + 1)
            elif kind == "for":
                with circuit.for_loop(range(2)):
                    self.gates(circuit, 3)
                    with circuit.if_test(self.condition(circuit)):
                        self.gates(circuit, 2)
            elif kind == "index":
                with circuit.for_loop((0, 2, -1)) as index:
                    circuit.rz(0.4 * index - 0.1, qubit)
                    circuit.rx(0.7 * index, qubit)
            else:
                with circuit.box():
                    self.gates(circuit, 3)
            circuit.sx(qubit)

    def dynamic(self) -> QuantumCircuit:
        circuit = self.circuit()
        self.gates(circuit, 4)
        for _ in range(3):
            self.body(circuit, 0)
        self.witness(circuit)
        for qubit in range(self.size):
            self.measure(circuit, qubit)
        return circuit


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_straight_circuits(silent: Context, size: int) -> None:
    circuits = []
    for seed in range(8):
        author = Author(seed, size)
        circuit = author.circuit()
        author.gates(circuit, 20)
        places = author.draw.permutation(circuit.num_clbits)
        for qubit, bit in zip(author.draw.permutation(size), places, strict=False):
            circuit.measure(int(qubit), int(bit))
        author.witness(circuit)
        circuit.measure(0, int(places[-1]))  # a bit may be written twice
        circuits.append(circuit)
    found = play(silent, circuits)
    assert max(worst(counts, chances(circuit)) for counts, circuit in zip(found, circuits, strict=True)) < FAR


@pytest.mark.parametrize("size", [2, 3, 4])
def test_real_time_control(silent: Context, size: int) -> None:
    """Nested branches, loops and switches, with virtual Z on the way and gates after it that see the phase."""
    circuits = [Author(seed, size).dynamic() for seed in range(20)]
    found = play(silent, circuits)
    far = [worst(counts, chances(circuit)) for counts, circuit in zip(found, circuits, strict=True)]
    assert max(far) < FAR, f"seed {int(np.argmax(far))}"


@pytest.mark.parametrize(("sequence", "slack"), [*itertools.product(("XX", "XpXm", "XY4"), ("middle", "edges"))])
def test_decoupling_changes_nothing_ideally(silent: Context, sequence: Any, slack: Any) -> None:
    circuits = []
    for seed in range(3):
        author = Author(seed, 3)
        circuit = author.circuit()
        for qubit in range(3):
            author.gates(circuit, 3)
            circuit.barrier()
            circuit.delay(int(author.draw.integers(20, 400)) * 4, qubit)
        author.measure(circuit, 0)
        with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
            circuit.rz(0.7, 1)
            circuit.delay(1200, 2)
        with otherwise:
            circuit.rz(-0.4, 2)
            circuit.sx(0)
        author.gates(circuit, 4)
        author.witness(circuit)
        for qubit in range(3):
            author.measure(circuit, qubit)
        circuits.append(circuit)
    for method, skip in (("alap", True), ("asap", False)):
        options = DecouplingOptions(sequence, slack, method, skip)  # type: ignore[arg-type]
        found = play(silent, circuits, decoupling=options)
        assert max(worst(counts, chances(circuit)) for counts, circuit in zip(found, circuits, strict=True)) < FAR


def test_a_sweep_of_three_dimensions(silent: Context) -> None:
    """Expressions of parameters in every gate, in the order of names and not of appearance, also inside a branch."""
    draw = np.random.default_rng(3)
    p = ParameterVector("p", 4)
    circuit = QuantumCircuit(3, 3)
    for qubit, angle in enumerate((p[3] * 1.5 - 0.2, p[1] * p[0], (p[2] + 0.1).sin())):
        circuit.sx(qubit)
        circuit.rz(angle, qubit)
        circuit.rx(-0.7 * p[qubit], qubit)
        circuit.rz(p[3] - p[qubit] / 3, qubit)
        circuit.sx(qubit)
    circuit.rzz(p[2].cos() * 0.3 + 0.5, 1, 0)
    circuit.cz(1, 2)
    circuit.measure(0, 2)
    with circuit.if_test((circuit.clbits[2], 1)):
        circuit.rz(2 * p[1] + 0.4, 1)
        circuit.rx(p[2], 2)
        circuit.rz(p[0], 2)
    circuit.sx([1, 2])
    circuit.measure([1, 2], [0, 1])
    values = draw.uniform(-2, 2, (2, 3, 2, 4))
    program = QuantumProgram(shots=SHOTS)
    program.append_circuit_item(circuit, circuit_arguments=values)
    (found,) = execute(program, ExecuteOptions(settings=SILENT), silent)
    for index in np.ndindex(2, 3, 2):
        assert worst(words(found, circuit, index), chances(circuit.assign_parameters(values[index]))) < FAR
