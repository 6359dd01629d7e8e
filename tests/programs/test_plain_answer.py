"""What callers without Qiskit are given."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit_ibm_runtime.execution_span import DoubleSliceSpan, ExecutionSpans, TwirledSliceSpanV2

from qpu_bridge.errors import BadRequest, TooLarge
from qpu_bridge.programs import Context, check, run
from qpu_bridge.programs.legacy_answer import answer
from qpu_bridge.programs.plain_answer import MOST_VALUES, admit_values, plain
from tests.programs.client import decode

X = 'OPENQASM 3.0; include "stdgates.inc"; x $0;'
BELL = 'OPENQASM 3.0; include "stdgates.inc"; bit[2] c; bit[1] d; sx $0; cz $0, $1; c[1] = measure $0; d[0] = measure $1;'


def of(data: DataBin, **metadata: Any) -> Any:
    """One pub's result, as a caller reads it."""
    return json.loads(plain(PrimitiveResult([PubResult(data)], metadata)), parse_constant=pytest.fail)


@given(bits=st.integers(1, 130), shape=st.lists(st.integers(0, 3), max_size=2), shots=st.integers(1, 5), seed=st.integers(0, 99))
def test_samples_are_numbers_nested_like_the_arguments(bits: int, shape: list[int], shots: int, seed: int) -> None:
    flags = np.random.default_rng(seed).integers(0, 2, (*shape, shots, bits)).astype(bool)
    register = of(DataBin(c=BitArray.from_bool_array(flags), shape=tuple(shape)))["results"][0]["data"]["c"]
    assert register["num_bits"] == bits
    expected = np.array([hex(int("".join("01"[int(bit)] for bit in row), 2)) for row in flags.reshape(-1, bits)], dtype=object)
    assert register["samples"] == expected.reshape(flags.shape[:-1]).tolist()


def test_numbers() -> None:
    data = of(DataBin(evs=np.array([0.5, np.nan]), iq=np.array([1 + 2j]), one=np.float64(3), shape=()), worst=float("inf"))
    assert data["results"][0]["data"] == {"evs": [0.5, None], "iq": [[1, 2]], "one": 3}
    assert data["metadata"] == {"worst": None}


def test_spans() -> None:
    """The form that IBM's service was seen to give."""
    start, stop = datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)
    spans = ExecutionSpans(
        [
            DoubleSliceSpan(start, stop, {0: ((100,), slice(0, 1), slice(0, 100))}),
            TwirledSliceSpanV2(start, stop, {1: ((4, 25), True, slice(1, 3), slice(0, 25), 90)}),
        ]
    )
    said = of(DataBin(), execution={"execution_spans": spans})["metadata"]["execution"]["execution_spans"]
    dates = [{"date": start.isoformat()}, {"date": stop.isoformat()}]
    assert said == [[*dates, {"0": [[100], [0, 1], [0, 100]]}], [*dates, {"1": [[4, 25], True, [1, 3], [0, 25], 90]}]]


def test_both_forms_hold_the_same(again: Callable[[], Context]) -> None:
    def ran(**more: Any) -> str:
        text = json.dumps({"pubs": [[BELL, None, 200]], "version": 2, "options": {"experimental": {}}} | more)
        check("sampler", text, again().device)
        return run("sampler", text, again())

    bare, typed = json.loads(ran()), decode("sampler", ran(support_qiskit=True))
    assert json.loads(ran(support_qiskit=False))["results"] == bare["results"]
    for name, bits in (("c", 2), ("d", 1)):
        register = bare["results"][0]["data"][name]
        assert register["num_bits"] == bits
        found = [format(int(sample, 16), f"0{bits}b") for sample in register["samples"]]
        assert found == typed[0].data[name].get_bitstrings()
    assert {int(sample, 16) & 1 for sample in bare["results"][0]["data"]["c"]["samples"]} == {0}, "its other bit is not measured"


def test_an_estimate(again: Callable[[], Context]) -> None:
    pubs = [[X, ["Z", "X"]], [X, "Z"]]
    params = {"pubs": pubs, "version": 2, "resilience_level": 0, "options": {"seed_estimator": 4}}
    check("estimator", json.dumps(params), again().device)
    bare = json.loads(run("estimator", json.dumps(params), again()))["results"]
    typed = decode("estimator", run("estimator", json.dumps(params | {"support_qiskit": True}), again()))
    for found, expected in zip(bare, typed, strict=True):
        assert found["data"]["evs"] == expected.data.evs.tolist()
        assert found["data"]["stds"] == expected.data.stds.tolist()
        assert found["metadata"]["shots"] == expected.metadata["shots"]
    assert isinstance(bare[1]["data"]["evs"], float)


def test_a_wish_that_is_neither(again: Callable[[], Context]) -> None:
    text = json.dumps({"pubs": [[BELL]], "version": 2, "support_qiskit": "yes"})
    with pytest.raises(BadRequest, match="support_qiskit"):
        check("sampler", text, again().device)


def test_an_answer_that_would_be_too_long(again: Callable[[], Context]) -> None:
    admit_values(MOST_VALUES)
    with pytest.raises(TooLarge, match="support_qiskit"):
        admit_values(MOST_VALUES + 1)
    params = {"pubs": [[BELL, None, 90_000]] * 30, "version": 2}
    with pytest.raises(TooLarge, match="plain results"):
        check("sampler", json.dumps(params), again().device)
    check("sampler", json.dumps(params | {"support_qiskit": True}), again().device)


def test_the_client_is_given_its_types() -> None:
    result = PrimitiveResult([SamplerPubResult(DataBin(c=BitArray.from_bool_array(np.ones((3, 1), bool))))])
    assert decode("sampler", answer(result, typed=True))[0].data.c.get_counts() == {"1": 3}
