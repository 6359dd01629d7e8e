"""Traces: what a capture records sample by sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.readout.levels import Levels, Moments
from qpu_emulator.stream import ahead, normals


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
    levels: Levels,
    left: Moments,
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
    """Add demodulated traces of a capture, sample by sample, to ``out[shots, samples]``.

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
        field: Of the responses (`resonator.Response`), one after the other.
        ringing: The same.
        first: The same.
        spread: Noise of each quadrature of a sample.
        before: ``complex[shots]``, demodulated signal of the field that is there at the start; of none no entries.
        out: Changed.
    """
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
    levels: Levels,
    left: Moments,
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

    Where lanes have numbers of their own, those of one lane do; all shots of a lane are of one row. Noise is drawn for the sum of
    the shots of a lane, from the stream of the first of them. Arguments as in `trace`.
    """
    samples, lanes, units, apart = field.shape[2], 0, 0, factor.shape[1] > 1
    alike = point if apart else home
    for position in range(len(shots)):
        lanes, units = max(lanes, point[position] + 1), max(units, alike[position] + 1)
    weight, glow = np.zeros((units, 3)), np.zeros((units, 3), np.complex128)
    row_of, leader, members = np.zeros(units, np.int64), np.zeros(lanes, np.int64), np.zeros(lanes)
    for position in range(len(shots)):
        p, unit, level, one = point[position], alike[position], levels[position, 0], slice(position, position + 1)
        if members[p] == 0.0:
            leader[p] = position
        members[p] += 1.0
        if (left[position, 0] + late) / span <= 1.0:
            ring, row = before[one] if len(before) else before, out[home[position] : home[position] + 1]
            args = streams, shots[one], point[one], levels[one], left[one], late, span, factor, entry, field, ringing, first
            trace(*args, 0.0, ring, row)
            continue
        row_of[unit] = home[position]
        weight[unit, level] += 1.0
        if len(before):
            glow[unit, level] += before[position]
    for unit in range(units):
        row, own = out[row_of[unit]], unit if apart else 0
        for level in range(3):
            if weight[unit, level] == 0.0:
                continue
            for tone in range(factor.shape[0]):
                e, strength = entry[tone, own], weight[unit, level] * factor[tone, own]
                for sample in range(first, samples):
                    row[sample - first] += strength * field[e, level, sample]
            if glow[unit, level] != 0.0:
                fading = ringing[entry[0, own], level]
                ring = glow[unit, level] * np.sqrt(fading) * fading**first
                for sample in range(first, samples):
                    row[sample - first] += ring
                    ring *= fading
    words, g, h = np.empty(samples - first, np.uint64), np.empty(samples - first), np.empty(samples - first)
    for p in range(lanes):
        if members[p] > 0.0 and spread > 0.0:
            row = out[home[leader[p]]]
            _add_noise(streams, shots[leader[p]], spread * np.sqrt(members[p]), words, g, h, row)
