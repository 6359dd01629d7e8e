"""Strands: steps that go on side by side, each of which waits for its own measurements only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from qpu_calibration.alternate import Work
from qpu_calibration.page import Target
from qpu_calibration.step import Finding, Step, Steps


class Found(Protocol):
    """Something that came of a measurement."""

    @property
    def findings(self) -> Mapping[Target, Finding]:
        """Target -> what came of it."""


F = TypeVar("F", bound=Found)


@dataclass(frozen=True)
class Results(Generic[F]):
    """What a measurement has come to.

    Attributes:
        what: Whatever came of it.
        rest: Measurements to make instead of what could not be measured at once.
    """

    what: tuple[F, ...] = ()
    rest: tuple[Work[Results[F]], ...] = ()


Parts = Callable[[Step], Sequence[Work[Results[F]]]]
"""Measurements that do a step."""


class Strands(Generic[F]):
    """The strands of a stage, which take turns.

    Args:
        steps: Of each.
        works: Measurements that do a step.
        moved: Called when each strand that goes on has ended another step, and all that was measured has been told.
    """

    def __init__(self, steps: Sequence[Steps], works: Parts[F], moved: Callable[[], None]) -> None:
        self._strands = deque(_Strand(one, works) for one in steps)
        self._moved = moved
        self._ahead: set[_Strand[F]] = set()

    def more(self) -> Work[tuple[F, ...]] | None:
        """A measurement that may begin, of the strand that has had none for longest; see `alternate.More`."""
        for strand in tuple(self._strands):
            if strand.advance():
                self._ahead.add(strand)
            if strand.over:
                self._strands.remove(strand)
        if self._ahead and self._ahead.issuperset(self._strands) and not any(strand.untold for strand in self._strands):
            self._ahead.clear()
            self._moved()
        for strand in self._strands:
            if strand.left:
                self._strands.remove(strand)
                self._strands.append(strand)
                return strand.begin()
        return None

    def stop(self) -> None:
        """Let those who decide know what was found of steps that are not done."""
        for strand in self._strands:
            strand.stop()


class _Strand(Generic[F]):
    """One of them.

    Attributes:
        left: Measurements of its step that have not begun.
        over: Whether it has no more steps.
    """

    def __init__(self, steps: Steps, works: Parts[F]) -> None:
        self.left: deque[Work[Results[F]]] = deque()
        self.over = False
        self._steps, self._works = steps, works
        self._step: Step | None = None
        self._under_way = 0
        self._found: dict[Target, Finding] = {}

    @property
    def untold(self) -> bool:
        """Whether something was found that who decides does not know."""
        return bool(self._found)

    def advance(self) -> bool:
        """Go to the next step, if the last one is done; whether one was."""
        if self.left or self._under_way or self.over:
            return False
        ended, found, self._found = self._step is not None, self._found, {}
        try:
            self._step = self._steps.send(found) if ended else next(self._steps)
        except StopIteration:
            self.over = True
        else:
            self.left.extend(self._works(self._step))
        return ended

    def begin(self) -> Work[tuple[F, ...]]:
        """The next measurement of its step."""
        self._under_way += 1
        return self._measured(self.left.popleft())

    def stop(self) -> None:
        """Say what was found, and go no further."""
        if self._step is not None and not self.over:
            with suppress(StopIteration):
                self._steps.send(self._found)
        self._steps.close()
        for work in self.left:
            work.close()

    def _measured(self, work: Work[Results[F]]) -> Work[tuple[F, ...]]:
        measured = yield from work
        for one in measured.what:
            self._found |= one.findings
        self.left.extendleft(reversed(measured.rest))
        self._under_way -= 1
        return measured.what
