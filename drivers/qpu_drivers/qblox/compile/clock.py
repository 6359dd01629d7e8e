"""Whether the processor of a sequencer keeps ahead of what it plays.

It takes 4 ns per cycle to read instructions, and may be up to 32 real-time instructions ahead of the one that is being
played. One that it reads after its time has come stops the program. Cycles are those of q1simulator, which are its
author's estimates; the vendor publishes none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import repeat

from qpu_bridge.errors import ScheduleError
from qpu_drivers.qblox.compile.code import Instruction, Loop, Node
from qpu_drivers.qblox.hardware import CYCLE, HEAD_START, QUEUE

PASSES = 3
"""So many turns of a loop are followed at least, and one behind that which fills the queue; each other is like the last."""
_ARITHMETIC = frozenset({"add", "sub", "cmp", "and", "or", "xor", "asl", "asr", "lsl", "lsr", "not", "test"})


def cycles(one: Instruction) -> int:
    """Cycles that an instruction takes; of a jump, if it is taken."""
    extra = 2 if one.op in _ARITHMETIC else 4 if one.op == "mulu32h" else 3 if one.op.startswith("j") else 0
    return max(1, len(one.reads)) + extra


def check_pace(nodes: list[Node], where: str) -> None:
    """Follow a program, and refuse it if an instruction comes too late.

    Raises:
        ScheduleError: With the line and what to do.
    """
    _Clock(where).walk(nodes)


@dataclass(slots=True)
class _Clock:
    where: str
    core: int = -HEAD_START
    played: int = 0
    queue: deque[int] = field(default_factory=deque)
    read: int = 0
    """Real-time instructions read so far."""
    least: int = 2**62
    """Smallest lead seen since it was last set."""

    def walk(self, nodes: list[Node]) -> None:
        for node in nodes:
            if isinstance(node, Instruction):
                self.step(node)
            elif isinstance(node, Loop):
                self.turns(repeat(node.nodes, node.count), node.count)
            else:
                self.turns(([*entry, *node.body] for entry in node.entries), len(node.entries))

    def step(self, one: Instruction) -> None:
        self.core += CYCLE * cycles(one)
        if one.ticks is None:
            return
        self.least = min(self.least, self.played - self.core)
        if self.least < 0:
            self.late(-self.least)
        while self.queue and self.queue[0] < self.core:
            self.queue.popleft()
        if len(self.queue) >= QUEUE:
            self.core = self.queue.popleft()
        self.queue.append(self.played)
        self.read += 1
        self.played += one.ticks

    def turns(self, passes: Iterable[list[Node]], count: int) -> None:
        """Follow the first turns, and reckon with the others losing as much as the last of these."""
        outer, lost, left, filled = self.least, 0, count, self.read + QUEUE
        for one in passes:
            self.least = 2**62
            before, full = self.played - self.core, self.read > filled
            self.walk(one)
            outer = min(outer, self.least)
            lost = max(0, before - (self.played - self.core))
            left -= 1
            if count - left >= PASSES and full:
                break
        rest = lost * left
        if self.least - rest < 0:
            self.late(rest - self.least)
        self.core += rest
        self.least = min(outer, self.least - rest)

    def late(self, by: int) -> None:
        raise ScheduleError(
            "the sequencer's processor must have read each instruction before it is played",
            given=f"one that comes {by} ns late",
            where=f"{self.where}, about {self.played} ns into the program",
            remedy="Let fewer or longer pulses follow each other, or ask for a longer wait between shots.",
        )
