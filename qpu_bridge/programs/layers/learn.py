"""Learning the noise of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction
from qiskit.quantum_info import QubitSparsePauliList
from qiskit.transpiler import Target
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from qpu_bridge.errors import BadRequest, OperatorError, TooLarge
from qpu_bridge.lowering import build_target
from qpu_bridge.programs.admission import admit_circuits, admit_options, admit_rows, admit_shots
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.executor import execute, returned
from qpu_bridge.programs.layers.checks import Checks
from qpu_bridge.programs.layers.decays import fit, mean_logs
from qpu_bridge.programs.layers.experiment import Experiment, depths_of, experiment
from qpu_bridge.programs.layers.layer import Layer, Protocol, read_layer
from qpu_bridge.programs.layers.noise import LayerNoise
from qpu_bridge.programs.layers.outline import bases, outline
from qpu_bridge.programs.layers.rates import solve, solve_measurement
from qpu_bridge.programs.layers.samples import collect
from qpu_bridge.programs.options import ExecuteOptions
from qpu_bridge.programs.plan import planned_s
from qpu_bridge.programs.result_size import Returned, admit_results, returned_by

MOST_PAIRS = 1024
"""Depth of an experiment; no machine keeps a state so long, and circuits are built before they can be measured in time."""

Results = Sequence[Mapping[str, NDArray[np.generic]]]


@dataclass(frozen=True, slots=True)
class LearnOptions:
    """How layers are learned; the defaults are the client's.

    Attributes:
        num_randomizations: Random twirls of each circuit.
        shots_per_randomization: Shots of each.
        layer_pair_depths: How many pairs of layers to play, at least two different numbers; layers that measure ignore it.
        checks: Bit-flip checks.
        execute: How the circuits are executed.
    """

    num_randomizations: int = 32
    shots_per_randomization: int = 128
    layer_pair_depths: tuple[int, ...] = (0, 1, 2, 4, 16, 32)
    checks: Checks = field(default_factory=Checks)
    execute: ExecuteOptions = field(default_factory=ExecuteOptions)


def learn_layers(layers: Sequence[CircuitInstruction], options: LearnOptions, context: Context) -> list[LayerNoise]:
    """Learn the noise of layers, all in one quantum program.

    Args:
        layers: Boxes with a ``Twirl`` annotation, on qubits whose index in their register is that on the machine: gates that are
            Clifford and their own inverse (up to Paulis), or a measurement of each qubit.
        options: How.
        context: The device, the job's log, and whether to stop.

    Returns:
        One per layer, in order; qubit ``j`` of its Paulis is the layer's ``j``-th in ascending order on the machine.

    Raises:
        CallerError: If a layer or an option is not possible on this machine.
        OperatorError: If nothing can be seen of a Pauli, or the device failed.
        Cancelled: If the job was cancelled.
    """
    target = build_target(context.device.snapshot)
    plans = []
    for layer in _read(layers, options, target):
        context.go_on()
        plans.append(experiment(layer, options.layer_pair_depths, options.num_randomizations, options.checks, target))
    if not plans:
        return []
    program = _program(plans, options)
    _admit(returned(program, options.execute), options, context.device)
    results = list(execute(program, options.execute, context))
    learned = []
    for plan in plans:
        context.go_on()
        own, results = results[: len(plan.items)], results[len(plan.items) :]
        try:
            learned.append(_noise(plan, own, options.checks, target))
        except OperatorError:
            if not context.device.dry_run:
                raise
            learned.append(_invented(plan, context.seed))
    return learned


def admit_learning(layers: Sequence[CircuitInstruction], options: LearnOptions, device: DeviceView) -> float:
    """Refuse, before the device is asked for anything, layers and options that are not possible on it.

    Returns:
        How long learning would keep the device, s.

    Raises:
        CallerError: With the reason.
    """
    target = build_target(device.snapshot)
    circuits, played = [], []
    for layer in _read(layers, options, target):
        rows = bases(layer, target) * options.num_randomizations
        for depth in depths_of(layer, options.layer_pair_depths):
            circuit = outline(layer, depth, options.checks, target)
            circuits.append(circuit)
            played.append(returned_by(circuit, rows, options.shots_per_randomization))
    if not circuits:
        return 0.0
    admit_circuits(circuits, device)
    _admit(played, options, device)
    return planned_s(circuits, played, options.execute, device)


def _read(layers: Sequence[CircuitInstruction], options: LearnOptions, target: Target) -> list[Layer]:
    options.checks.require_gates(target)
    read = [read_layer(layer, target, f"layer {index}") for index, layer in enumerate(layers)]
    depths = options.layer_pair_depths
    if max(depths, default=0) > MOST_PAIRS:
        raise TooLarge(
            f"a layer may be repeated {MOST_PAIRS} times in pairs", given=max(depths), where="options.layer_pair_depths"
        )
    if any(layer.protocol is Protocol.LINDBLAD for layer in read) and len(set(depths)) < 2:
        raise BadRequest(
            "a decay needs at least two different depths", given=str(list(depths)), where="options.layer_pair_depths"
        )
    return read


def _program(plans: Iterable[Experiment], options: LearnOptions) -> QuantumProgram:
    program = QuantumProgram(shots=options.shots_per_randomization)
    program.items = [item for plan in plans for item in plan.items]
    return program


def _admit(played: Sequence[Returned], options: LearnOptions, device: DeviceView) -> None:
    admit_shots(options.shots_per_randomization, device)
    for item in played:
        admit_rows(item.rows)
    admit_results(played, "classified", device)
    admit_options(options.execute, device)


def _noise(plan: Experiment, results: Results, checks: Checks, target: Target) -> LayerNoise:
    registers = [{name: np.asarray(bits, bool) for name, bits in result.items() if "." not in name} for result in results]
    circuits = [item.circuit for item in plan.items]
    masks = [checks.kept(circuit, bits, target) for circuit, bits in zip(circuits, registers, strict=True)]
    samples = collect(plan, results, masks)
    if plan.layer.protocol is Protocol.LINDBLAD:
        ahead, back = _pairs(plan)
        rates, deviations = solve(ahead, back, fit(samples, plan.depths), plan.generators)
    else:
        rates, deviations = solve_measurement(_qubits(plan), mean_logs(samples), plan.generators)
    success = {
        depth: dict.fromkeys(plan.layer.qubits, 1.0) | checks.passed(circuit, bits, target)
        for depth, circuit, bits in zip(plan.depths, circuits, registers, strict=True)
    }
    kept = {depth: 1.0 if mask is None else float(mask.mean()) for depth, mask in zip(plan.depths, masks, strict=True)}
    return LayerNoise(_on_layer(plan), rates, deviations, plan.layer.protocol, kept, success)


def _invented(plan: Experiment, seed: int) -> LayerNoise:
    """Numbers of the right shape for a dry run: random bits do not decay."""
    rates = 1e-3 * np.random.default_rng(seed).random((2, len(plan.generators)))
    kept = dict.fromkeys(plan.depths, 1.0)
    success = {depth: dict.fromkeys(plan.layer.qubits, 1.0) for depth in plan.depths}
    return LayerNoise(_on_layer(plan), rates[0], rates[1], plan.layer.protocol, kept, success)


def _pairs(plan: Experiment) -> tuple[QubitSparsePauliList, QubitSparsePauliList]:
    """What is prepared on each path, and what one layer makes of it."""
    ends = [(path.repeatable_fragment[1].pauli, path.repeatable_fragment[0].pauli) for path in plan.paths]
    ahead, back = zip(*ends, strict=True)
    return QubitSparsePauliList.from_qubit_sparse_paulis(ahead), QubitSparsePauliList.from_qubit_sparse_paulis(back)


def _qubits(plan: Experiment) -> list[int]:
    """Which qubit each path of a measurement shows."""
    return [next(iter(path.end_fragment[0].in_z_idxs)) for path in plan.paths]


def _on_layer(plan: Experiment) -> QubitSparsePauliList:
    """The generators on the layer's own qubits."""
    rank = {qubit: index for index, qubit in enumerate(plan.layer.qubits)}
    terms = [(paulis, [rank[index] for index in indices]) for paulis, indices in plan.generators.to_sparse_list()]
    return QubitSparsePauliList.from_sparse_list(terms, num_qubits=len(rank))
