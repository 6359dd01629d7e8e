"""Straight blocks: from actions in time to steps of an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import NONE, Straight
from qpu_emulator.engines.engine import IDLE, ONE, TWO, Engine, Plan
from qpu_emulator.jit import compiled
from qpu_emulator.noise import Spectrum, advance
from qpu_emulator.readout.field import Tones
from qpu_emulator.readout.measurement import Receiver
from qpu_emulator.score.actions import Action
from qpu_emulator.score.cues import Cues, Found
from qpu_emulator.score.due import Due, Light, due
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.passing import Passing
from qpu_emulator.score.program import Program, Score
from qpu_emulator.score.timeline import BETWEEN, END, FINAL, Steps, Timeline
from qpu_emulator.score.values import Number, Values
from qpu_emulator.windows.library import Library

_TAU = 2 * np.pi
_ENDS = np.array([[END, NONE, NONE, NONE]])
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
        self._tick = float(program.schedule.clock.dt)
        # of each qubit: its cluster, its place there, how many levels it has
        places = {q: (number, place) for number, cluster in enumerate(program.clusters) for place, q in enumerate(cluster)}
        self._home, self._place = np.array([places[qubit] for qubit in program.qubits], np.int64).reshape(-1, 2).T
        self._levels: list[int] = [engine.levels[number] for number in self._home.tolist()]
        self._pairs = np.array(list(program.pairs.values()), np.int64).reshape(-1, 2)
        self._zz = np.array([library.zz(pair) for pair in program.pairs])
        self._idle: dict[tuple[int, float], int] = {}
        self._cues = Cues(program, library, values, lanes)

    def play(self, block: Straight, chosen: Index) -> Index:
        """Play a block; returns the lanes that its shots are in afterwards (a measurement on the way splits lanes)."""
        score = self._program.scores[block]
        line = Timeline(len(self._home), self._pairs, self._zz)
        begun = _shared(self._lanes.time[chosen])
        first = 0
        for between in np.flatnonzero(score.laid[:, 0] == BETWEEN).tolist():
            self._act(score, slice(first, between + 1), line, chosen, begun, tones=self._passing.through(block, chosen))
            chosen = self._receiver.split(score.actions[between], chosen)
            begun = _shared(self._lanes.time[chosen])
            first = between + 1
        stretch = None
        if score.stretch != NONE:
            stretch = np.rint(self._values.points[self._lanes.point[chosen], score.stretch]).astype(np.int64)
        tones = self._passing.through(block, chosen)
        self._act(score, slice(first, None), line, chosen, begun, tones=tones, ends=True, stretch=stretch)
        final = [score.actions[number] for number in np.flatnonzero(score.laid[:, 0] == FINAL).tolist()]
        if final:
            self._receiver.sample(final, chosen)
        self._lanes.time[chosen] += score.duration if stretch is None else score.duration + stretch
        return chosen

    def _act(
        self,
        score: Score,
        part: slice,
        line: Timeline,
        chosen: Index,
        begun: Number,
        *,
        tones: Mapping[int, Tones],
        ends: bool = False,
        stretch: Index | None = None,
    ) -> None:
        """Play some actions of a block, perhaps to its end, of which the rows may have more or less than its duration."""
        actions, laid, moments = score.actions[part], score.laid[part], np.asarray(score.ticks[part] * self._tick, np.float64)
        if ends:
            end = score.duration * self._tick
            laid, moments = np.concatenate([laid, _ENDS]), np.concatenate([moments, [[end, end]]])
        more = None if stretch is None else np.asarray(stretch * self._tick, np.float64)
        rows = 1 + 2 * len(actions) + len(self._home)
        light = self._light(score, actions, laid, moments, chosen, begun * self._tick, rows, more, tones)
        found = self._windows(actions, laid, chosen, begun, {} if light is None else light.shifts)
        before, after = self._shares(laid, found, rows, len(chosen))
        steps = line.lay(laid, moments, (after != after[:, :1]).any(axis=1), stretched=more is not None)
        line.settle(after[:, 0])
        turns = self._cues.turns(score, part, chosen, begun, rows)
        owed = due(steps, turns, before, after, light, more)
        self._play_steps(steps, owed, found, chosen)

    def _windows(
        self, actions: Sequence[Action], laid: Index, chosen: Index, begun: Number, shifts: Mapping[int, NDArray[np.float64]]
    ) -> list[Found]:
        """Windows of actions, NONE for those that are measurements; ``shifts`` as of `Light`."""
        plays = [(number, first) for number, (kind, first, _, _) in enumerate(laid.tolist()) if kind in (ONE, TWO)]
        played, levels = [actions[number] for number, _ in plays], [self._levels[first] for _, first in plays]
        shifted = {place: shifts[number] for place, (number, _) in enumerate(plays) if number in shifts}
        found: list[Found] = [NONE] * len(actions)
        for (number, _), one in zip(plays, self._cues.windows(played, levels, chosen, begun, shifted), strict=True):
            found[number] = one
        return found

    def _play_steps(self, steps: Steps, owed: Due, found: Sequence[Found], chosen: Index) -> None:
        """Hand steps to the engine, some lanes at a time; those in which nothing happens are left out."""
        kept = (~owed.nothing(steps)).nonzero()[0]
        if not len(kept):
            return
        plan, angle, noisy = steps.plan[kept], owed.angle[kept], owed.noisy[kept]
        windows = [
            self._waited(first, owed.seconds[row], None if owed.faded is None else owed.faded[row])
            if kind == IDLE
            else found[action]
            if action >= 0
            else 0
            for row, (kind, first, _), action in zip(kept.tolist(), plan.tolist(), steps.action[kept].tolist(), strict=True)
        ]
        for start in range(0, len(chosen), _AT_A_TIME):
            few = slice(start, min(start + _AT_A_TIME, len(chosen)))
            self._evolve(plan, _spread(windows, few), _wide(angle, few), _wide(noisy, few), chosen[few])

    def _light(
        self,
        score: Score,
        actions: Sequence[Action],
        laid: Index,
        moments: NDArray[np.float64],
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
        if not any(glow.shines(qubit, chosen, tones.get(qubit), origin + moments.max()) for qubit in glow.places):
            return None
        light = Light(np.zeros((2, rows, len(chosen))), np.zeros((2, rows, len(chosen))), {})
        # what is measured for good is sampled when the block is over, with the field of its own moment
        measured = set(score.laid[score.laid[:, 0] == FINAL, 1].tolist())
        for number, (kind, *places, _) in enumerate(laid.tolist()):
            places = list(range(len(qubits))) if kind == END else places[: 2 if kind == TWO else 1]
            start, stop = (np.broadcast_to(origin + moment, len(chosen)) for moment in moments[number])
            start = start + more if kind == END and more is not None else start
            for place, position in enumerate(places):
                qubit, row = qubits[position], 2 * number + 1 + place
                passing = tones.get(qubit)
                if (kind == END and position in measured) or not glow.shines(qubit, chosen, passing, np.maximum(start, stop)):
                    continue
                light.faded[0, row], light.turned[0, row] = glow.elapse(qubit, chosen, start, passing)
                if kind not in (ONE, TWO) or actions[number].kind == "flux":
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

    def _shares(self, laid: Index, found: list[Found], rows: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times in s that a slow detuning acts before and after windows on two qubits, ``float[rows, lanes]``.

        Inside a window on one qubit it acts at the moment at which it does.
        """
        pairs = np.flatnonzero(laid[:, 0] == TWO).tolist()
        shares = {row: self._library.shares(self._levels[laid[row, 1]], found[row]) for row in pairs}
        wide = any(share.ndim > 2 for share in shares.values())
        table = np.zeros((2, rows, width if wide else 1))
        if pairs and not wide:
            first = 1 + 2 * np.array(pairs)
            table[:, first, 0], table[:, first + 1, 0] = np.array([*shares.values()]).T.swapaxes(0, 1)
            return table[0], table[1]
        for row, share in shares.items():
            for place in (0, 1):
                table[:, 1 + 2 * row + place] = share[..., place, :].T.reshape(2, -1)
        return table[0], table[1]

    def _evolve(
        self,
        plan: Index,
        index: NDArray[np.int32],
        angle: NDArray[np.float64],
        noisy: NDArray[np.float64],
        chosen: Index,
    ) -> None:
        """Play steps on the clusters that they are of."""
        kind, first, second = plan.T
        shift = self._detune(np.where((kind == IDLE) | (kind == ONE), first, -1), noisy, chosen)
        _turn(angle, kind, shift, noisy)
        steps = np.stack([kind, self._place[first], self._place[second]], axis=1).astype(np.int32)
        home = self._home[first]
        for number in range(len(self._program.clusters)):
            mine = slice(None) if len(self._program.clusters) == 1 else np.flatnonzero(home == number)
            own = Plan(steps[mine], index[mine], angle[mine], shift[mine], noisy[mine])
            if len(own.steps):
                self._engine.evolve(number, chosen, own)

    def _waited(self, position: int, seconds: Number, faded: NDArray[np.float64] | None) -> Found:
        """Entry of an idle time, or of one per lane."""
        alike = isinstance(seconds, float) and (faded is None or not faded.any())
        known = self._idle.get((position, float(seconds))) if alike else None
        if known is not None:
            return known
        find, qubit = self._library.idle[self._levels[position] - 2].find, self._program.qubits[position]
        if alike:
            entry = self._idle[position, float(seconds)] = int(find(qubit, float(seconds)))
            return entry
        return find(qubit, seconds, 0.0 if faded is None else faded)

    def _detune(self, qubit: Index, noisy: NDArray[np.float64], chosen: Index) -> NDArray[np.float64]:
        """Mean detuning in Hz of each step in each lane."""
        if self._spectrum.silent or not self._engine.draws_noise:
            return np.zeros(noisy.shape)
        spectrum = self._spectrum
        noise = spectrum.moving, spectrum.times, self._engine.noise_grain
        return advance(self._lanes.detuning, self._lanes.draws, chosen, qubit, noisy, *noise)


@compiled()
def _turn(angle: NDArray[np.float64], kind: NDArray[np.int64], shift: NDArray[np.float64], noisy: NDArray[np.float64]) -> None:
    """Add what a detuning turns in idle times."""
    for step in range(len(kind)):
        if kind[step] == IDLE:
            for lane in range(angle.shape[1]):
                angle[step, lane] += _TAU * shift[step, lane] * noisy[step, lane]


def _shared(ticks: NDArray[np.int64]) -> Number:
    """One number, if all lanes have the same."""
    return float(ticks[0]) if len(ticks) and (ticks == ticks[0]).all() else ticks.astype(np.float64)


def _spread(found: Sequence[Found], lanes: slice) -> NDArray[np.int32]:
    """A row of some lanes for each window."""
    width = lanes.stop - lanes.start
    if set(map(type, found)) == {int}:
        return np.repeat(np.array(found, np.int32)[:, None], width, axis=1)
    return np.array([np.full(width, one) if isinstance(one, int) else one[lanes] for one in found], np.int32)


def _wide(numbers: NDArray[np.float64], lanes: slice) -> NDArray[np.float64]:
    """Some lanes; the same for all of them, if there is one column for all."""
    alike = numbers.shape[1] == 1
    return np.repeat(numbers, lanes.stop - lanes.start, axis=1) if alike else np.ascontiguousarray(numbers[:, lanes])
