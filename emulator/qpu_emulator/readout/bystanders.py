"""What sounds beside a measurement on its lines: others, tones that nobody captures, resonators of idle qubits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import compress

import numpy as np

from qpu_emulator.chip.device import Resonator
from qpu_emulator.engines.engine import Ensemble, Follower
from qpu_emulator.readout.capture import CaptureModel
from qpu_emulator.readout.levels import draw_outcomes
from qpu_emulator.readout.measured import Measured, Turn
from qpu_emulator.scales import Scales
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Values
from qpu_emulator.windows.library import Library

_REACH = 10
"""Tones drive resonators of idle qubits within so many linewidths; farther off, less than 5 % of what is heard is theirs."""


class Bystanders:
    """Those of a run's measurements.

    Args:
        program: What is played.
        library: Of the device.
        scales: Factors on its noise.
        values: The run's numbers.
        lanes: Of the run.
        engine: Holds their states.
        captures: Knows the tones of a measurement.
    """

    def __init__(
        self,
        program: Program,
        library: Library,
        scales: Scales,
        values: Values,
        lanes: Lanes,
        engine: Ensemble | Follower,
        captures: CaptureModel,
    ) -> None:
        self._program = program
        self._device = library.device
        self._scales = scales
        self._values = values
        self._lanes = lanes
        self._engine = engine
        self._captures = captures
        self._widest = _REACH * max((resonator.kappa for resonator in library.device.resonators), default=0.0)
        self._turn: Turn | None = None
        self._measured: dict[str, list[Measured]] = {}

    def beside(self, action: Action, turn: Turn) -> list[Measured]:
        """Those in which a measurement projects nothing; their levels are drawn."""
        unread = [self._unread(tone, turn) for tone in self._program.sounding.get(action, ())]
        senders = [action, *(one.action for one in unread)]
        return [*unread, *(idle for sender in senders for idle in self._driven_idle(sender, turn))]

    def meanwhile(self, mine: Measured, turn: Turn) -> list[Measured]:
        """Measurements that have begun before, and share a line with this one at the same time; this one is kept for the next."""
        if self._scales.readout * self._scales.readout_crosstalk <= 0:
            return []
        # all that are kept are in one turn of one block, and come in order
        if self._turn is None or not turn.accompanies(self._turn):
            self._measured.clear()
        self._turn = turn
        action = mine.action
        line = self._device.resonators[action.where].acquire_port
        before = [other for other in self._measured.get(line, ()) if other.action.stop > action.start]
        self._measured[line] = [*before, mine]
        return [other for other in before if other.action.where != action.where and other.action.start < action.stop]

    def _unread(self, tone: Action, turn: Turn) -> Measured:
        """A tone that nobody captures, as others hear it: from the level in which a measurement would find its qubit."""
        (qubit,) = tone.qubits
        number = next((index for index, cluster in enumerate(self._program.clusters) if qubit in cluster), None)
        if number is None or isinstance(self._engine, Follower):
            # an engine that follows each shot cannot look without measuring
            return Measured.still(tone, self._at_rest(qubit, turn.shots))
        position = np.array([self._program.clusters[number].index(qubit)])
        found = self._engine.sample(number, turn.chosen, position, self._lanes.shot_draws, turn.shots, turn.where)
        return Measured.still(tone, found[:, 0])

    def _at_rest(self, qubit: int, shots: Index) -> Index:
        """Levels of a qubit in equilibrium."""
        excited = self._device.transmons[qubit].thermal * self._scales.thermal
        return draw_outcomes(self._lanes.shot_draws, shots, 0 * shots, np.array([[1 - excited, excited]]))

    def _driven_idle(self, action: Action, turn: Turn) -> Iterator[Measured]:
        """Resonators on the same lines that the tones of a measurement come near to, their qubits untouched by the schedule."""
        plays = self._captures.plays(action) if self._scales.readout_crosstalk > 0 else []
        if not plays:
            return
        tones = [self._values.of(row, "frequency", self._lanes, turn.chosen) for row in plays]
        ends = [(tone.min(), tone.max()) if isinstance(tone, np.ndarray) else (tone, tone) for tone in tones]
        for index, other in self._near(action.where, min(low for low, _ in ends), max(high for _, high in ends)):
            reach = _REACH * other.kappa
            # most resonators lie outside of whatever is swept
            beside = [low - reach < other.frequency < high + reach for low, high in ends]
            if any(beside) and any(np.abs(tone - other.frequency).min() < reach for tone in compress(tones, beside)):
                ghost = Action("readout", index, (other.qubit,), action.start, action.stop, action.events)
                yield Measured.still(ghost, self._at_rest(other.qubit, turn.shots))

    def _near(self, number: int, low: float, high: float) -> Iterator[tuple[int, Resonator]]:
        """The other resonators on a resonator's lines, of qubits that the schedule does not touch, as near as any is driven."""
        resonators, lined = self._device.resonators, self._program.wiring.resonators[self._device.resonators[number].port]
        lines = resonators[number].port, resonators[number].acquire_port
        for _, index in lined[bisect_left(lined, (low - self._widest, 0)) : bisect_left(lined, (high + self._widest, 0))]:
            other = resonators[index]
            if index != number and (other.port, other.acquire_port) == lines and other.qubit not in self._program.qubits:
                yield index, other
