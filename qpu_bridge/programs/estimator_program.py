"""The quantum program of an estimator job: the client's own preparation, given the noise of layers and a seed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil, inf, isfinite, log

import numpy as np
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.executor_estimator.prepare import choose_task_class, prepare
from qiskit_ibm_runtime.executor_estimator.utils import estimator_options_to_boxing_options
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_mitigation import mitigation_task
from qiskit_mitigation.zne import gate_folding

from qpu_bridge.errors import TooLarge
from qpu_bridge.programs.admission import admit_rows
from qpu_bridge.programs.boxing import Boxing
from qpu_bridge.programs.circuit_layers import CircuitLayers, find_layers
from qpu_bridge.programs.estimator_request import EstimatorRequest
from qpu_bridge.programs.foreign_text import preparing
from qpu_bridge.programs.layer_noise import NoiseOf, named, overhead, total_rate
from qpu_bridge.target.limits import MAX_ROWS

_LIBRARY = threading.Lock()


@dataclass(frozen=True, slots=True)
class Mitigated:
    """What mitigation needs to know of a job's layers; empty where it needs nothing.

    Attributes:
        layers: The layers of the pubs' circuits.
        noise: Their noise, as far as it is known.
    """

    layers: CircuitLayers | None = None
    noise: NoiseOf = field(default_factory=dict)

    def rate(self, pub: int) -> float:
        """Sum of the rates of all layers of a pub's circuit."""
        return 0.0 if self.layers is None else total_rate(self.layers.names[pub], self.layers, self.noise)


def layers_of(request: EstimatorRequest) -> CircuitLayers:
    """The layers of a request whose noise is to be injected.

    Raises:
        BadRequest: If a circuit cannot be cut into layers.
    """
    options = request.client_options
    boxing = estimator_options_to_boxing_options(options.twirling, bool(options.resilience.measure_mitigation), True)
    task = choose_task_class(options.resilience)

    def box(circuit: QuantumCircuit) -> QuantumCircuit:
        with preparing():
            return task._box_circuit(circuit, boxing)

    return find_layers([pub.circuit for pub in request.pubs], box)


def build(request: EstimatorRequest, group: Sequence[int], shots: int, mitigated: Mitigated, seed: int) -> QuantumProgram:
    """The program for some pubs of a request.

    Args:
        request: The request.
        group: Which pubs, by index.
        shots: Shots of each configuration, all randomizations together.
        mitigated: The noise of layers, where mitigation needs it.
        seed: Gates that are folded at random are picked with it.

    Raises:
        BadRequest: If the client's code does not like the pubs.
        TooLarge: If errors cannot be cancelled with as many randomizations as a job may have.
    """
    resilience = request.client_options.resilience
    if mitigated.layers is not None:
        model = named(mitigated.layers, mitigated.noise)
        resilience = resilience.model_copy(update={"layer_noise_model": model})
    options = request.client_options.model_copy(update={"default_shots": shots, "resilience": resilience})
    admit_overhead(request, group, mitigated)
    with preparing(), _lent(seed):
        program, _ = prepare([request.pubs[index] for index in group], options)
    return program


def admit_overhead(request: EstimatorRequest, group: Sequence[int], mitigated: Mitigated) -> None:
    """Check how often circuits are to be played so that their errors cancel.

    Raises:
        TooLarge: If it is too often.
    """
    for index in group:
        number, _ = request.randomizations(request.shots[index])
        scaling = scaling_of(request, mitigated, index)
        if not isfinite(scaling * number):
            raise TooLarge(
                f"a circuit may have at most {MAX_ROWS} sets of arguments, randomizations included",
                given=f"errors that cancel with {scaling:.3g} times as many randomizations",
                where=f"params.pubs[{index}]",
                remedy="Set resilience.pec.max_overhead, or use a shorter circuit.",
            )
        admit_rows(ceil(number * scaling) * request.configurations[index])


def scaling_of(request: EstimatorRequest, mitigated: Mitigated, pub: int) -> float:
    """By how much a pub's number of randomizations grows so that its errors cancel: `PEC.prepare`'s rule, without its work."""
    resilience = request.client_options.resilience
    if not resilience.pec_mitigation:
        return 1.0
    rate, most = mitigated.rate(pub), resilience.pec.max_overhead
    if resilience.pec.noise_gain != "auto":
        kept = float(resilience.pec.noise_gain)
    elif rate == 0 or most is None:
        kept = 0.0
    else:
        kept = min(1.0, max(0.0, 1 - log(most) / (4 * rate)))
    return min(inf if most is None else float(most), overhead(max(0.0, 1 - kept) * rate))


@contextmanager
def _lent(seed: int) -> Iterator[None]:
    """The library's parts, with two of ours.

    Which gates of many are folded is drawn from the job's seed: the library takes none, so a resumed job would fold other gates
    than the one that was interrupted. Circuits that branch are boxed by us.
    """
    with _LIBRARY:
        folding, boxing = gate_folding.GateFoldingPass, mitigation_task.generate_boxing_pass_manager
        gate_folding.GateFoldingPass = partial(folding, seed=np.random.default_rng(seed))
        mitigation_task.generate_boxing_pass_manager = lambda **options: Boxing(boxing, options)
        try:
            yield
        finally:
            gate_folding.GateFoldingPass, mitigation_task.generate_boxing_pass_manager = folding, boxing
