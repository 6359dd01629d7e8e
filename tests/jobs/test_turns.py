"""A device has one runner, also when it loses its turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qpu_bridge.errors import (
    Cancelled,
    OperatorError,
    WrongState,
)
from qpu_bridge.jobs import Job, Runner, State, Store, Word, Work, turn, turns
from qpu_bridge.jobs import runner as module
from qpu_bridge.jobs.postgresql import TURN
from qpu_bridge.jobs.queue import Queue
from qpu_bridge.lock import Held

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept
from tests.jobs.test_runner import echo, serving, until


def test_a_device_has_one_runner(store: Store) -> None:
    with serving(store, echo):
        until(lambda: store.devices.condition("lab_two").word is Word.ONLINE)
        with pytest.raises(OperatorError, match="must have one runner"):
            Runner(store, "lab_two", echo).serve()


def lose_locks(store: Store, address: Path | str) -> None:
    """End what holds the locks, as a restart of the server does, or somebody who tidies up the data folder."""
    if isinstance(address, Path):
        for file in address.parent.glob("*runner*.lock"):
            file.unlink()
        return
    with store.database.read() as connection:
        # not those of the writers, who take turns by such a lock too
        named = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32) + objid::bigint <> {TURN}"
        for pid in connection.exec_driver_sql(named).scalars().all():
            connection.exec_driver_sql("SELECT pg_terminate_backend(%s, 60000)", (pid,))


class TestLostTurn:
    """A lock that was lost with its connection."""

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "BEAT_S", 0.01)

    def test_it_is_taken_again(self, store: Store, accept: Accept, address: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
        job, taken = accept(), list[str]()

        @contextmanager
        def noted(where: Store, device: str) -> Iterator[Held]:
            with turn(where, device) as held:
                taken.append(device)
                yield held

        # who tried whether it is free would have it for a moment, and the runner would lose it to them
        monkeypatch.setattr(turns, "turn", noted)

        def run(job: Job, work: Work) -> str:
            lose_locks(store, address)
            until(lambda: len(taken) == 2)
            return "done"

        with serving(store, run):
            until(lambda: store.job(job.id).state is State.COMPLETED)
            assert not self.free(store)
        assert self.free(store)

    def test_who_was_quicker_has_it(self, store: Store, accept: Accept, address: Path | str) -> None:
        job = accept()
        successor = Queue(store.database, "lab_two", "successor")

        def run(job: Job, work: Work) -> str:
            with ExitStack() as held:
                while True:
                    lose_locks(store, address)
                    with suppress(BlockingIOError):
                        held.enter_context(turn(store, "lab_two"))
                        break
                successor.recover()
                until(work.cancelled)
                store.devices.beat("lab_two", "successor")
            raise Cancelled("as you wish")

        runner = Runner(store, "lab_two", run)
        with pytest.raises(WrongState, match="only while this runner runs it"):
            runner.serve()
        assert store.devices.condition("lab_two").word is Word.ONLINE
        assert store.job(job.id).state is State.QUEUED

    def free(self, store: Store) -> bool:
        try:
            with turn(store, "lab_two"):
                return True
        except BlockingIOError:
            return False
