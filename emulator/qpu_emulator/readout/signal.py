"""The signals of shots: levels that jump during a measurement, what a capture integrates or records of them, bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.stream import ahead, normals, uniform

_BLOCK = 256
"""Shots whose noise is drawn at a time."""


@compiled()
def draw_outcomes(
    streams: NDArray[np.uint64], shots: NDArray[np.int64], row: NDArray[np.int64], probability: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Draw an outcome per shot from the probabilities of its row."""
    last = probability.shape[1] - 1
    so_far = np.empty(probability.shape)
    for number in range(len(probability)):
        total = 0.0
        for outcome in range(last + 1):
            total += max(probability[number, outcome], 0.0)
            so_far[number, outcome] = total
    out = np.zeros(len(shots), np.int64)
    for position in range(len(shots)):
        number = row[position]
        aim = uniform(streams, shots[position]) * so_far[number, last]
        # to count all that lie below is five times as fast as to stop at the first that does not, which nothing foretells
        for outcome in range(last):
            out[position] += so_far[number, outcome] < aim
    return out


@compiled()
def jump(
    streams: NDArray[np.uint64], shots: NDArray[np.int64], level: NDArray[np.int64], down: float, up: float, seconds: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw the first two jumps during a measurement.

    Returns:
        ``int[shots, 3]``, the levels one after the other, and ``float[shots, 2]``, when they are left, s after the start of the
        measurement (inf = never).
    """
    levels = np.empty((len(level), 3), np.int64)
    left = np.full((len(level), 2), np.inf)
    falls, rises, stays = np.zeros(3), np.zeros(3), np.zeros(3)
    for now in range(3):
        falls[now], rises[now] = down * now, up * (now + 1) if now < 2 else 0.0
        stays[now] = np.exp(-(falls[now] + rises[now]) * seconds)
    for position in range(len(shots)):
        now, time = level[position], 0.0
        levels[position, 0] = levels[position, 1] = levels[position, 2] = now
        for turn in range(2):
            wait = uniform(streams, shots[position])
            side = uniform(streams, shots[position])
            rate = falls[now] + rises[now]
            # most stay, and need no logarithm
            if rate <= 0.0 or wait <= stays[now]:
                break
            time -= np.log(wait) / rate
            if time >= seconds:
                break
            left[position, turn] = time
            now += -1 if side * rate < falls[now] else 1
            for after in range(turn + 1, 3):
                levels[position, after] = now
    return levels, left


@compiled()
def integrate(
    streams: NDArray[np.uint64],
    shots: NDArray[np.int64],
    point: NDArray[np.int64],
    levels: NDArray[np.int64],
    left: NDArray[np.float64],
    late: float,
    span: float,
    factor: NDArray[np.complex128],
    entry: NDArray[np.int64],
    gathered: NDArray[np.complex128],
    field: NDArray[np.complex128],
    ringing: NDArray[np.complex128],
    tails: NDArray[np.complex128],
    spread: float,
    before: NDArray[np.complex128],
) -> NDArray[np.complex128]:
    """Integrated signals of a capture.

    Args:
        streams: Random streams.
        shots: Stream of each shot.
        point: Lane of each shot.
        levels: ``int[shots, 3]``, levels one after the other.
        left: ``float[shots, 2]``, when they are left, s after the start of the measurement; inf = never.
        late: When the measurement starts, s after what the responses count from.
        span: What the responses last, s.
        factor: ``complex[tones, lanes]``, amplitude and phase of each tone; one lane if all have the same.
        entry: The same, which response.
        gathered: Of the responses (`resonator.Response`), one after the other, as are the three that follow.
        field: The same.
        ringing: The same.
        tails: The same.
        spread: Noise of each quadrature.
        before: ``complex[shots]``, demodulated signal of the field that is there at the start; of none no entries.
    """
    out = np.zeros(len(shots), np.complex128)
    samples, apart = field.shape[2], factor.shape[1] > 1
    # most shots stay in their level
    staying = np.zeros((factor.shape[1], field.shape[1]), np.complex128)
    for p in range(factor.shape[1]):
        for tone in range(factor.shape[0]):
            for a in range(field.shape[1]):
                staying[p, a] += factor[tone, p] * gathered[entry[tone, p], a, samples]
    words, g, h = np.empty(_BLOCK, np.uint64), np.zeros(_BLOCK), np.zeros(_BLOCK)
    for start in range(0, len(shots), _BLOCK):
        count = min(_BLOCK, len(shots) - start)
        if spread > 0.0:
            for member in range(count):
                words[member] = streams[shots[start + member]]
            normals(words[:count], g[:count], h[:count])
            for member in range(count):
                streams[shots[start + member]] = words[member]
        for member in range(count):
            position = start + member
            p = point[position] if apart else 0
            a, b, c = levels[position, 0], levels[position, 1], levels[position, 2]
            stays = left[position, 0] + late > span
            if stays and not len(before):
                out[position] = staying[p, a] + spread * (g[member] + 1j * h[member])
                continue
            first, second = (left[position, 0] + late) / span, (left[position, 1] + late) / span
            value = staying[p, a] if stays else 0.0 + 0.0j
            for tone in range(0 if stays else factor.shape[0]):
                e = entry[tone, p]
                one = int(first * samples)
                rest = field[e, a, one] - field[e, b, one] if one < samples else 0.0j
                heard = gathered[e, a, one] + gathered[e, b, samples] - gathered[e, b, one] + rest * tails[e, b, one]
                if second <= 1.0:
                    two = int(second * samples)
                    rest *= ringing[e, b] ** (two - one)
                    heard += gathered[e, b, two] - gathered[e, b, samples] - rest * tails[e, b, two]
                    rest += field[e, b, two] - field[e, c, two] if two < samples else 0.0j
                    heard += gathered[e, c, samples] - gathered[e, c, two] + rest * tails[e, c, two]
                value += factor[tone, p] * heard
            if len(before):
                e = entry[0, p]
                # samples are taken at their middles
                ring = before[position] * np.sqrt(ringing[e, a])
                value += ring * tails[e, a, 0]
                if not stays:
                    one = int(first * samples)
                    ring *= ringing[e, a] ** one
                    value += ring * (tails[e, b, one] - tails[e, a, one])
                if second <= 1.0:
                    two = int(second * samples)
                    value += ring * ringing[e, b] ** (two - one) * (tails[e, c, two] - tails[e, b, two])
            out[position] = value + spread * (g[member] + 1j * h[member])
    return out


@compiled()
def record(
    iq: NDArray[np.complex64],
    bits: NDArray[np.bool_],
    shots: NDArray[np.int64],
    column: int,
    signal: NDArray[np.complex128],
    fresh: bool,
    told: bool,
    angle: float,
    threshold: float,
) -> None:
    """Write signals into a column of ``iq[shots, columns]``, or add them, and tell ``bits`` apart by a line if there is one."""
    cosine, sine = np.cos(angle), np.sin(angle)
    for position in range(len(shots)):
        shot = shots[position]
        value = np.complex64(signal[position])
        if not fresh:
            value += iq[shot, column]
        iq[shot, column] = value
        if told:
            bits[shot, column] = float(value.real) * cosine + float(value.imag) * sine > threshold


@compiled()
def _add_noise(
    streams: NDArray[np.uint64],
    shot: int,
    spread: float,
    words: NDArray[np.uint64],
    g: NDArray[np.float64],
    h: NDArray[np.float64],
    row: NDArray[np.complex64] | NDArray[np.complex128],
) -> None:
    """Add the receiver's noise to a trace, from the stream of a shot; the three arrays, of its length, are written over."""
    ahead(streams[shot], words)
    normals(words, g, h)
    streams[shot] = words[-1]
    for sample in range(len(row)):
        row[sample] += spread * (g[sample] + 1j * h[sample])


@compiled()
def trace(
    streams: NDArray[np.uint64],
    shots: NDArray[np.int64],
    point: NDArray[np.int64],
    levels: NDArray[np.int64],
    left: NDArray[np.float64],
    late: float,
    span: float,
    factor: NDArray[np.complex128],
    entry: NDArray[np.int64],
    field: NDArray[np.complex128],
    ringing: NDArray[np.complex128],
    first: int,
    spread: float,
    before: NDArray[np.complex128],
    out: NDArray[np.complex64] | NDArray[np.complex128],
) -> None:
    """Add demodulated traces of a capture, sample by sample, to ``out[shots, samples]``. Arguments as in `integrate`."""
    samples, apart = field.shape[2], factor.shape[1] > 1
    words, g, h = np.empty(samples - first, np.uint64), np.empty(samples - first), np.empty(samples - first)
    for position in range(len(shots)):
        p = point[position] if apart else 0
        a, b, c = levels[position, 0], levels[position, 1], levels[position, 2]
        moments = (left[position, 0] + late) / span, (left[position, 1] + late) / span
        one = int(moments[0] * samples) if moments[0] <= 1.0 else samples
        two = int(moments[1] * samples) if moments[1] <= 1.0 else samples
        if len(before):
            e, now = entry[0, p], a
            ring = before[position] * np.sqrt(ringing[e, a])
            for sample in range(samples):
                now = b if sample == one else now
                now = c if sample == two else now
                if sample >= first:
                    out[position, sample - first] += ring
                ring *= ringing[e, now]
        for tone in range(factor.shape[0]):
            e = entry[tone, p]
            rest = 0.0 + 0.0j
            now = a
            # until the first jump nothing is left of another level
            for sample in range(first, one):
                out[position, sample - first] += factor[tone, p] * field[e, a, sample]
            for sample in range(one, samples):
                if sample == one:
                    rest = field[e, a, sample] - field[e, b, sample]
                    now = b
                if sample == two:
                    rest += field[e, b, sample] - field[e, c, sample]
                    now = c
                if sample >= first:
                    out[position, sample - first] += factor[tone, p] * (field[e, now, sample] + rest)
                rest *= ringing[e, now]
        if spread > 0.0:
            _add_noise(streams, shots[position], spread, words, g, h, out[position])


@compiled()
def sum_traces(
    streams: NDArray[np.uint64],
    shots: NDArray[np.int64],
    point: NDArray[np.int64],
    levels: NDArray[np.int64],
    left: NDArray[np.float64],
    late: float,
    span: float,
    factor: NDArray[np.complex128],
    entry: NDArray[np.int64],
    field: NDArray[np.complex128],
    ringing: NDArray[np.complex128],
    first: int,
    spread: float,
    before: NDArray[np.complex128],
    home: NDArray[np.int64],
    out: NDArray[np.complex128],
) -> None:
    """Add traces to rows ``home[shots]`` of ``out``. Shots of one row that stay in one level have one trace.

    Noise is drawn for the sum of the shots of a lane, from the stream of the first of them. Arguments as in `trace`.
    """
    samples, points, apart = field.shape[2], 0, factor.shape[1] > 1
    for p in point:
        points = max(points, p + 1)
    weight, glow = np.zeros((points, 3)), np.zeros((points, 3), np.complex128)
    leader, members = np.zeros(points, np.int64), np.zeros(points)
    for position in range(len(shots)):
        p, level, one = point[position], levels[position, 0], slice(position, position + 1)
        if members[p] == 0.0:
            leader[p] = position
        members[p] += 1.0
        if (left[position, 0] + late) / span <= 1.0:
            ring, row = before[one] if len(before) else before, out[home[position] : home[position] + 1]
            args = streams, shots[one], point[one], levels[one], left[one], late, span, factor, entry, field, ringing, first
            trace(*args, 0.0, ring, row)
            continue
        weight[p, level] += 1.0
        if len(before):
            glow[p, level] += before[position]
    words, g, h = np.empty(samples - first, np.uint64), np.empty(samples - first), np.empty(samples - first)
    for p in range(points):
        if members[p] == 0.0:
            continue
        row = out[home[leader[p]]]
        for level in range(3):
            if weight[p, level] == 0.0:
                continue
            for tone in range(factor.shape[0]):
                own = p if apart else 0
                e, strength = entry[tone, own], weight[p, level] * factor[tone, own]
                for sample in range(first, samples):
                    row[sample - first] += strength * field[e, level, sample]
            if glow[p, level] != 0.0:
                fading = ringing[entry[0, p if apart else 0], level]
                ring = glow[p, level] * np.sqrt(fading) * fading**first
                for sample in range(first, samples):
                    row[sample - first] += ring
                    ring *= fading
        if spread > 0.0:
            _add_noise(streams, shots[leader[p]], spread * np.sqrt(members[p]), words, g, h, row)
