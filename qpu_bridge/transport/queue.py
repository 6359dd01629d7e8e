"""The queue: what has been sent to a server before its turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qpu_bridge.driver import Run
from qpu_bridge.schedule import Schedule


@dataclass(frozen=True)
class Sent:
    """A template or a run that is on its way.

    Attributes:
        what: The object that was sent.
        request: Its id.
    """

    what: Schedule | Run
    request: bytes


class Queue:
    """Templates and runs in the order in which the server comes to them. One thread fills and empties it, any may look."""

    def __init__(self) -> None:
        # never changed, but replaced
        self._sent: tuple[Sent, ...] = ()

    def add(self, sent: Sent) -> None:
        """Something is sent now."""
        self._sent = (*self._sent, sent)

    def first(self, what: Schedule | Run) -> Sent | None:
        """This very object, if it is the next to come."""
        return self._sent[0] if self._sent and self._sent[0].what is what else None

    def __contains__(self, what: Schedule | Run) -> bool:
        """Whether this very object is on its way."""
        return any(sent.what is what for sent in self._sent)

    def pop(self) -> None:
        """The next to come has come."""
        self._sent = self._sent[1:]

    def clear(self) -> None:
        """Nothing is on its way any more."""
        self._sent = ()

    def holds(self, digest: bytes) -> bool:
        """Whether a template is on its way."""
        return any(isinstance(sent.what, Schedule) and sent.what.digest == digest for sent in self._sent)

    @property
    def runs(self) -> Sequence[bytes]:
        """Requests of all runs that are on their way."""
        return [sent.request for sent in self._sent if isinstance(sent.what, Run)]

    def __len__(self) -> int:
        return len(self._sent)
