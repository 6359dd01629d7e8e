"""Windows of drives on one transmon: many of them at once, of one transmon or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.chip.device import Device
from qpu_emulator.chip.line import Line
from qpu_emulator.windows.basis import Complex, Real, narrow, superoperator, widen
from qpu_emulator.windows.drive import drive
from qpu_emulator.windows.flow import exponential
from qpu_emulator.windows.relaxation import Relaxation
from qpu_emulator.windows.tones import Tone, alike, combine, scaled, starts_alone

_TAU = 2 * np.pi
_NORM = 12.0
"""Of a generator of three levels per unit of its rates, at most."""


Places = NDArray[np.int64]


class Asked(NamedTuple):
    """Windows of drive pulses on one transmon.

    Attributes:
        qubit: Which.
        tones: The plays.
        numbers: ``float[n, tones, 3]``: amplitude, frequency minus the qubit's in Hz, phase relative to the first tone at the
            window's start in rad.
    """

    qubit: int
    tones: tuple[Tone, ...]
    numbers: Real


def solve_drives(
    asked: Sequence[Asked], device: Device, reach: Sequence[Mapping[str, complex]], relaxations: Sequence[Relaxation], levels: int
) -> Real:
    """Solve windows, those whose pulses have steps of the same lengths together.

    Args:
        asked: Which.
        device: The chip.
        reach: Of each transmon: line -> complex Rabi frequency in Hz per unit of amplitude.
        relaxations: Of each transmon.
        levels: 2 or 3.

    Returns:
        ``float[windows, 3, levels**2, levels**2]``, as of `Library.maps`.
    """
    numbers = [(device.transmons[one.qubit].anharmonicity, *relaxations[one.qubit].rates) for one in asked]
    own = np.repeat(numbers, [len(one.numbers) for one in asked], axis=0)
    detuning = -_TAU * np.concatenate([one.numbers[:, 0, 1] for one in asked])
    groups: dict[tuple[bytes, float], list[tuple[Places, Complex, Places, Complex]]] = {}
    first = 0
    for one in asked:
        for rows in alike(one.numbers):
            shapes, repeats, dt, which, factor = _pulses(one.tones, one.numbers[rows], reach[one.qubit], device.lines)
            group = groups.setdefault((repeats.tobytes(), dt), [])
            before = group[-1][2][-1] + 1 if group else 0
            group.append((first + rows, shapes, which + before, factor))
        first += len(one.numbers)
    fastest = max(_NORM * sum(relaxation.rates) for relaxation in relaxations)
    maps = np.empty((len(own), 3, 9, 9))
    for (ticks, dt), parts in groups.items():
        rows, shapes, which, factor = (np.concatenate(part) for part in zip(*parts, strict=True))
        repeats = np.frombuffer(ticks, np.int64)
        maps[rows] = _orders(shapes, repeats, dt, detuning[rows], own[rows], (which, factor), fastest)
    return maps if levels == 3 else np.ascontiguousarray(narrow() @ maps @ widen())


def _pulses(
    tones: tuple[Tone, ...], numbers: Real, reach: Mapping[str, complex], lines: Mapping[str, Line]
) -> tuple[Complex, Places, float, Places, Complex]:
    """Shapes, ticks of their runs, the tick in s, and of each window its shape and times what it is half the Rabi rate."""
    if starts_alone(tones):
        envelope, repeats, strengths = scaled(tones[0], numbers[:, 0], [reach], lines)
        # of all windows one: a sweep of a long pulse would be megabytes
        return envelope[None], repeats, tones[0].dt, np.zeros(len(numbers), np.int64), strengths[:, 0]
    both, repeats, dt = combine(tones, numbers, [reach], lines)
    return both[:, 0], repeats, dt, np.arange(len(numbers)), np.ones(len(numbers), complex)


def _orders(
    shapes: Complex,
    repeats: Places,
    dt: float,
    detuning: Real,
    own: Real,
    sent: tuple[Places, Complex],
    fastest: float,
) -> Real:
    """Value, first and second order in a detuning; ``own`` has anharmonicity and rates of each window's transmon."""
    unitary, slope, lost = drive(shapes, repeats, dt, detuning, _TAU * own[:, 0], own[:, 1:], sent)
    seconds = float(repeats.sum()) * dt
    # from the carrier's frame to the qubit's
    turn = np.exp(1j * np.multiply.outer(detuning * seconds, np.arange(3)))
    flow = superoperator(turn[:, :, None] * unitary, 3, 3)
    lossy = exponential(lost, seconds * fastest)
    slope = _TAU * slope
    bent = slope @ lossy
    return np.stack([flow @ lossy, flow @ bent, flow @ (slope @ bent) / 2], axis=1)
