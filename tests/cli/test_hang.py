"""A driver that goes on with what nobody waits for."""

from __future__ import annotations

import pytest

from qpu_bridge.cli import hang
from qpu_bridge.driver import State, Status
from qpu_bridge.errors import DriverLost


class Box:
    """A driver that runs until it was told to stop so many times."""

    def __init__(self, deaf: int, gone: bool = False) -> None:
        self.deaf, self.gone = deaf, gone

    def status(self) -> Status:
        if self.gone:
            raise DriverLost("a driver must be there to answer")
        return Status(state=State.RUNNING if self.deaf > 0 else State.IDLE)

    def abort(self) -> None:
        self.deaf -= 1


class Watched:
    def __init__(self) -> None:
        self.restarted: list[str] = []

    def restart(self, reason: str) -> None:
        self.restarted.append(reason)


@pytest.mark.parametrize(("deaf", "gone", "restarts"), [(0, False, 0), (2, False, 0), (10**9, False, 1), (0, True, 0)])
def test_it_is_stopped_and_ended_only_if_it_does_not_stop(
    monkeypatch: pytest.MonkeyPatch, deaf: int, gone: bool, restarts: int
) -> None:
    # only who never stops is waited for so long
    monkeypatch.setattr(hang, "STOP_S", 0.2 if restarts else 60.0)
    box, supervisor = Box(deaf, gone), Watched()
    hang.free(box, supervisor)  # type: ignore[arg-type]
    assert len(supervisor.restarted) == restarts
    hang.free(box, None)  # type: ignore[arg-type]
