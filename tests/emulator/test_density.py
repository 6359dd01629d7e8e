"""The compiled walk through density matrices beside superoperators that NumPy applies one by one, lane by lane."""

import numpy as np
import pytest

from qpu_emulator.engines.density import evolve
from qpu_emulator.engines.engine import IDLE, ONE, TWO, ZZ
from qpu_emulator.windows.basis import superoperator

LANES = 21


def _waited(levels, mixing, fading, turning, x):
    """Relaxation, and a turn of level k by k x, of level 2 by t more."""
    turned = superoperator(np.diag(np.exp(-1j * np.array([0.0, x, 2 * x + turning])[:levels])), levels, levels)
    kept = np.eye(levels * levels)
    kept[:levels, :levels] = mixing
    kept[range(levels, len(kept)), range(levels, len(kept))] = np.repeat(fading, 2)
    return kept @ turned


def _coupled(levels, turn):
    z = np.array([1.0, -1.0, -1.0])[:levels]
    return superoperator(np.diag(np.exp(-0.25j * turn * np.outer(z, z).ravel())), levels, levels, 2)


def _apply(state, matrix, places, single, qubits):
    state = np.moveaxis(state.reshape([single] * qubits), places, range(len(places)))
    moved = (matrix @ state.reshape(len(matrix), -1)).reshape(state.shape)
    return np.moveaxis(moved, range(len(places)), places).ravel()


@pytest.mark.parametrize(("levels", "qubits"), [(2, 1), (2, 4), (3, 1), (3, 2), (3, 3)])
@pytest.mark.parametrize("alike", [True, False], ids=["one window for all lanes", "windows of their own"])
def test_a_walk_is_the_product_of_its_steps(levels, qubits, alike):
    draw = np.random.default_rng(5)
    single = levels * levels
    mixing, fading, turning = draw.random((3, levels, levels)), draw.random((3, levels * (levels - 1) // 2)), draw.random(3)
    one, two = draw.normal(size=(4, 3, single, single)), draw.normal(size=(3, single**2, single**2))
    one, two = one / single, two / single**2 * (draw.random(two.shape) < 0.4)
    first = 0 if qubits == 1 else 1
    steps = [(IDLE, first), (ONE, first), (IDLE, 0), (IDLE, qubits - 1), (ONE, qubits - 1), (ONE, 0)]
    if qubits > 1:
        steps += [(TWO, 0, qubits - 1), (ZZ, 1, 0), (TWO, 1, 0), (IDLE, 1), (ONE, 0), (ZZ, 0, qubits - 1), (TWO, 0, qubits - 1)]
    steps = np.array([(step[0], step[1], step[-1]) for step in [*steps, (IDLE, 0)]], np.int32)
    shape = (len(steps), LANES)
    index = np.array([draw.integers({IDLE: 3, ONE: 4, TWO: 3, ZZ: 1}[int(kind)], size=LANES) for kind in steps[:, 0]], np.int32)
    index = np.repeat(index[:, :1], LANES, axis=1) if alike else index
    angle, shift = draw.uniform(-9, 9, shape), draw.normal(size=shape)
    chosen = draw.permutation(LANES + 4)[:LANES]
    states = draw.normal(size=(single**qubits, LANES + 4))
    wanted = states.copy()
    for lane, column in enumerate(chosen):
        for step, (kind, a, b) in enumerate(steps):
            n, x = index[step, lane], shift[step, lane]
            if kind == IDLE:
                matrix, places = _waited(levels, mixing[n], fading[n], turning[n], angle[step, lane]), [a]
            elif kind == ONE:
                matrix, places = one[n, 0] + x * one[n, 1] + x * x * one[n, 2], [a]
            else:
                matrix, places = two[n] if kind == TWO else _coupled(levels, angle[step, lane]), [a, b]
            wanted[:, column] = _apply(wanted[:, column], matrix, places, single, qubits)
    evolve(states, chosen, steps, index, angle, shift, mixing, fading, turning, one, two, levels, qubits)
    assert states == pytest.approx(wanted, rel=1e-11, abs=1e-13 * np.abs(wanted).max())
