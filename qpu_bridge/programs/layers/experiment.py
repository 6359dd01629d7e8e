"""The circuits that show a layer's noise. Paths, bases and circuits are those of `qiskit_noise_learning`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qiskit.quantum_info import QubitSparsePauliList
from qiskit.transpiler import Target
from qiskit_noise_learning.circuit_generator import ExecutorCircuitGenerator
from qiskit_noise_learning.experiment_builder import (
    CompleteSequences,
    EvenDepthVanillaPaths,
    GenerateInstructionSequences,
    IdentifyRelations,
    MergeInstructionSequences,
    SPAMPaths,
    VanillaInstructionSequences,
)
from qiskit_noise_learning.experiment_builder import Experiment as Plan
from qiskit_noise_learning.gate_sets import QiskitGateSet
from qiskit_noise_learning.models import PauliLindbladModel
from qiskit_noise_learning.sequences import InstructionSequence, Path
from samplomatic.quantum_program import SamplexItem

from qpu_bridge.programs.layers.checks import Checks
from qpu_bridge.programs.layers.layer import Layer, Protocol

PREPARATION, MEASUREMENT, GATES = "P", "M", "L"
REGISTER = "meas0"
"""Where the qubits of a layer are measured into."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """How the noise of one layer is measured.

    Attributes:
        layer: The layer.
        generators: The Paulis whose rates are to be found, on the machine's qubits.
        paths: Paulis that are prepared, led through a pair of layers again and again, and measured.
        bases: Sequences of gates and basis changes, each of which measures several paths.
        relations: Which path (first) is measured by which basis (second).
        depths: How many pairs of layers, per item.
        items: One circuit per depth, of shape ``(bases, randomizations)``.
        measured: Qubit of the machine for each bit of the register.
    """

    layer: Layer
    generators: QubitSparsePauliList
    paths: Sequence[Path]
    bases: Sequence[InstructionSequence]
    relations: frozenset[tuple[int, int]]
    depths: tuple[int, ...]
    items: tuple[SamplexItem, ...]
    measured: tuple[int, ...]


def depths_of(layer: Layer, depths: Sequence[int]) -> tuple[int, ...]:
    """The depths at which a layer is played, ascending: measurements are played once."""
    return tuple(sorted(set(depths))) if layer.protocol is Protocol.LINDBLAD else (0,)


def experiment(layer: Layer, depths: Sequence[int], randomizations: int, checks: Checks, target: Target) -> Experiment:
    """Plan the experiment of a layer.

    Gates: every Pauli on one qubit, and on two coupled ones, is prepared, led through an even number of layers, and measured;
    nine bases show all of them (arXiv:2201.09866, appendix). Measurements: ground states are measured under random flips.
    """
    lindblad = layer.protocol is Protocol.LINDBLAD
    gate_set = QiskitGateSet(target=target, qubit_subset=layer.qubits, add_default_spam=False)
    own = {"annotations": list(layer.annotations)}
    if lindblad:
        gate_set.add_circuit_as_gate(layer.body, layer.qubits, name=GATES, **own)
        gate_set.add_measurement(name=MEASUREMENT)
    else:
        gate_set.add_circuit_as_gate(layer.body, layer.qubits, name=MEASUREMENT, **own)
    gate_set.add_preparation(name=PREPARATION)
    local = min(2, len(layer.qubits))  # the library refuses two-qubit terms on one qubit
    model = PauliLindbladModel.k_local(gate_set, k=local, gate_k={MEASUREMENT: 1, PREPARATION: 0})
    steps = EvenDepthVanillaPaths() + VanillaInstructionSequences() + IdentifyRelations() if lindblad else SPAMPaths()
    steps = steps + GenerateInstructionSequences() + MergeInstructionSequences() + CompleteSequences()
    plan = steps.run(Plan(fidelity_model=model))
    generator = ExecutorCircuitGenerator(gate_set, pass_manager=checks.passes(target))
    items: list[SamplexItem] = []
    measured: tuple[int, ...] = ()
    depths = depths_of(layer, depths)
    for depth in depths:
        bound = [basis.bind_at(depth) if basis.is_unbound else basis for basis in plan.instruction_sequences]
        item, _, where = generator.generate_samplex_item(bound, randomizations)
        items.append(item)
        measured = tuple(int(qubit) for qubit in where[REGISTER])
    return Experiment(
        layer=layer,
        generators=model.generators[GATES if lindblad else MEASUREMENT],
        paths=plan.paths,
        bases=plan.instruction_sequences,
        relations=frozenset(plan.relations),
        depths=depths,
        items=tuple(items),
        measured=measured,
    )
