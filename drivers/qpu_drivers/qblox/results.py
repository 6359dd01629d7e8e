"""From bins to the arrays of a chunk. Pure.

A capture's value is ``factor * conj(S) * exp(-i rotation)`` (`program.Site`): the conjugation, the kernel's constant phase and
the phase of the capture, which may be another one in each row. Where captures share a column, the last that was executed counts;
what nobody wrote is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import Discriminator, Schedule
from qpu_drivers.qblox.acquired import Acquired
from qpu_drivers.qblox.program import Program, Site


def arrays(schedule: Schedule, program: Program, acquired: Acquired) -> dict[str, NDArray[Any]]:
    """Arrays of the rows that a program played, without traces.

    Args:
        schedule: The template.
        program: What was played, of shape ``(rows, *linear axes, shots)``.
        acquired: What came of it.

    Returns:
        ``bits``, ``iq`` and ``mean`` as `driver.Chunk` wants them, as far as the schedule has such columns.
    """
    sites = {column: [site for site in program.sites if site.column == column] for column in range(len(schedule.columns))}
    found: dict[str, NDArray[Any]] = {}
    if columns := schedule.columns_returning("bits"):
        found["bits"] = np.stack([_bit(schedule, program, acquired, column, sites[column]) for column in columns], -1)
    if columns := schedule.columns_returning("iq"):
        found["iq"] = np.stack([_value(program, acquired, sites[column])[0] for column in columns], -1).astype(np.complex64)
    if columns := schedule.columns_returning("mean"):
        found["mean"] = np.stack([_mean(program, acquired, sites[column]) for column in columns], -1).astype(np.complex64)
    return found


def check_complete(program: Program, acquired: Acquired, events: frozenset[int]) -> None:
    """Hold bins against what must be in them: nobody must take an acquisition that was lost for a 0.

    Args:
        program: What was played.
        acquired: What came of it.
        events: Captures that are made once in each shot.

    Raises:
        DriverFault: If a bin holds more or fewer acquisitions than were made.
    """
    for site in program.sites:
        if site.event in events:
            shape, wanted = (program.shape, 1) if site.strides[-1] else ((*program.shape[:-1], 1), program.shape[-1])
            counts = acquired.bins[site.place, site.acquisition].counts[site.bins(shape)]
            if wrong := int((counts != wanted).sum()):
                raise DriverFault(
                    f"a bin of this capture must hold {wanted} acquisitions",
                    given=f"{int(counts[counts != wanted][0])} in the first of {wrong} wrong bins of {counts.size}",
                    where=f"slot {site.place[0]} sequencer {site.place[1]}, acquisition {site.acquisition}",
                    remedy="Has something else reset or played on this cluster? Then restart the driver.",
                )


def values(program: Program, acquired: Acquired, site: Site) -> tuple[NDArray[np.complex128], NDArray[np.int64]]:
    """What a capture gave, and how many acquisitions that is the mean of.

    Returns:
        ``complex128[rows, *axes, shots]`` and ``int64`` of the same shape; the axis of shots has length 1 where a bin holds all.
    """
    shape = program.shape if site.strides[-1] else (*program.shape[:-1], 1)
    bins, found = site.bins(shape), acquired.bins[site.place, site.acquisition]
    turn = np.exp(-1j * np.broadcast_to(np.asarray(site.rotation, np.float64), shape[:-1]))
    return site.factor * np.conj(found.sums[bins]) * turn[..., None], found.counts[bins]


def hardware_bits(program: Program, acquired: Acquired, site: Site, line: Discriminator) -> NDArray[np.bool_] | None:
    """Bits that the sequencer itself told, where its line is the column's: then they are those that branches read.

    With ``u = S exp(i angle')`` the sequencer tells ``Re u > threshold'``; the column wants ``Re(v exp(-i angle)) > threshold``
    of the value ``v``, and that is ``Re(conj(factor) S exp(i (rotation + angle)))``. They agree if one is the other times a
    positive number.

    Returns:
        ``bool[rows, *axes, shots]``, or None where its line is another one, or it averages.
    """
    (settings,) = (one.settings for one in program.sequencers if one.place == site.place)
    if settings.discriminator is None or (program.shape[-1] > 1 and not site.strides[-1]):
        return None
    angles = np.asarray(site.rotation, np.float64) + line.angle - settings.discriminator.angle
    scale = np.conj(site.factor) * np.exp(1j * angles)
    same = np.allclose(scale, abs(site.factor), atol=1e-6 * abs(site.factor)) and np.isclose(
        line.threshold, abs(site.factor) * settings.discriminator.threshold, rtol=1e-6, atol=1e-9
    )
    if not same:
        return None
    return np.asarray(acquired.bins[site.place, site.acquisition].ones[site.bins(program.shape)] > 0.5)


def _bit(schedule: Schedule, program: Program, acquired: Acquired, column: int, sites: Sequence[Site]) -> NDArray[np.bool_]:
    line = schedule.columns[column].discriminator
    bits = np.zeros(program.shape, bool)
    if line is None:
        return bits
    for site in sites:
        value, count = values(program, acquired, site)
        told = hardware_bits(program, acquired, site, line)
        one = (value * np.exp(-1j * line.angle)).real > line.threshold if told is None else told
        bits = np.where(count > 0, one, bits)
    return bits


def _value(program: Program, acquired: Acquired, sites: Sequence[Site]) -> tuple[NDArray[np.complex128], NDArray[np.int64]]:
    """The last value written into a column, and how many there are, of each shot or, where all sites average, of all shots."""
    shape = (*program.shape[:-1], 1) if sites and not any(site.strides[-1] for site in sites) else program.shape
    value, count = np.zeros(shape, np.complex128), np.zeros(shape, np.int64)
    for site in sites:
        now, there = values(program, acquired, site)
        value, count = np.where(there > 0, now, value), np.where(there > 0, there, count)
    return value, count


def _mean(program: Program, acquired: Acquired, sites: Sequence[Site]) -> NDArray[np.complex128]:
    """Mean over all shots; those in which nothing was captured count as 0."""
    value, count = _value(program, acquired, sites)
    return np.asarray((value * count).sum(-1) / program.shape[-1])
