"""Windows: what one pulse, or several at the same time on the same qubits, does. Solved once per shape and strength, then kept.

Nothing is solved before it is used, neither a window nor the coupler that it is for; windows on two qubits are kept on disk too.

A window's start time and frame phase are not part of its key: they enter as virtual Z before and after,
``U(phi, t0) = Z(-phi') W Z(phi')`` with ``phi' = phi - 2 pi (f - f_qubit) t0`` and ``Z(x) = exp(-i x n)``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.cache import Cache, key, packed, unpacked
from qpu_emulator.chip.device import Device, TunableCoupler
from qpu_emulator.chip.line import IDEAL
from qpu_emulator.readout.responses import Responses
from qpu_emulator.scales import Scales
from qpu_emulator.windows.basis import Complex, Real, fallen, narrow, superoperator
from qpu_emulator.windows.cross_resonance import solve_cross
from qpu_emulator.windows.flow import exponential, product
from qpu_emulator.windows.pair import Pair
from qpu_emulator.windows.polar import nearest_unitary
from qpu_emulator.windows.relaxation import Idle, Relaxation
from qpu_emulator.windows.sectors import solve_sectors
from qpu_emulator.windows.single import Asked, solve_drives
from qpu_emulator.windows.static_pair import StaticPair
from qpu_emulator.windows.toggling import decay, detuning_shares
from qpu_emulator.windows.tones import Tone, alike, combine

_ROOM = 20_000
_FEW = 32
"""So many windows solved at once are worth a file; what is swept further would fill the disk with what nobody asks for again."""
_FEW_FLUX = 4
"""The same of flux pulses alone: solving many of them takes hardly longer than reading them."""

Solved = tuple[Real, Real]
"""Maps, and for pairs the times in s that a detuning acts before and after."""

_NO_SHARES = np.zeros((0, 2, 2))

_Solve = Callable[[Real], Solved]
_Name = tuple[object, ...]
"""What is the same of windows that differ in numbers only."""


@dataclass(slots=True)
class _Shelf:
    """Solved windows of one size; row ``i`` of every array belongs to window ``i``, and never changes.

    Attributes:
        room: Maps of windows, and rows for more of them.
        count: How many windows there are.
        rows: What pulses are called -> numbers of each, as bytes -> its row.
        shares: Of windows on two qubits.
    """

    room: Real
    count: int = 0
    rows: dict[_Name, dict[bytes, int]] = field(default_factory=dict)
    shares: list[Real] = field(default_factory=list)

    def add(self, new: Iterable[tuple[_Name, list[bytes]]], maps: Real, shares: Real) -> None:
        """Keep solved windows; who has the maps of those before may go on to read them."""
        first = self.count
        if first + len(maps) > len(self.room):
            room = np.empty((max(2 * len(self.room), first + len(maps)), *self.room.shape[1:]))
            room[:first] = self.room[:first]
            self.room = room
        self.room[first : first + len(maps)] = maps
        self.shares.extend(shares)
        self.count = first + len(maps)
        for name, numbers in new:
            self.rows.setdefault(name, {}).update(zip(numbers, range(first, self.count), strict=False))
            first += len(numbers)


class Library:
    """All windows solved so far of one device under one set of noise scales.

    Args:
        device: The chip.
        scales: Factors on its relaxation and dephasing.
        cache: Where windows on two qubits are kept on disk; None for nowhere.
    """

    def __init__(self, device: Device, scales: Scales, cache: Cache | None = None) -> None:
        self.device = device = device.scaled(scales.line, scales.crosstalk)
        self.lock = threading.RLock()
        self.relaxations = [Relaxation.of(transmon, scales) for transmon in device.transmons]
        self.reach = [device.reach(qubit) for qubit in range(len(device.transmons))]
        self._zz_scale = scales.zz
        self._cache = cache
        self._pairs: dict[int, Pair | StaticPair] = {}
        self._zz: dict[int, float] = {}
        self.responses = Responses(device.resonators)
        self.named: dict[tuple[object, ...], int] = {}  # windows of single plays, as `Cues` names them
        self.unravelled: dict[int, Any] = {}  # what engines make of the windows of so many qubits
        self.idle = [Idle(device, self.relaxations, levels) for levels in (2, 3)]
        self._shelves: dict[tuple[int, int], _Shelf] = {}

    def pair(self, coupler: int) -> Pair | StaticPair:
        """The Hamiltonian of a coupler and its transmons, solved for their dressed states when first used."""
        if coupler not in self._pairs:
            found = self.device.couplers[coupler]
            solved = Pair(self.device, found) if isinstance(found, TunableCoupler) else StaticPair(self.device, found)
            self._pairs[coupler] = solved
        return self._pairs[coupler]

    def zz(self, coupler: int) -> float:
        """Idle ZZ of a coupler's transmons in Hz, scaled."""
        if coupler not in self._zz:
            self._zz[coupler] = self.pair(coupler).zz() * self._zz_scale if self._zz_scale else 0.0
        return self._zz[coupler]

    def maps(self, qubits: int, levels: int) -> Real:
        """All solved windows of one or two qubits, to be indexed by what `drive` and `flux` return.

        Returns:
            ``float[windows, 3, levels**2, levels**2]`` for one qubit: value, and first and second order in a detuning in Hz;
            ``float[windows, levels**4, levels**4]`` for two.
        """
        with self.lock:
            shelf = self._shelf(qubits, levels)
            return shelf.room[: shelf.count]

    def drive(self, asked: Sequence[Asked], levels: int) -> list[NDArray[np.int32]]:
        """Windows of drive pulses on transmons; all that are new are solved together.

        Args:
            asked: Which.
            levels: 2 or 3.

        Returns:
            ``int[n]`` of each, indices into `maps`.
        """
        names = [((one.qubit, *_shapes(one.tones)), one.numbers) for one in asked]

        def solve(new: list[Real]) -> Solved:
            wanted = [one._replace(numbers=rows) for one, rows in zip(asked, new, strict=True) if len(rows)]
            return solve_drives(wanted, self.device, self.reach, self.relaxations, levels), _NO_SHARES

        return self._find(1, levels, names, solve)

    def cross(self, coupler: int, tones: tuple[Tone, ...], numbers: Real, levels: int) -> NDArray[np.int32]:
        """Windows of drives on both transmons of a static pair.

        Args:
            coupler: Which.
            tones: The plays, the first gives the frame.
            numbers: As of `drive`; frequencies minus that of the pair's first transmon.
            levels: 2 or 3.

        Returns:
            ``int[n]``, indices into `maps`.
        """
        pair = self.pair(coupler)
        assert isinstance(pair, StaticPair)
        first, second = pair.coupler.qubits
        name = ("cross", coupler, *_shapes(tones))

        def solve(new: Real) -> Solved:
            return solve_cross(
                pair,
                tones,
                new,
                levels,
                reach=[self.reach[first], self.reach[second]],
                lines=self.device.lines,
                relaxations=(self.relaxations[first], self.relaxations[second]),
            )

        kept = self._kept(coupler, tones, levels, solve)
        return self._find(2, levels, [(name, numbers)], lambda new: _apart(new[0], kept))[0]

    def shares(self, levels: int, index: NDArray[np.int32] | int) -> Real:
        """Times in s that a detuning acts before and after windows of two qubits, ``float[..., qubit, 2]``."""
        with self.lock:
            shelf = self._shelf(2, levels)
            if isinstance(index, int):
                return shelf.shares[index]
            few, which = np.unique(index, return_inverse=True)
            found = np.array([shelf.shares[number] for number in few.tolist()])
            return found[0] if (found == found[:1]).all() else found[which]

    def flux(self, coupler: int, tone: Tone, amplitudes: Real, levels: int) -> NDArray[np.int32]:
        """Windows of a flux pulse on one coupler.

        Args:
            coupler: Which.
            tone: The play.
            amplitudes: ``float[n]``.
            levels: 2 or 3.

        Returns:
            ``int[n]``, indices into `maps`.
        """
        name = (coupler, tone.waveform.digest, tone.dt)

        # the pulse is all but diagonal: a detuning during it may act with the idle time that follows
        after = np.array([[0.0, tone.waveform.duration * tone.dt]] * 2)

        def solve(new: Real) -> Solved:
            return self._solve_flux(coupler, tone, new, levels), np.broadcast_to(after, (len(new), 2, 2))

        kept = self._kept(coupler, (tone,), levels, solve, _FEW_FLUX)
        return self._find(2, levels, [(name, amplitudes)], lambda new: kept(new[0]))[0]

    def driven_flux(self, coupler: int, tones: tuple[Tone, ...], numbers: Real, levels: int) -> NDArray[np.int32]:
        """Windows of drives on the transmons of a tunable pair that meet a flux pulse on its coupler.

        Args:
            coupler: Which.
            tones: The plays: drives, of which the first gives the frame, and the flux pulse.
            numbers: As of `cross`; the flux pulse has the first drive's frequency, and no phase.
            levels: 2 or 3.

        Returns:
            ``int[n]``, indices into `maps`.
        """
        pair = self.pair(coupler)
        assert isinstance(pair, Pair)
        reach: list[Mapping[str, complex]] = [self.reach[q] for q in pair.coupler.qubits]
        reach.append({tones[-1].port: 1 / np.pi})  # the flux itself, beside both half Rabi rates
        name = ("driven flux", coupler, *_shapes(tones))

        def solve(new: Real) -> Solved:
            both, repeats, dt = combine(tones, new, reach, self.device.lines)
            carrier = pair.frequencies[0] + new[:, 0, 1]
            final, noted = pair.driven(both[:, :2], pair.frequency(both[:, 2].real), repeats, dt, carrier)
            seconds, kept = float(repeats.sum()) * dt, _pair_states(levels)
            maps, toggling = self._pair_maps(coupler, final, noted, seconds, levels)
            return maps, detuning_shares(toggling, nearest_unitary(final[:, kept][..., kept]), seconds, levels)

        kept = self._kept(coupler, tones, levels, solve)
        return self._find(2, levels, [(name, numbers)], lambda new: _apart(new[0], kept))[0]

    def _kept(self, coupler: int, tones: tuple[Tone, ...], levels: int, solve: _Solve, few: int = _FEW) -> _Solve:
        """The same solver, with a look on the disk first."""
        disk = self._cache
        if disk is None:
            return solve
        qubits = self.device.couplers[coupler].qubits
        enters = [
            self.device.couplers[coupler],
            [self.device.transmons[qubit] for qubit in qubits],
            [self.relaxations[qubit].rates for qubit in qubits],
            [self.reach[qubit] for qubit in qubits],
            [(t.waveform.digest, t.dt, t.offset, t.port, self.device.lines.get(t.port)) for t in tones],
            levels,
        ]

        def find(new: Real) -> Solved:
            if len(new) > few:
                return solve(new)
            name = key(*enters, new)
            text = disk.find(name)
            if text is not None:
                maps, shares = unpacked(text)
                return maps, shares
            solved = solve(new)
            disk.keep(name, packed(*solved))
            return solved

        return find

    def _shelf(self, qubits: int, levels: int) -> _Shelf:
        if (qubits, levels) not in self._shelves:
            size = levels ** (2 * qubits)
            self._shelves[qubits, levels] = _Shelf(np.empty((0, 3, size, size) if qubits == 1 else (0, size, size)))
        return self._shelves[qubits, levels]

    def trim(self) -> None:
        """Forget everything if a long sweep has filled the shelves; call between runs only."""
        if any(shelf.count > _ROOM for shelf in self._shelves.values()):
            self._shelves.clear()
            self.named.clear()
            self.unravelled.clear()

    def _find(
        self, qubits: int, levels: int, asked: Sequence[tuple[_Name, Real]], solve: Callable[[list[Real]], Solved]
    ) -> list[NDArray[np.int32]]:
        """Indices of windows, of which those that are new are solved: their numbers, of each that is asked for."""
        unlike = [_unlike(numbers) for _, numbers in asked]
        with self.lock:
            shelf = self._shelf(qubits, levels)
            new: dict[_Name, dict[bytes, None]] = {}
            added, wanted = [], []
            for (name, _), (own, rows, _) in zip(asked, unlike, strict=True):
                known, asked_before = shelf.rows.get(name, {}), new.setdefault(name, {})
                places = [place for place, key in enumerate(own) if key not in known and key not in asked_before]
                fresh = [own[place] for place in places]
                asked_before.update(dict.fromkeys(fresh))
                added.append((name, fresh))
                wanted.append(rows[places])
            if any(new.values()):
                shelf.add(added, *solve(wanted))
            rows_of = [shelf.rows.get(name, {}) for name, _ in asked]
            found = [np.array([known[key] for key in own], np.int32) for known, (own, _, _) in zip(rows_of, unlike, strict=True)]
        return [index[which] for index, (_, _, which) in zip(found, unlike, strict=True)]

    def _solve_flux(self, coupler: int, tone: Tone, amplitudes: Real, levels: int) -> Real:
        pair = self.pair(coupler)
        assert isinstance(pair, Pair)
        arrived, repeats = self.device.lines.get(tone.port, IDEAL).respond(tone.waveform, tone.dt)
        envelope = np.multiply.outer(amplitudes, arrived.real)
        final, noted = pair.propagate(pair.frequency(envelope), repeats, tone.dt)
        kept, (first, second) = _pair_states(levels), pair.coupler.qubits
        kraus = final[:, None, :, kept]
        if levels == 2:
            kraus = np.stack([np.kron(one, other) for one in fallen() for other in fallen()]) @ kraus
        toggling = nearest_unitary(noted[:, :, kept][..., kept])
        relaxations = (self.relaxations[first], self.relaxations[second])
        return solve_sectors(kraus, toggling, relaxations, float(repeats.sum()) * tone.dt, levels)

    def _pair_maps(self, coupler: int, final: Complex, noted: Complex, seconds: float, levels: int) -> tuple[Real, Complex]:
        """Maps of a tunable pair's driven propagators, and the frame that they turn."""
        kept = _pair_states(levels)
        flow = superoperator(np.ascontiguousarray(final[:, :, kept]), levels, 3, systems=2)
        flow = _keep_trace(flow, levels)
        if levels == 2:
            flow = np.kron(narrow(), narrow()) @ flow
        toggling = nearest_unitary(noted[:, :, kept][..., kept])
        first, second = self.pair(coupler).coupler.qubits
        lost = decay(toggling, (self.relaxations[first], self.relaxations[second]), seconds, levels)
        return np.ascontiguousarray(product(flow, exponential(lost))), toggling


def _shapes(tones: tuple[Tone, ...]) -> list[tuple[object, ...]]:
    return [(tone.waveform.digest, tone.dt, tone.offset, tone.port) for tone in tones]


def _unlike(numbers: Real) -> tuple[list[bytes], Real, NDArray[np.int64]]:
    """Rows that differ, as bytes and as numbers, and for each row which of them it is."""
    size, text = numbers[:1].nbytes, numbers.tobytes()
    places: dict[bytes, int] = {}
    which = [places.setdefault(text[start : start + size], len(places)) for start in range(0, len(text), max(1, size))]
    if len(places) == len(numbers):
        return list(places), numbers, np.arange(len(numbers))
    rows = np.frombuffer(b"".join(places), numbers.dtype).reshape(-1, *numbers.shape[1:])
    return list(places), rows, np.array(which, np.int64)


def _pair_states(levels: int) -> list[int]:
    """Places of the kept states among those of two transmons of three levels."""
    return [3 * a + b for a in range(levels) for b in range(levels)]


def _apart(numbers: Real, solve: _Solve) -> Solved:
    """Solve windows apart in which other tones beat."""
    groups = alike(numbers)
    if len(groups) == 1:
        return solve(numbers)
    maps, shares = zip(*(solve(numbers[rows]) for rows in groups), strict=True)
    place = np.argsort(np.concatenate(groups))
    return np.concatenate(maps)[place], np.concatenate(shares)[place]


def _keep_trace(flow: Real, levels: int) -> Real:
    """Return what was lost in the coupler to the joint ground state."""
    flow[:, 0, :] += _trace(levels) - _trace(3) @ flow
    return flow


@cache
def _trace(levels: int) -> Real:
    """Of two transmons, as a row on real vectors."""
    diagonal = (np.arange(levels**2) < levels).astype(float)
    return np.kron(diagonal, diagonal)
