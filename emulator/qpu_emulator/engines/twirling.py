"""Windows as Cliffords followed by Pauli errors: the nearest Clifford of a map, and the map's error averaged over Paulis.

Maps are Pauli transfer matrices here, order I, X, Y, Z. A Clifford's is a signed permutation; a virtual Z that is not a multiple
of pi/2 stands apart, for a pulse that is all but diagonal lets it pass.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import stim

from qpu_emulator.windows.basis import Real

_ROOT = np.sqrt(0.5)
_PAULI = np.array([[_ROOT, _ROOT, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [_ROOT, -_ROOT, 0, 0]])
"""From the real vectors of `basis` (two levels) to Pauli coefficients."""
_WALSH = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 4
_NEAR = 0.79


def transfer(window: Real, systems: int) -> Real:
    """A map of two-level systems as a Pauli transfer matrix."""
    frame = _PAULI if systems == 1 else np.kron(_PAULI, _PAULI)
    return np.asarray(frame @ window @ frame.T)


def rotation(angle: float) -> Real:
    """``Z(x) = exp(-i x n)``."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0, 0], [0, c, s, 0], [0, -s, c, 0], [0, 0, 0, 1]])


def untwist(matrix: Real) -> float:
    """Angle of the Z rotation, within pi/4, that must be undone for a one-qubit map to be near a Clifford."""
    return _residue(matrix[1:3])


def untwist_pair(matrix: Real) -> tuple[float, float]:
    """The same for both qubits of a map on two."""
    cube = matrix.reshape(4, 4, 16)
    return _residue(cube[1:3].reshape(2, 64)), _residue(cube[:, 1:3].transpose(1, 0, 2).reshape(2, 64))


def _residue(rows: Real) -> float:
    """What rows X and Y have turned beyond a multiple of pi/2."""
    column = int(np.argmax((rows**2).sum(axis=0)))
    angle = -float(np.arctan2(rows[1, column], rows[0, column]))
    return angle - float(np.rint(angle / (np.pi / 2))) * np.pi / 2


def nearest(matrix: Real) -> Real | None:
    """The signed permutation near a map; None if it is not near one."""
    rows = np.argmax(np.abs(matrix), axis=0)
    values = matrix[rows, np.arange(len(matrix))]
    if np.abs(values).min() < _NEAR or len(set(rows.tolist())) < len(rows):
        return None
    out = np.zeros_like(matrix)
    out[rows, np.arange(len(matrix))] = np.sign(values)
    return out


def errors(matrix: Real, clifford: Real) -> Real:
    """Probabilities of Pauli errors after a Clifford, from the diagonal of the error map; their sum is 1."""
    diagonal = np.diag(matrix @ clifford.T)
    walsh = _WALSH if len(diagonal) == 4 else np.kron(_WALSH, _WALSH)
    chance = walsh @ diagonal
    chance = np.maximum(chance, 0.0)
    return np.asarray(chance / chance.sum())


def slant(matrix: Real, clifford: Real) -> float:
    """What twirling hides: the largest element of the error map off its diagonal, the sine of an angle of over-rotation."""
    error = (matrix @ clifford.T)[1:, 1:]
    return float(np.abs(error - np.diag(np.diag(error))).max())


@cache
def _singles() -> dict[bytes, str]:
    names = {}
    for name, data in stim.gate_data().items():
        if data.is_unitary and data.is_single_qubit_gate:
            names[_transfer_of(data.tableau).tobytes()] = name
    return names


def _transfer_of(tableau: stim.Tableau) -> Real:
    out = np.zeros((4, 4))
    out[0, 0] = 1.0
    for column, image in enumerate((tableau.x_output(0), tableau.y_output(0), tableau.z_output(0)), 1):
        out[image[0], column] = image.sign.real
    return out


def gate(clifford: Real) -> str | None:
    """Name of a one-qubit Clifford, None if the matrix is none."""
    return _singles().get((clifford + 0.0).tobytes())


def circuit(clifford: Real) -> stim.Circuit | None:
    """A Clifford on qubits 0 and 1, None if the matrix is none."""

    def image(column: int) -> stim.PauliString:
        row = int(np.flatnonzero(clifford[:, column])[0])
        found = stim.PauliString([row // 4, row % 4])
        return found if clifford[row, column] > 0 else -found

    try:
        tableau = stim.Tableau.from_conjugated_generators(xs=[image(4), image(1)], zs=[image(12), image(3)])
    except ValueError:
        return None
    for column in range(1, 16):
        if tableau(stim.PauliString([column // 4, column % 4])) != image(column):
            return None
    return tableau.to_circuit()
