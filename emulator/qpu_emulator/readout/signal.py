"""The signals of shots: what a capture integrates of them, receiver noise, bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.readout.driven import Complex, fade, ring, sampled
from qpu_emulator.readout.levels import Levels, Moments
from qpu_emulator.score.lanes import Index
from qpu_emulator.stream import normals

_BLOCK = 256
"""Shots whose noise is drawn at a time."""


@compiled()
def integrate(
    out: Complex,
    lane: Index,
    levels: Levels,
    left: Moments,
    late: float,
    span: float,
    factor: Complex,
    gathered: Complex,
    field: Complex,
    ringing: Complex,
    tails: Complex,
) -> None:
    """Add what a capture integrates of a tone.

    Args:
        out: ``complex[shots]``.
        lane: Of each shot.
        levels: ``int[shots, 3]``, levels one after the other.
        left: ``float[shots, 2]``, when they are left, s after the start of the measurement; inf = never.
        late: When the measurement starts, s after what the response counts from.
        span: What the response lasts, s.
        factor: ``complex[lanes]``, amplitude and phase of the tone; one lane if all have the same.
        gathered: Of the response (`resonator.Response`), as are the three that follow.
        field: The same.
        ringing: The same.
        tails: The same.
    """
    apart, samples = len(factor) > 1, field.shape[1]
    # most shots stay in their level
    staying = np.empty((len(factor), len(field)), np.complex128)
    for p in range(len(factor)):
        for level in range(len(field)):
            staying[p, level] = factor[p] * gathered[level, samples]
    for position in range(len(out)):
        p = lane[position] if apart else 0
        if left[position, 0] + late > span:
            out[position] += staying[p, levels[position, 0]]
            continue
        moments = (left[position, 0] + late) / span, (left[position, 1] + late) / span
        out[position] += factor[p] * _jumping(levels[position], moments, gathered, field, ringing, tails)


@compiled()
def integrate_swept(
    out: Complex,
    lane: Index,
    levels: Levels,
    left: Moments,
    late: float,
    span: float,
    factor: Complex,
    entry: Index,
    tone: Complex,
    times: tuple[float, float, float],
    decays: Complex,
    turns: Complex,
    steps: Complex,
    weights: Complex,
) -> None:
    """The same of a tone whose frequency differs from lane to lane; each is solved for its own shots, and forgotten.

    Args:
        out: As of `integrate`, as are those that follow.
        lane: The same.
        levels: The same.
        left: The same.
        late: The same.
        span: The same.
        factor: ``complex[lanes]``.
        entry: ``int[lanes]``, which frequency.
        tone: What `Driven` says of the frequencies, as do those that follow.
        times: The same.
        decays: The same.
        turns: The same.
        steps: The same.
        weights: The same.
    """
    samples = len(weights)
    drive = sampled(tone, times, samples)
    gathered, tails = np.empty((3, samples + 1), np.complex128), np.empty((3, samples + 1), np.complex128)
    field, ringing = np.empty((3, samples), np.complex128), np.empty(3, np.complex128)
    # the shots of each frequency, one list after the other
    first = np.zeros(len(decays) + 1, np.int64)
    for position in range(len(out)):
        first[entry[lane[position]] + 1] += 1
    for one in range(len(decays)):
        first[one + 1] += first[one]
    place, order = first.copy(), np.empty(len(out), np.int64)
    for position in range(len(out)):
        one = entry[lane[position]]
        order[place[one]] = position
        place[one] += 1
    for one in range(len(decays)):
        if first[one] == first[one + 1]:
            continue
        ring(drive, times[0], decays[one], turns[one], steps[one], weights, gathered, field, ringing)
        faded = False
        for position in order[first[one] : first[one + 1]]:
            strength = factor[lane[position]]
            if left[position, 0] + late > span:
                out[position] += strength * gathered[levels[position, 0], samples]
                continue
            if not faded:
                fade(ringing, weights, tails)
                faded = True
            moments = (left[position, 0] + late) / span, (left[position, 1] + late) / span
            out[position] += strength * _jumping(levels[position], moments, gathered, field, ringing, tails)


@compiled()
def _jumping(
    levels: Levels, moments: tuple[float, float], gathered: Complex, field: Complex, ringing: Complex, tails: Complex
) -> complex:
    """What is integrated of a unit tone by one shot that jumps; moments are in units of what the response lasts."""
    (first, second), samples = moments, field.shape[1]
    a, b, c = levels[0], levels[1], levels[2]
    one = int(first * samples)
    rest = field[a, one] - field[b, one] if one < samples else 0.0j
    heard = gathered[a, one] + gathered[b, samples] - gathered[b, one] + rest * tails[b, one]
    if second <= 1.0:
        two = int(second * samples)
        rest *= ringing[b] ** (two - one)
        heard += gathered[b, two] - gathered[b, samples] - rest * tails[b, two]
        rest += field[b, two] - field[c, two] if two < samples else 0.0j
        heard += gathered[c, samples] - gathered[c, two] + rest * tails[c, two]
    return heard  # type: ignore[no-any-return]


@compiled()
def linger(
    out: Complex,
    lane: Index,
    levels: Levels,
    left: Moments,
    late: float,
    span: float,
    entry: Index,
    ringing: Complex,
    tails: Complex,
    before: Complex,
) -> None:
    """Add what a capture integrates of the field that is there at the start.

    Args:
        out: As of `integrate`, as are those that follow.
        lane: The same.
        levels: The same.
        left: The same.
        late: The same.
        span: The same.
        entry: ``int[lanes]``, which response; one lane if all have the same.
        ringing: Of the responses, one after the other.
        tails: The same.
        before: ``complex[shots]``, demodulated signal of that field.
    """
    samples, apart = tails.shape[2] - 1, len(entry) > 1
    for position in range(len(out)):
        e = entry[lane[position] if apart else 0]
        a, b, c = levels[position, 0], levels[position, 1], levels[position, 2]
        first, second = (left[position, 0] + late) / span, (left[position, 1] + late) / span
        value = out[position]
        # samples are taken at their middles
        remains = before[position] * np.sqrt(ringing[e, a])
        value += remains * tails[e, a, 0]
        if left[position, 0] + late <= span:
            one = int(first * samples)
            remains *= ringing[e, a] ** one
            value += remains * (tails[e, b, one] - tails[e, a, one])
            if second <= 1.0:
                two = int(second * samples)
                value += remains * ringing[e, b] ** (two - one) * (tails[e, c, two] - tails[e, b, two])
        out[position] = value


@compiled()
def record(
    iq: NDArray[np.complex64],
    bits: NDArray[np.bool_],
    streams: NDArray[np.uint64],
    shots: Index,
    signal: Complex,
    spread: float,
    column: int,
    fresh: bool,
    told: bool,
    angle: float,
    threshold: float,
) -> None:
    """Write signals into a column of ``iq[shots, columns]``, or add them, and tell ``bits`` apart by a line if there is one.

    Args:
        iq: Of all shots.
        bits: The same.
        streams: The same.
        shots: Which.
        signal: ``complex[shots]``.
        spread: Of each quadrature of the receiver's noise, which is added.
        column: Which.
        fresh: Whether signals are written.
        told: Whether there is a line.
        angle: Of what is across it, rad.
        threshold: Where it is.
    """
    cosine, sine = np.cos(angle), np.sin(angle)
    words, g, h = np.empty(_BLOCK, np.uint64), np.zeros(_BLOCK), np.zeros(_BLOCK)
    x, y, above = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.bool_)
    own, told_apart = iq[:, column], bits[:, column]
    for start in range(0, len(shots), _BLOCK):
        count = min(_BLOCK, len(shots) - start)
        some, plain = shots[start : start + count], signal[start : start + count]
        if spread > 0.0:
            for member in range(count):
                words[member] = streams[np.uint64(some[member])]
            normals(words[:count], g[:count], h[:count])
            for member in range(count):
                streams[np.uint64(some[member])] = words[member]
            for member in range(count):
                g[member] *= spread
                h[member] *= spread
        for member in range(count):
            x[member], y[member] = plain[member].real + g[member], plain[member].imag + h[member]
        if not fresh:
            for member in range(count):
                before = own[np.uint64(some[member])]
                x[member] += before.real
                y[member] += before.imag
        for member in range(count):
            own[np.uint64(some[member])] = complex(x[member], y[member])
        if told:
            for member in range(count):
                above[member] = float(x[member]) * cosine + float(y[member]) * sine > threshold
            for member in range(count):
                told_apart[np.uint64(some[member])] = above[member]
