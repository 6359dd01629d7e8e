"""Fields in a readout resonator, one for each level of its qubit, alone or driven piece by piece.

While tones drive a resonator the field of level k is ``d alpha_k/dt = -(kappa/2 + i Delta_k) alpha_k + epsilon(t)``, in the frame
of the resonator's frequency. Where envelopes are constant ``alpha_k`` is a sum of exponentials: one for each tone, and the
resonator's own. So is ``i (Delta_1 - Delta_0) alpha_1 conj(alpha_0)``, whose integral is what a coherence loses and turns by
(Gambetta et al., PRA 74, 042318 (2006), sections III and V).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]

_LEVELS = 3
_SAME = 1e-12


class Tones(NamedTuple):
    """What drives one resonator during a block.

    Attributes:
        edges: ``float[pieces + 1]``, s since the start of the block; before and after them nothing drives it.
        pieces: ``complex[pieces, tones]``, field per second in each piece for a strength of 1.
        strength: ``complex[tones, lanes]``.
        beat: ``float[tones, lanes]``, carrier above the resonator's frequency, rad/s.
        begun: ``float[lanes]``, when the block began, s since the start of the shot.
    """

    edges: Real
    pieces: Complex
    strength: Complex
    beat: Real
    begun: Real


def silence(lanes: int) -> Tones:
    """No tones."""
    return Tones(np.zeros(0), np.zeros((0, 0), complex), np.zeros((0, lanes), complex), np.zeros((0, lanes)), np.zeros(lanes))


def carry(fields: Complex, until: Real, now: Real, rates: Complex, tones: Tones) -> Complex:
    """Let time pass in a resonator.

    Args:
        fields: ``complex[lanes, 3]`` of the levels 0, 1, 2; they become those at the end.
        until: ``float[lanes]``, when that was, s since the start of the shot.
        now: ``float[lanes]``, when to end.
        rates: ``complex[3]``, ``kappa/2 + i Delta_k``.
        tones: What drives it.

    Returns:
        ``complex[lanes]``: ``x + i y`` of the factor ``exp(-x - i y)`` by which the coherence ``rho_10`` has changed.
    """
    lost = np.zeros(len(fields), np.complex128)
    _carry(fields, until, now, rates, *tones, lost)
    return lost


@compiled()
def _carry(
    fields: Complex,
    until: Real,
    now: Real,
    rates: Complex,
    edges: Real,
    pieces: Complex,
    strength: Complex,
    beat: Real,
    begun: Real,
    lost: Complex,
) -> None:
    count = len(strength) + 1
    # amplitudes and rates of the exponentials of each level: those of the tones, its own
    parts, decay = np.zeros((_LEVELS, count), np.complex128), np.zeros((_LEVELS, count), np.complex128)
    for lane in range(len(fields)):
        time, place = until[lane], 0
        while time < now[lane]:
            # before the first edge and after the last one the resonator is alone
            while place < len(edges) and edges[place] + begun[lane] <= time:
                place += 1
            end = min(now[lane], edges[place] + begun[lane]) if place < len(edges) else now[lane]
            used = count if 0 < place < len(edges) else 1
            for level in range(_LEVELS):
                parts[level, 0], decay[level, 0] = fields[lane, level], rates[level]
                for tone in range(used - 1):
                    turn = 1j * beat[tone, lane]
                    fed = pieces[place - 1, tone] * strength[tone, lane] * np.exp(-turn * time)
                    parts[level, tone + 1], decay[level, tone + 1] = fed / (rates[level] - turn), turn
                    parts[level, 0] -= parts[level, tone + 1]
            together = 0.0j
            for one in range(used):
                for other in range(used):
                    rate = decay[1, one] + np.conj(decay[0, other])
                    shape = -np.expm1(-rate * (end - time)) / rate if abs(rate) * (end - time) > _SAME else end - time
                    together += parts[1, one] * np.conj(parts[0, other]) * shape
            lost[lane] += 1j * (rates[1] - rates[0]).imag * together
            for level in range(_LEVELS):
                fields[lane, level] = 0.0
                for one in range(used):
                    fields[lane, level] += parts[level, one] * np.exp(-decay[level, one] * (end - time))
            time = end
