"""Windows of drives on two transmons with a static coupling, at least one of them across: on a line of one, near the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qpu_emulator.chip.line import Line
from qpu_emulator.windows.basis import Complex, Real, narrow, superoperator
from qpu_emulator.windows.flow import exponential, product
from qpu_emulator.windows.relaxation import Relaxation
from qpu_emulator.windows.static_pair import StaticPair
from qpu_emulator.windows.toggling import decay, detuning_shares
from qpu_emulator.windows.tones import Tone, combine


def solve_cross(
    pair: StaticPair,
    tones: tuple[Tone, ...],
    numbers: Real,
    levels: int,
    *,
    reach: Sequence[Mapping[str, complex]],
    lines: Mapping[str, Line],
    relaxations: tuple[Relaxation, Relaxation],
) -> tuple[Real, Real]:
    """Solve some windows; in all of them the same tones beat.

    Args:
        pair: The transmons.
        tones: The plays, the first gives the frame.
        numbers: ``float[n, tones, 3]``: amplitude, frequency minus the first transmon's in Hz, phase relative to the first tone
            at the window's start in rad.
        levels: 2 or 3 levels of each transmon to keep.
        reach: Of each transmon: line -> complex Rabi frequency in Hz per unit of amplitude.
        lines: By port.
        relaxations: Of each transmon.

    Returns:
        ``float[n, levels**4, levels**4]`` on real vectors, and the shares of `detuning_shares`.
    """
    samples, repeats, dt = combine(tones, numbers, reach, lines)
    carrier = pair.frequencies[0] + numbers[:, 0, 1]
    kept = [4 * a + b for a in range(levels) for b in range(levels)]
    final, noted = pair.propagate(samples, repeats, dt, carrier, kept)
    flow = np.asarray(sum(superoperator(kraus, levels, 3, systems=2) for kraus in _into_three(final, levels)))
    if levels == 2:
        flow = np.kron(narrow(), narrow()) @ flow
    left, _, right = np.linalg.svd(noted[:, :, kept])
    toggling = np.ascontiguousarray(left @ right)
    seconds = float(repeats.sum()) * dt
    left, _, right = np.linalg.svd(final[:, kept])
    shares = detuning_shares(toggling, left @ right, seconds, levels)
    lossy = exponential(decay(toggling, relaxations, seconds, levels))
    return np.ascontiguousarray(product(flow, lossy)), shares


def _into_three(columns: Complex, levels: int) -> list[Complex]:
    """Kraus operators to three levels of each transmon: the fourth counts as the third, so that the trace is kept.

    Args:
        columns: ``complex[n, 16, levels**2]``.
        levels: Kept before the pulse.
    """
    whole = columns.reshape(len(columns), 4, 4, levels**2)
    stay = np.ascontiguousarray(whole[:, :3, :3]).reshape(len(columns), 9, levels**2)
    fall, rest = np.zeros((2, len(columns), 3, 3, levels**2), complex)
    fall[:, 2, :] = whole[:, 3, :3]
    fall[:, :2, 2] = whole[:, :2, 3]
    rest[:, 2, 2], rest[:, 2, 1] = whole[:, 2, 3], whole[:, 3, 3]
    return [stay, fall.reshape(stay.shape), rest.reshape(stay.shape)]
