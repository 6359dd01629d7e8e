from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.circuit import Parameter

from qpu_bridge.errors import NotNative
from qpu_bridge.lowering.angle import Affine, Sources

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")

leaves = st.sampled_from([A, B, C, 0.5, -2, 3.25])


def grown(inner):
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        inner.map(lambda e: e / 3),
        inner.map(lambda e: 1.5 - e),
        inner.map(lambda e: 2 / (e * e + 4)),
        inner.map(lambda e: e**2),
        inner.map(lambda e: abs(e)),
        inner.map(lambda e: -e),
        inner.map(lambda e: e.sin() if hasattr(e, "sin") else float(np.sin(e))),
        inner.map(lambda e: e.arctan() if hasattr(e, "sin") else float(np.arctan(e))),
    )


@given(expression=st.recursive(leaves, grown, max_leaves=8))
def test_every_expression_is_what_qiskit_binds_it_to(expression) -> None:
    values = np.array([[0.3, -1.2, 2.1], [1.7, 0.4, -0.6]])
    sources = Sources([A, B, C])
    affine = sources.read(expression)
    columns = [values, *(formula.evaluate(values)[:, None] for formula in sources.formulas)]
    found = affine.evaluate(np.hstack(columns))
    for row, value in enumerate(found):
        if not hasattr(expression, "parameters"):
            assert value == expression
            continue
        names = {p: v for p, v in zip((A, B, C), values[row], strict=True) if p in expression.parameters}
        assert value == pytest.approx(float(expression.bind_all(names)), rel=1e-12, abs=1e-12)


def test_linear_expressions_need_no_formula() -> None:
    sources = Sources([A, B])
    assert sources.read(2 * A - B / 4 + 1 - (A - 3)) == Affine(4.0, ((0, 1.0), (1, -0.25)))
    assert sources.read(A - A) == Affine(0.0)
    assert sources.read(7) == Affine(7.0)
    assert sources.formulas == ()


def test_equal_formulas_are_evaluated_once() -> None:
    sources = Sources([A, B])
    assert sources.read(A * B) == sources.read(A * B)
    assert len(sources.formulas) == 1


@pytest.mark.parametrize("bad", [1j, "x", Parameter("foreign")])
def test_what_is_no_angle(bad) -> None:
    with pytest.raises(NotNative):
        Sources([A]).read(bad)


def test_expressions_without_end_are_refused() -> None:
    deep = A
    for _ in range(100):
        deep = deep.sin()
    with pytest.raises(NotNative, match="nested"):
        Sources([A]).read(deep)
