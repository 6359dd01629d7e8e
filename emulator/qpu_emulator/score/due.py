"""What is due with each step of a straight block besides its window: turns, slow noise, what photons take, idle time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE, ONE
from qpu_emulator.jit import compiled

Real = NDArray[np.float64]

_NOTHING = np.zeros((2, 0, 0))
_NO_TIME = np.zeros(0)


class Light(NamedTuple):
    """What photons do to qubits.

    Attributes:
        faded: ``float[2, rows, lanes]``, what a coherence loses before and after each row of `timeline.Steps`, see `Idle.find`.
        turned: The same of phases, rad.
        shifts: Action -> mean shift of its transmon in each lane, Hz.
    """

    faded: Real
    turned: Real
    shifts: dict[int, Real]


class Due(NamedTuple):
    """Steps, and what they do besides their windows; those in which nothing happens are left out.

    Attributes:
        plan: ``int[steps, 4]``: kind of the engine, positions of the qubit and of the other one, whose window it is (an action).
        drifting: ``int[steps]``, the qubit whose detuning is asked for, -1 for none.
        angle: ``float[steps, columns]``, turn in rad, in the columns of ``turns``.
        noisy: ``float[steps, lanes or 1]``, time in s over which a slow detuning acts.
        wait: ``int[steps]``, which of ``waits`` passes in an idle step.
        waits: ``float[waits, 1 + lanes or 2]``: position of the qubit, and for how long relaxation acts, s.
        faded: ``float[waits, lanes]``, what a coherence loses beside white noise, see `Idle.find`; no lanes for nothing.
    """

    plan: NDArray[np.int64]
    drifting: NDArray[np.int64]
    angle: Real
    noisy: Real
    wait: NDArray[np.int64]
    waits: Real
    faded: Real


def due(
    steps: NDArray[np.int64], numbers: Real, qubits: int, turns: Real, shares: Real, light: Light | None, more: Real | None
) -> Due:
    """What is due with each step.

    Args:
        steps: As of `timeline.Steps`.
        numbers: The same.
        qubits: How many the steps are of.
        turns: ``float[rows, columns]``, virtual Z around windows, rad; in each lane if ``more`` is given, or ``light``, or shares
            differ from lane to lane.
        shares: ``float[2, rows, lanes or 1]``, times in s that a slow detuning acts before and after windows on two qubits.
        light: What photons do.
        more: ``float[lanes]``, by how much longer the block lasts, s; None if its duration is fixed.
    """
    faded, turned = (_NOTHING, _NOTHING) if light is None else (light.faded, light.turned)
    return Due(*_due(steps, numbers, qubits, turns, shares, faded, turned, _NO_TIME if more is None else more))


@compiled()
def _due(
    steps: NDArray[np.int64],
    numbers: Real,
    qubits: int,
    turns: Real,
    shares: Real,
    faded: Real,
    turned: Real,
    more: Real,
) -> tuple[NDArray[np.int64], NDArray[np.int64], Real, Real, NDArray[np.int64], Real, Real]:
    lit, stretched = turned.shape[1] > 0, len(more) > 0
    lanes = max(turns.shape[1], shares.shape[2], turned.shape[2], len(more))
    wide, spread = lanes if stretched else 1, faded.shape[2]
    timed = lanes if stretched or shares.shape[2] > 1 else 1
    size = len(steps)
    plan, drifting, wait = np.empty((size, 4), np.int64), np.empty(size, np.int64), np.zeros(size, np.int64)
    angle, noisy = np.empty((size, lanes)), np.empty((size, timed))
    waits, fading = np.empty((size, 1 + wide)), np.empty((size, spread))
    # of each qubit its last wait, of each wait the one before it on the qubit
    last, before = np.full(qubits, -1), np.empty(size, np.int64)
    count = found = 0
    for step in range(size):
        kind, first, second, action, now, then, late = steps[step]
        seconds, short, turn, growth = numbers[step]
        ends = stretched and not np.isnan(growth)
        dull = kind == IDLE and seconds == 0.0 and not ends
        for lane in range(lanes):
            a, b = lane if turns.shape[1] > 1 else 0, lane if shares.shape[2] > 1 else 0
            angle[count, lane] = turn - turns[then, a] + turns[now, a]
            if lane < timed:
                noisy[count, lane] = short + shares[0, now, b] + shares[1, late, b]
            if lit:
                angle[count, lane] += turned[0, now, lane] + turned[1, then, lane]
            if ends:
                angle[count, lane] += growth * more[lane]
                noisy[count, lane] += more[lane] if kind == IDLE else 0.0
            dull = dull and angle[count, lane] == 0.0 and noisy[count, min(lane, timed - 1)] == 0.0
        for lane in range(spread):
            fading[found, lane] = faded[0, now, lane] + faded[1, then, lane]
            dull = dull and fading[found, lane] == 0.0
        if dull:
            continue
        plan[count, 0], plan[count, 1], plan[count, 2], plan[count, 3] = kind, first, second, action
        drifting[count] = first if kind in (IDLE, ONE) else -1
        if kind == IDLE:
            known = -1 if spread or ends else last[first]
            while known >= 0 and waits[known, 1] != seconds:
                known = before[known]
            if known < 0:
                known = found
                waits[known, 0] = first
                for lane in range(wide):
                    waits[known, 1 + lane] = seconds + (more[lane] if ends else 0.0)
                if not (spread or ends):
                    before[known], last[first] = last[first], known
                found += 1
            wait[count] = known
        count += 1
    return plan[:count], drifting[:count], angle[:count], noisy[:count], wait[:count], waits[:found], fading[:found]
