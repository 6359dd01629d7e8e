"""The player: walks through the blocks of a program, each shot along its own branches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import NONE, Assign, Body, Branch, Expression, Repeat, Straight, VariableKind, While, evaluate
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.stage import Stage
from qpu_emulator.score.values import Values


class Player:
    """Plays bodies of real-time control.

    Args:
        stage: Plays straight blocks.
        values: Numbers of every point.
        lanes: State of the run.
    """

    def __init__(self, stage: Stage, values: Values, lanes: Lanes) -> None:
        self._stage = stage
        self._values = values
        self._lanes = lanes

    def play(self, body: Body, chosen: Index) -> Index:
        """Play a body on some lanes; returns the lanes that its shots are in afterwards."""
        for block in body:
            if not len(chosen):
                return chosen
            if isinstance(block, Straight):
                chosen = self._stage.play(block, chosen)
            elif isinstance(block, Assign):
                self._assign(block, chosen)
            elif isinstance(block, Branch):
                true = self._evaluate(block.condition, chosen) != 0
                arms = (self.play(block.then, chosen[true]), self.play(block.otherwise, chosen[~true]))
                chosen = np.concatenate(arms)
            elif isinstance(block, Repeat):
                for count in range(block.count):
                    if block.variable != NONE:
                        self._lanes.variables[chosen, block.variable] = count
                    chosen = self.play(block.body, chosen)
            elif isinstance(block, While):
                chosen = self._while(block, chosen)
        return chosen

    def _while(self, block: While, chosen: Index) -> Index:
        left: list[Index] = []
        for _ in range(block.maximum + 1):
            true = self._evaluate(block.condition, chosen) != 0
            left.append(chosen[~true])
            chosen = chosen[true]
            if not len(chosen):
                return np.concatenate(left)
            chosen = self.play(block.body, chosen)
        raise DriverFault("a loop must end within its maximum number of rounds", given=f"more than {block.maximum}")

    def _assign(self, block: Assign, chosen: Index) -> None:
        value = self._evaluate(block.value, chosen)
        variable = self._values.schedule.variables[block.variable]
        if variable.kind is VariableKind.BOOL:
            value = (value != 0).astype(float)
        elif variable.kind is VariableKind.UINT:
            value = np.mod(np.trunc(value), 2.0**variable.width)
        self._lanes.variables[chosen, block.variable] = value

    def _evaluate(self, expression: Expression, chosen: Index) -> NDArray[np.float64]:
        lanes = self._lanes
        points = lanes.point[chosen]
        out = np.zeros(len(chosen))
        if not self._values.points.shape[1]:
            return evaluate(expression, lanes.memory[chosen], lanes.variables[chosen], np.zeros(0))
        for point in np.unique(points):
            here = points == point
            slots = self._values.points[point]
            out[here] = evaluate(expression, lanes.memory[chosen[here]], lanes.variables[chosen[here]], slots)
        return out
