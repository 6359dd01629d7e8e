"""Straight blocks: from actions in time to steps of an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import NONE, Straight
from qpu_emulator.engines.engine import IDLE, ONE, TWO, Engine, Plan
from qpu_emulator.jit import compiled
from qpu_emulator.noise import Spectrum, advance
from qpu_emulator.readout.field import Tones
from qpu_emulator.readout.measurement import Receiver
from qpu_emulator.score.cues import Cues, Found, Windows
from qpu_emulator.score.due import Due, Light, due
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.passing import Passing
from qpu_emulator.score.program import Program, Score
from qpu_emulator.score.timeline import END, Timeline
from qpu_emulator.score.values import Number, Values
from qpu_emulator.windows.library import Library

_TAU = 2 * np.pi
_AT_A_TIME = 512
"""Lanes whose numbers are written out together: those of more would not stay in the second-level cache."""


class Stage:
    """Plays straight blocks of one program on lanes of a run.

    Args:
        program: What to play.
        library: Windows of the device.
        spectrum: Slow noise.
        values: Numbers of every point.
        lanes: Where to play it.
        receiver: What measures.
        engine: Holds the states.
        passing: Tones in resonators of qubits that they do not read.
    """

    def __init__(
        self,
        program: Program,
        library: Library,
        spectrum: Spectrum,
        values: Values,
        lanes: Lanes,
        receiver: Receiver,
        engine: Engine,
        passing: Passing,
    ) -> None:
        self._program = program
        self._library = library
        self._spectrum = spectrum
        self._values = values
        self._lanes = lanes
        self._receiver = receiver
        self._engine = engine
        self._passing = passing
        self._tick = program.tick
        # of each qubit: its cluster, its place there, how many levels it has
        places = {q: (number, place) for number, cluster in enumerate(program.clusters) for place, q in enumerate(cluster)}
        self._home, self._place = (np.array([places[qubit][k] for qubit in program.qubits], np.int64) for k in (0, 1))
        self._levels: list[int] = [engine.levels[number] for number in self._home.tolist()]
        self._pairs = np.array(list(program.pairs.values()), np.int64).reshape(-1, 2)
        self._zz = np.array([library.zz(pair) for pair in program.pairs])
        self._cues = Cues(program, library, values, lanes)

    def play(self, block: Straight, chosen: Index) -> Index:
        """Play a block; returns the lanes that its shots are in afterwards (a measurement on the way splits lanes)."""
        score = self._program.scores[block]
        line = Timeline(len(self._home), self._pairs, self._zz)
        begun = _shared(self._lanes.time[chosen])
        first = 0
        for between in score.between:
            self._act(score, slice(first, between + 1), line, chosen, begun, self._passing.through(block, chosen))
            chosen = self._receiver.split(score.actions[between], chosen)
            begun = _shared(self._lanes.time[chosen])
            first = between + 1
        stretch = None
        if score.stretch != NONE:
            stretch = np.rint(self._values.points[self._lanes.point[chosen], score.stretch]).astype(np.int64)
        self._act(score, slice(first, None), line, chosen, begun, self._passing.through(block, chosen), stretch)
        if score.final:
            self._receiver.sample([score.actions[number] for number in score.final], chosen)
        self._lanes.time[chosen] += score.duration if stretch is None else score.duration + stretch
        return chosen

    def _act(
        self,
        score: Score,
        part: slice,
        line: Timeline,
        chosen: Index,
        begun: Number,
        tones: Mapping[int, Tones],
        stretch: Index | None = None,
    ) -> None:
        """Play some actions of a block, perhaps to its end, of which the rows may have more or less than its duration."""
        laid, ticks = score.laid[part], score.ticks[part]
        more = None if stretch is None else np.asarray(stretch * self._tick, np.float64)
        # of each action two, of the end one for each qubit
        rows = 1 + 2 * len(laid) + len(self._home)
        light = self._light(score, part, chosen, begun * self._tick, rows, more, tones)
        found = self._cues.windows(score, part, self._levels, chosen, begun, {} if light is None else light.shifts)
        shares = self._shares(laid, found, rows, len(chosen))
        steps = line.lay(laid, ticks, self._tick, shares[1], stretched=more is not None)
        turns, column = self._cues.turns(score, part, chosen, begun, rows)
        if light is not None or more is not None or shares.shape[2] > 1:
            # what else is due differs from lane to lane
            turns, column = turns[:, column], np.arange(len(chosen))
        owed = due(*steps, len(self._home), turns, shares, light, more)
        self._play_steps(owed, found, column, chosen)

    def _play_steps(self, owed: Due, found: Windows, column: Index, chosen: Index) -> None:
        """Hand steps to the engine, some lanes at a time; ``column`` is that of each lane in what is owed."""
        if not len(owed.plan):
            return
        waits = self._idle_times(owed)
        for start in range(0, len(chosen), _AT_A_TIME):
            few = slice(start, min(start + _AT_A_TIME, len(chosen)))
            self._evolve(owed, _of_lanes(found.found, few)[found.which], _of_lanes(waits, few), column, few, chosen[few])

    def _idle_times(self, owed: Due) -> list[Found]:
        """Entries of the idle times between windows."""
        qubits, entries, wide = self._program.qubits, [], owed.waits.shape[1] > 2
        for row, (position, seconds) in enumerate(owed.waits[:, :2].tolist()):
            place = int(position)
            find, time = self._library.idle[self._levels[place] - 2].find, owed.waits[row, 1:] if wide else seconds
            faded = owed.faded[row] if owed.faded.shape[1] and owed.faded[row].any() else 0.0
            entries.append(find(qubits[place], time, faded))
        return entries

    def _light(
        self,
        score: Score,
        part: slice,
        chosen: Index,
        origin: Number,
        rows: int,
        more: NDArray[np.float64] | None,
        tones: Mapping[int, Tones],
    ) -> Light | None:
        """What photons in resonators do to the qubits; None if there are none.

        A flux pulse only turns phases: what photons do in its time is due with the idle time after it.
        """
        glow, qubits = self._lanes.glow, self._program.qubits
        if not glow.places:
            return None
        flux, moments = score.flux[part], np.asarray(score.ticks[part] * self._tick, np.float64)
        if not any(glow.shines(qubit, chosen, tones.get(qubit), origin + moments.max()) for qubit in glow.places):
            return None
        light = Light(np.zeros((2, rows, len(chosen))), np.zeros((2, rows, len(chosen))), {})
        # what is measured for good is sampled when the block is over, with the field of its own moment
        measured = {int(score.laid[number, 1]) for number in score.final}
        for number, (kind, *places, _) in enumerate(score.laid[part].tolist()):
            places = list(range(len(qubits))) if kind == END else places[: 2 if kind == TWO else 1]
            start, stop = (np.broadcast_to(origin + moment, len(chosen)) for moment in moments[number])
            start = start + more if kind == END and more is not None else start
            for place, position in enumerate(places):
                qubit, row = qubits[position], 2 * number + 1 + place
                passing = tones.get(qubit)
                if (kind == END and position in measured) or not glow.shines(qubit, chosen, passing, np.maximum(start, stop)):
                    continue
                light.faded[0, row], light.turned[0, row] = glow.elapse(qubit, chosen, start, passing)
                if kind not in (ONE, TWO) or flux[number]:
                    continue
                stirring = glow.stir(qubit, chosen, start, stop, passing)
                light.faded[0, row] += stirring.before[0]
                light.faded[1, row], light.turned[1, row] = stirring.after
                if kind == TWO or stirring.shift is None:
                    light.turned[0, row] += stirring.before[1]
                else:
                    # the window is that of the shifted transmon, and leaves it in its frame
                    light.turned[1, row] = _TAU * stirring.shift * (stop - start)
                    light.shifts[number] = stirring.shift
        return light

    def _shares(self, laid: Index, found: Windows, rows: int, width: int) -> NDArray[np.float64]:
        """Times in s that a slow detuning acts before and after windows on two qubits, ``float[2, rows, lanes]``.

        Inside a window on one qubit it acts at the moment at which it does.
        """
        pairs = (laid[:, 0] == TWO).nonzero()[0]
        if not len(pairs):
            return np.zeros((2, rows, 1))
        kinds, firsts = np.unique(found.which[pairs], return_index=True)
        shares = [
            self._library.shares(self._levels[laid[row, 1]], found.found[kind])
            for kind, row in zip(kinds.tolist(), pairs[firsts].tolist(), strict=True)
        ]
        wide = any(share.ndim > 2 for share in shares)
        table = np.zeros((2, rows, width if wide else 1))
        for kind, share in zip(kinds.tolist(), shares, strict=True):
            own = 1 + 2 * pairs[found.which[pairs] == kind]
            # side, qubit and lanes
            sides = share.T.reshape(2, 2, -1)
            table[:, own], table[:, own + 1] = sides[:, :1], sides[:, 1:]
        return table

    def _evolve(
        self, owed: Due, found: NDArray[np.int32], waits: NDArray[np.int32], column: Index, few: slice, chosen: Index
    ) -> None:
        """Play steps on the clusters that they are of."""
        noisy = owed.noisy if owed.noisy.shape[1] == 1 else np.ascontiguousarray(owed.noisy[:, few])
        shift = self._detune(owed.drifting, noisy, chosen)
        home = self._home[owed.plan[:, 1]]
        # those of each cluster, one list after the other
        order = home.argsort(kind="stable")
        edges = np.searchsorted(home[order], np.arange(len(self._program.clusters) + 1)).tolist()
        shift = shift[order]
        steps, index, turn = _fill(order, owed.plan, owed.wait, self._place, found, waits, owed.angle, column[few], noisy, shift)
        time = np.broadcast_to(noisy[order], shift.shape)
        for number, (first, last) in enumerate(pairwise(edges)):
            if first < last:
                own = slice(first, last)
                self._engine.evolve(number, chosen, Plan(steps[own], index[own], turn[own], time[own], shift[own]))

    def _detune(self, qubit: Index, noisy: NDArray[np.float64], chosen: Index) -> NDArray[np.float64]:
        """Mean detuning in Hz of each step in each lane."""
        if self._spectrum.silent or not self._engine.draws_noise:
            return np.zeros((len(noisy), len(chosen)))
        spectrum = self._spectrum
        noise = spectrum.moving, spectrum.times, self._engine.noise_grain
        return advance(self._lanes.detuning, self._lanes.draws, chosen, qubit, noisy, *noise)


@compiled()
def _fill(
    order: NDArray[np.int64],
    plan: NDArray[np.int64],
    wait: NDArray[np.int64],
    position: NDArray[np.int64],
    found: NDArray[np.int32],
    waits: NDArray[np.int32],
    angle: NDArray[np.float64],
    column: NDArray[np.int64],
    noisy: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Numbers of a `Plan` in every lane, what a detuning turns in idle times included: its steps, index and angle.

    Args:
        order: ``int[steps]``, in which they are wanted.
        plan: As of `Due`.
        wait: The same.
        position: ``int[qubits]``, of each qubit within its cluster.
        found: ``int[actions, lanes or 1]``, windows.
        waits: ``int[waits, lanes or 1]``, entries of idle times.
        angle: ``float[all steps, columns]``.
        column: ``int[lanes]``, of each lane.
        noisy: ``float[all steps, lanes or 1]``.
        shift: ``float[steps, lanes]``, mean detuning in Hz, in that order.
    """
    shape = shift.shape
    steps, index, turn = np.empty((len(order), 3), np.int32), np.zeros(shape, np.int32), np.empty(shape)
    for place in range(len(order)):
        step = order[place]
        kind, action = plan[step, 0], plan[step, 3]
        steps[place, 0], steps[place, 1], steps[place, 2] = kind, position[plan[step, 1]], position[plan[step, 2]]
        for lane in range(shape[1]):
            turn[place, lane] = angle[step, column[lane]]
            if kind == IDLE:
                index[place, lane] = waits[wait[step], lane if waits.shape[1] > 1 else 0]
                turn[place, lane] += _TAU * shift[place, lane] * noisy[step, lane if noisy.shape[1] > 1 else 0]
            elif action >= 0:
                index[place, lane] = found[action, lane if found.shape[1] > 1 else 0]
    return steps, index, turn


def _shared(ticks: NDArray[np.int64]) -> Number:
    """One number, if all lanes have the same."""
    return float(ticks[0]) if len(ticks) and (ticks == ticks[0]).all() else ticks.astype(np.float64)


def _of_lanes(found: Sequence[Found], lanes: slice) -> NDArray[np.int32]:
    """A row for each window, of some lanes; one number where all windows are the same in all lanes."""
    if set(map(type, found)) <= {int}:
        return np.array(found, np.int32).reshape(-1, 1)
    width = lanes.stop - lanes.start
    return np.array([np.full(width, one) if isinstance(one, int) else one[lanes] for one in found], np.int32)
