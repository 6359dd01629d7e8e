"""Every option of the older primitives changes what is played: none is accepted and forgotten."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit_ibm_runtime import EstimatorV2, IBMBackend, SamplerV2

from qpu_bridge.driver import Run
from qpu_bridge.programs import Context, check, run

DECOUPLED = {"dynamical_decoupling": {"enable": True}}
TWIRLED = {"twirling": {"enable_gates": True, "num_randomizations": 4}}

EFFECTS: list[tuple[str, dict[str, Any], Any]] = [
    ("default_shots", {}, 24),
    ("execution.init_qubits", {"execution": {"rep_delay": 1e-6}}, False),
    ("execution.rep_delay", {}, 3e-4),
    ("dynamical_decoupling.enable", {}, True),
    ("dynamical_decoupling.sequence_type", DECOUPLED, "XY4"),
    ("dynamical_decoupling.extra_slack_distribution", DECOUPLED, "edges"),
    ("dynamical_decoupling.scheduling_method", DECOUPLED, "asap"),
    ("dynamical_decoupling.skip_reset_qubits", DECOUPLED, True),
    ("twirling.enable_gates", {}, True),
    ("twirling.enable_measure", {"resilience": {"measure_mitigation": False}}, True),
    ("twirling.num_randomizations", TWIRLED, 8),
    ("twirling.shots_per_randomization", {"twirling": {"enable_gates": True}}, 16),
    ("twirling.strategy", TWIRLED, "all"),
]
"""Option, what else is set, and a value that is not its default."""


def circuit(*, measured: bool) -> QuantumCircuit:
    """Idle times of many lengths, a reset, and layers of gates on some of the qubits."""
    made = QuantumCircuit(QuantumRegister(5, "q"), ClassicalRegister(2, "c"))
    made.sx([0, 1, 3])
    made.cz(0, 1)
    made.reset(2)
    for _ in range(41):
        made.x(0)
    made.sx(1)
    made.barrier()
    made.cz(1, 2)
    for _ in range(37):
        made.sx(1)
    made.cz(0, 1)
    made.barrier(0, 1, 2)
    if measured:
        made.measure([0, 1], [0, 1])
    return made


def played(program: str, backend: IBMBackend, context: Context, options: dict[str, Any]) -> list[Any]:
    """Templates, rows, shots and waits that reach the driver."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        primitive = SamplerV2(backend) if program == "sampler" else EstimatorV2(backend)
        pub = (circuit(measured=True),) if program == "sampler" else (circuit(measured=False), "IIIZZ")
        request = json.loads(primitive.run([pub]).params_json)
    if program == "sampler":
        options = {name: value for name, value in options.items() if name != "resilience"}
    else:
        request["resilience_level"] = 0
    request["options"] = {"default_shots": 48} | options
    text = json.dumps(request)
    check(program, text, context.device)
    driver, orders = context.execution.driver, []
    ran: Callable[[Run], Iterator[Any]] = driver.run

    def recorded(order: Run) -> Iterator[Any]:
        orders.append((order.digest, order.table.values.tobytes(), order.shots, order.rep_delay_s))
        return ran(order)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "run", recorded)
        run(program, text, context)
    return orders


def merged(options: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    name, _, rest = path.partition(".")
    return options | {name: merged(options.get(name, {}), rest, value) if rest else value}


@pytest.mark.parametrize("program", ["sampler", "estimator"])
@pytest.mark.parametrize(("path", "base", "value"), EFFECTS)
def test_an_option_changes_what_is_played(
    program: str, path: str, base: dict[str, Any], value: Any, backend: IBMBackend, again: Callable[[], Context]
) -> None:
    plain = played(program, backend, again(), base)
    assert plain == played(program, backend, again(), base), "equal options are played equally"
    assert plain != played(program, backend, again(), merged(base, path, value))
