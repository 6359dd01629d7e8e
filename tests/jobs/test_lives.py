"""Any order of events: the store and a plain model of it agree, and every job has exactly one end."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from qpu_bridge.errors import NotFound, WrongState
from qpu_bridge.jobs import FINAL, PENDING, Filter, Job, Move, Owner, Reason, Request, State, Store
from qpu_bridge.jobs.queue import ATTEMPTS, Queue

USERS = st.sampled_from([Owner("alice", "lab"), Owner("bob", "lab")])


@dataclass
class Known:
    """What the model knows of a job."""

    owner: Owner
    state: State = State.QUEUED
    attempts: int = 0
    wanted: bool = False


class Lives(RuleBasedStateMachine):
    """Users, one runner at a time, and its deaths."""

    ids: Bundle[str] = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "jobs.db")
        self.model: dict[str, Known] = {}
        self.used: Counter[Owner] = Counter()
        self.running: Job | None = None
        self.runners = 0
        self.born()

    def born(self) -> None:
        self.runners += 1
        self.queue = Queue(self.store.database, "lab_two", f"r{self.runners}")
        self.queue.recover()

    @rule(target=ids, owner=USERS)
    def accept(self, owner: Owner) -> str:
        job = self.store.accept(owner, Request("sampler", "lab_two", b"{}"))
        self.model[job.id] = Known(owner)
        return job.id

    @rule(job_id=ids, owner=USERS)
    def cancel(self, job_id: str, owner: Owner) -> None:
        known = self.model.get(job_id)
        if known is None or known.owner != owner:
            with pytest.raises(NotFound):
                self.store.cancel(job_id, owner)
        elif known.state in FINAL:
            with pytest.raises(WrongState):
                self.store.cancel(job_id, owner)
        else:
            self.store.cancel(job_id, owner)
            known.wanted = True
            if known.state is State.QUEUED:
                known.state = State.CANCELLED

    @rule(job_id=consumes(ids), owner=USERS)
    def delete(self, job_id: str, owner: Owner) -> None:
        known = self.model[job_id]
        if known.owner != owner:
            with pytest.raises(NotFound):
                self.store.delete(job_id, owner)
        elif known.state in PENDING:
            with pytest.raises(WrongState):
                self.store.delete(job_id, owner)
        else:
            self.store.delete(job_id, owner)
            del self.model[job_id]

    @rule()
    def take(self) -> None:
        if self.running is not None:
            return
        # the owner who used less comes first, and with each of them who came first
        waiting = [job_id for job_id, known in self.model.items() if known.state is State.QUEUED]
        waiting.sort(key=lambda job_id: self.used[self.model[job_id].owner])
        taken = self.queue.take()
        assert (taken.job.id if taken else None) == (waiting[0] if waiting else None)
        if taken:
            self.running = taken.job
            self.model[taken.job.id].state = State.RUNNING
            self.model[taken.job.id].attempts += 1

    @rule(move=st.sampled_from([Move.FINISH, Move.FAIL, Move.OVERRUN, Move.PUT_BACK]))
    def end(self, move: Move) -> None:
        if self.running is None:
            return
        job, known = self.running, self.model[self.running.id]
        self.running = None
        if move is not Move.PUT_BACK:
            self.used[job.owner] += 1
        if move is Move.FINISH:
            self.queue.finish(job, "result", 1.0)
            known.state = State.COMPLETED
        elif move is Move.PUT_BACK:
            self.queue.put_back(job)
            if known.wanted:
                known.state = State.CANCELLED
            else:
                known.state, known.attempts = State.QUEUED, known.attempts - 1
        else:
            self.queue.end(job, move, Reason("because", 1), 1.0)
            known.state = State.FAILED if move is Move.FAIL else State.CANCELLED

    @rule()
    def die(self) -> None:
        dead, job = self.queue, self.running
        self.running = None
        self.born()
        if job is not None:
            known = self.model[job.id]
            if known.wanted:
                known.state = State.CANCELLED
            else:
                known.state = State.FAILED if known.attempts >= ATTEMPTS else State.QUEUED
            with pytest.raises(WrongState):
                dead.finish(job, "too late", 1.0)

    @invariant()
    def the_model_agrees(self) -> None:
        found = {job.id: job for job in self.store.page(Filter(None, oldest_first=True)).jobs}
        assert list(found) == list(self.model)
        for job_id, known in self.model.items():
            job = found[job_id]
            assert (job.state, job.attempts, job.owner) == (known.state, known.attempts, known.owner)
            assert (job.finished is not None) == (known.state in FINAL)
            assert (self.store.result(job) is not None) == (known.state is State.COMPLETED)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


Lives.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestLives = Lives.TestCase
