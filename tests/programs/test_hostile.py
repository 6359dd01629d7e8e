"""Damaged requests: whatever a stranger writes into a field, the answer is a caller's error or none."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit_ibm_runtime import EstimatorV2, SamplerV2

from qpu_bridge.errors import CallerError, Cancelled
from qpu_bridge.programs import Context, DeviceView, check, run
from tests.programs.client import backend
from tests.programs.test_estimator import circuit as body
from tests.programs.test_executor import encoded as encoded_program
from tests.programs.test_executor import params, swept, twirled
from tests.programs.test_mitigation import error, pec
from tests.programs.test_sampler import circuit

RUBBISH: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3, 7, 13, 17, 18, 2**63, -(2**70), 0.5, -1e300, float("nan"), float("inf")),
    *("", "x", "auto", "eJwDAAAAAAE=", "v2.0", "v0.1", "IIIIZ", "f64", "bool", "circuit", "samplex", "\x00", "[]"),
    *([], [[]], [1], [1, 2], [None], ["x"], [[1, 2], [3]], {}, {"x": 1}, {"data": "eJwDAAAAAAE=", "shape": [2], "dtype": "f64"}),
    *({"__type__": "ndarray", "__value__": "x"}, {"__type__": "ndarray", "__value__": [[0.1]]}, {"__type__": "ndarray"}),
    *({"__type__": "QuantumCircuit", "__value__": 3}, {"__type__": "settings", "__module__": "os", "__class__": "x"}),
    {"__type__": "ObservablesArray", "__value__": {"Z": "y"}},
)


@pytest.fixture(scope="module")
def requests(snapshot: Any) -> dict[str, list[Any]]:
    from qpu_bridge.plugins import open_driver

    seen = backend(snapshot, open_driver("loopback", snapshot.device, snapshot, {}).capabilities())
    options = {"twirling": {"enable_gates": True}, "dynamical_decoupling": {"enable": True}, "execution": {"rep_delay": 1e-4}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = SamplerV2(seen, options=options).run([(circuit(), np.zeros((2, 2)), 5)]).params_json
        estimator = EstimatorV2(seen, options=options).run([(body(), "IIIIZ", [[0.1]], 0.3)]).params_json
        cancelled = EstimatorV2(seen, options=pec([error([0, 1], {"ZZ": 0.01})])).run([(body(0), "IIIIZ")]).params_json
    executor = [params("v0.1"), params("v1.1"), params("v2.0"), encoded_program(twirled(swept(), 3, np.zeros((2, 2))))]
    return {
        "executor": [json.loads(text) for text in executor],
        "sampler": [json.loads(sampler)],
        "estimator": [json.loads(estimator), json.loads(cancelled)],
    }


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(value, (*path, key))


@pytest.mark.parametrize("program_id", ["executor", "sampler", "estimator"])
def test_damaged_requests(program_id: str, requests: dict[str, list[Any]], device: DeviceView, rng: np.random.Generator) -> None:
    refusals: list[CallerError] = []
    for _ in range(400):
        request = copy.deepcopy(requests[program_id][rng.integers(len(requests[program_id]))])
        done = []
        for _ in range(rng.integers(1, 3)):
            found = list(places(request))
            *parents, last = found[rng.integers(len(found))]
            here = request
            for name in parents:
                here = here[name]
            if isinstance(here, dict) and rng.random() < 0.2:
                del here[last]
            else:
                here[last] = copy.deepcopy(RUBBISH[rng.integers(len(RUBBISH))])
            done.append((parents, last, here.get(last) if isinstance(here, dict) else here[last]))
        try:
            check(program_id, json.dumps(request), device)
        except CallerError as error:
            refusals.append(error)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} for {done}") from error
    assert all(error.code < 2000 and len(error.sentence) < 2000 for error in refusals)
    assert len(refusals) > 100


def test_a_job_that_is_cancelled_stops(context: Context) -> None:
    asked = iter(range(10))
    object.__setattr__(context, "cancelled", lambda: next(asked, None) is None)
    text = params("v2.0", {"experimental": {"device": {"row_seconds": 20.0}}})
    with pytest.raises(Cancelled):
        run("executor", text, context)
