"""Results as samples: what each randomization of each circuit says of each path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import OperatorError
from qpu_bridge.programs.layers.experiment import REGISTER, Experiment

Values = NDArray[np.float64]

_BLOCKS = 16
"""With one randomization alone its shots are parted into as many blocks, so that there is a spread to see."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Expectation values, flips undone.

    Attributes:
        values: ``float64[path, depth, basis, randomization]``; what was not measured there counts nothing.
        shots: How many shots each stands on, same shape; 0 where a basis does not show a path.
    """

    values: Values
    shots: Values


def collect(
    experiment: Experiment, results: Sequence[Mapping[str, NDArray[np.generic]]], masks: Sequence[NDArray[np.bool_] | None]
) -> Samples:
    """Turn the bits of an experiment into samples.

    Args:
        experiment: What was played.
        results: Registers and flips of each of its items.
        masks: Which shots of each item are kept, ``bool[basis, randomization, shots]``, or None for all.

    Raises:
        OperatorError: If checks left no shot of a circuit.
    """
    rank = {qubit: bit for bit, qubit in enumerate(experiment.measured)}
    supports = [[rank[qubit] for qubit in path.end_fragment[0].in_z_idxs] for path in experiment.paths]
    shown = np.zeros((len(experiment.paths), len(experiment.bases)), bool)
    for path, basis in experiment.relations:
        shown[path, basis] = True
    first, last = (np.array([support[end] for support in supports]) for end in (0, -1))
    once, each = _signs(experiment)
    values, shots = [], []
    for depth, result, mask in zip(experiment.depths, results, masks, strict=True):
        parity, kept = _parities(result, mask)
        if not kept.sum(axis=1).all():
            raise OperatorError("bit-flip checks must leave some shots", given=f"none at depth {depth}")
        values.append((once * each**depth)[..., np.newaxis] * parity[:, :, first, last].transpose(2, 0, 1))
        shots.append(shown[..., np.newaxis] * kept)
    return Samples(np.stack(values, axis=1), np.stack(shots, axis=1))


def _signs(experiment: Experiment) -> tuple[Values, Values]:
    """What ideal circuits would give, 1 or -1, without any layer, and times each pair of layers: ``float64[path, basis]``."""
    signs = np.ones((2, len(experiment.paths), len(experiment.bases)))
    for path, basis in experiment.relations:
        flips = experiment.paths[path].fragment_sign_flips(experiment.bases[basis])
        signs[:, path, basis] = [-1 if flip else 1 for flip in flips]
    return signs[0], signs[1]


def _parities(result: Mapping[str, NDArray[np.generic]], mask: NDArray[np.bool_] | None) -> tuple[Values, Values]:
    """Means of products of two qubits' signs ``float64[basis, randomization, bit, bit]``, one's on the diagonal; and shots."""
    bits = np.asarray(result[REGISTER], bool)
    flips = np.asarray(result[f"measurement_flips.{REGISTER}"], bool)
    signs = 1.0 - 2.0 * (bits ^ flips)
    weight = np.ones(signs.shape[:-1]) if mask is None else mask.astype(float)
    if signs.shape[1] == 1:
        blocks = min(_BLOCKS, signs.shape[2])
        whole = signs.shape[2] // blocks * blocks  # a remainder of less than a block is left out
        signs = signs[:, 0, :whole].reshape(signs.shape[0], blocks, -1, signs.shape[-1])
        weight = weight[:, 0, :whole].reshape(weight.shape[0], blocks, -1)
    kept = weight.sum(axis=-1)
    weighted = signs * weight[..., np.newaxis]
    sums = np.swapaxes(weighted, -1, -2) @ signs
    one = np.arange(signs.shape[-1])
    sums[..., one, one] = weighted.sum(axis=2)
    return sums / np.maximum(kept, 1)[..., np.newaxis, np.newaxis], kept
