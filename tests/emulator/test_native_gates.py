"""The native gate table proves itself: every gate of the snapshot, played, does its matrix (process tomography by prepared
and measured Pauli axes, compared probability by probability with the ideal matrices)."""

import itertools

import numpy as np
import pytest

RZ = lambda a: np.diag([np.exp(-0.5j * a), np.exp(0.5j * a)])  # noqa: E731
RX = lambda a: np.cos(a / 2) * np.eye(2) - 1j * np.sin(a / 2) * np.array([[0, 1], [1, 0]])  # noqa: E731
TURNS = {"z": None, "x": np.pi / 2, "y": 0.0, "-z": "flip"}
"""How to reach (and measure along) an axis: RZ(a) SX RZ(-a), nothing, or X."""


def _turn(bench, qubit, turn):
    """Play a preparation; returns its ideal matrix."""
    if turn is None:
        return np.eye(2)
    if turn == "flip":
        bench.gate("x", qubit)
        return RX(np.pi)
    bench.rz(qubit, -turn)
    bench.gate("sx", qubit)
    bench.rz(qubit, turn)
    return RZ(turn) @ RX(np.pi / 2) @ RZ(-turn)


def _worst_single(fresh, exact, qubit, name, matrix, angle=None):
    worst = 0.0
    for before, after in itertools.product(TURNS.values(), list(TURNS.values())[:3]):
        bench = fresh()
        state = _turn(bench, qubit, before) @ np.array([1, 0])
        if name == "rz":
            bench.rz(qubit, angle)
        else:
            bench.gate(name, qubit, angle=angle)
        state = matrix @ state
        state = _turn(bench, qubit, after) @ state
        bench.measure(qubit)
        worst = max(worst, np.abs(exact(bench.build())[0, :2] - np.abs(state) ** 2).max())
    return worst


@pytest.mark.parametrize("qubit", range(5))
@pytest.mark.parametrize(("name", "angle"), [("sx", np.pi / 2), ("x", np.pi), ("id", 0.0)])
def test_fixed_gates_on_one_qubit(fresh, exact, qubit, name, angle):
    assert _worst_single(fresh, exact, qubit, name, RX(angle)) < 3e-3


@pytest.mark.parametrize("angle", [-np.pi, -2.2, -0.4, 0.0, 0.05, 1.0, np.pi / 2, 3.0])
def test_rx(fresh, exact, angle):
    assert _worst_single(fresh, exact, 1, "rx", RX(angle), angle) < 3e-3


def test_rz(fresh, exact):
    assert _worst_single(fresh, exact, 2, "rz", RZ(0.83), 0.83) < 3e-3


def _worst_double(fresh, exact, pair, name, matrix, angle=None):
    worst = 0.0
    first, second = pair
    inputs = list(itertools.product(TURNS.values(), repeat=2))
    outputs = list(itertools.product(list(TURNS.values())[:3], repeat=2))
    # every input with a rotating choice of outputs: all 16 inputs, all 9 outputs, each pair of axes often enough
    for number, (before, after) in enumerate(itertools.product(inputs, outputs)):
        if number % 4:
            continue
        bench = fresh()
        state = np.kron(_turn(bench, first, before[0]), _turn(bench, second, before[1])) @ np.eye(4)[0]
        bench.gate(name, *pair, angle=angle)
        state = matrix @ state
        state = np.kron(_turn(bench, first, after[0]), _turn(bench, second, after[1])) @ state
        bench.measure(*pair)
        found = exact(bench.build())[0, :2, :2].ravel()
        worst = max(worst, np.abs(found - np.abs(state) ** 2).max())
    return worst


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_cz(fresh, exact, pair):
    assert _worst_double(fresh, exact, pair, "cz", np.diag([1, 1, 1, -1])) < 5e-3


@pytest.mark.parametrize("angle", [0.0, 0.03, 0.4, 1.1, np.pi / 2])
def test_rzz(fresh, exact, angle):
    matrix = np.diag(np.exp(-0.5j * angle * np.array([1, -1, -1, 1])))
    assert _worst_double(fresh, exact, (1, 2), "rzz", matrix, angle) < 5e-3
