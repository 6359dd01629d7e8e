"""Idle windows: when a used qubit has nothing to do, and what it did before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Body, Repeat, Straight, While, children

WINDOW = np.dtype(
    [
        ("qubit", "<i4"),
        ("block", "<i4"),
        ("start", "<i8"),
        ("stop", "<i8"),
        ("before", "<i1"),  # kind of the interval before on the same qubit, in any block; NEVER if there is none
        ("after", "<i1"),  # kind of the interval after; NEVER if there is none
    ]
)
"""An interval ``[start, stop)`` of ticks of a straight block in which a used qubit is idle."""

NEVER = -1


def windows(occupancy: NDArray[np.void], straights: Sequence[Straight]) -> NDArray[np.void]:
    """All idle windows of all used qubits.

    Args:
        occupancy: Busy intervals with the fields ``qubit, block, start, stop, kind``; those of one qubit do not overlap.
        straights: Straight blocks, in playing order.

    Returns:
        ``WINDOW[...]``; none reaches from one block into another.
    """
    order = np.lexsort((occupancy["start"], occupancy["block"], occupancy["qubit"]))
    busy = occupancy[order]
    used, owner = np.unique(busy["qubit"], return_inverse=True)
    durations = np.array([block.duration for block in straights], dtype=np.int64)
    same_qubit = np.concatenate([[False], busy["qubit"][1:] == busy["qubit"][:-1]])
    same = same_qubit & np.concatenate([[False], busy["block"][1:] == busy["block"][:-1]])
    kinds = busy["kind"].astype(np.int8)

    inner = np.zeros(len(busy), WINDOW)
    inner["qubit"], inner["block"], inner["stop"] = busy["qubit"], busy["block"], busy["start"]
    inner["start"] = np.where(same, np.roll(busy["stop"], 1), 0)
    inner["before"] = np.where(same_qubit, np.roll(kinds, 1), NEVER)
    inner["after"] = kinds

    free_from = np.zeros((len(used), len(straights)), np.int64)
    free_from[owner, busy["block"]] = busy["stop"]  # rows are in order of time: the last one stays
    row, block = np.nonzero(free_from < durations)
    tail = np.zeros(len(row), WINDOW)
    tail["qubit"], tail["block"] = used[row], block
    tail["start"], tail["stop"] = free_from[row, block], durations[block]
    # position in `busy` of the first interval of the same qubit in a later block
    keys = owner * (len(straights) + 1) + busy["block"]
    following = np.searchsorted(keys, row * (len(straights) + 1) + block, side="right")
    first, last = np.searchsorted(owner, row), np.searchsorted(owner, row, side="right")
    padded = np.concatenate([kinds, [NEVER]])
    tail["before"] = np.where(following > first, padded[following - 1], NEVER)
    tail["after"] = np.where(following < last, padded[np.minimum(following, len(kinds))], NEVER)
    found = np.concatenate([inner, tail])
    return found[found["stop"] > found["start"]]


def looped(body: Body, inside: bool = False) -> list[bool]:
    """For each straight block in playing order, whether it may be played again after blocks that follow it."""
    found: list[bool] = []
    for block in body:
        if isinstance(block, Straight):
            found.append(inside)
        for part in children(block):
            found += looped(part, inside or isinstance(block, Repeat | While))
    return found
