"""The line in front of a device: any order of events, with sessions, batches, priorities, quotas and time."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from qpu_bridge.errors import WrongState
from qpu_bridge.jobs import FINAL, Filter, Job, Mode, Move, Opening, Owner, Reason, Request, Session, SessionState, State, Store
from qpu_bridge.jobs.job import to_microseconds
from qpu_bridge.jobs.queue import Queue
from qpu_bridge.jobs.session_life import HOLDING
from qpu_bridge.settings import Limits
from tests.jobs.clock import Clock

OWNERS = tuple(Owner(name, "lab") for name in ("alice", "bob", "carol"))
LIMITS = Limits(batch_turn_seconds=40)
SECONDS = st.sampled_from([0.5, 1.0, 7.0, 30.0, 70.0, 400.0])


class Line(RuleBasedStateMachine):
    """Three people, one device, one runner at a time."""

    sessions: Bundle[str] = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.store = Store(Path(self.folder.name) / "jobs.db", limits=LIMITS, clock=self.clock)
        self.used: Counter[Owner] = Counter()
        self.running: Job | None = None
        self.runners = 0
        self.turn: tuple[str, float] | None = None

    @initialize()
    def born(self) -> None:
        self.runners += 1
        self.queue = Queue(self.store.database, "lab_two", f"r{self.runners}", LIMITS, self.clock)
        self.queue.recover()

    @rule(target=sessions, owner=st.sampled_from(OWNERS), mode=st.sampled_from(Mode), active_ttl=st.sampled_from([None, 20, 100]))
    def open(self, owner: Owner, mode: Mode, active_ttl: int | None) -> str:
        opening = Opening("lab_two", mode, max_ttl=300, interactive_ttl=60, active_ttl=active_ttl)
        return self.store.sessions.create(owner, opening).id

    @rule(owner=st.sampled_from(OWNERS))
    def submit(self, owner: Owner) -> None:
        self.store.accept(owner, Request("sampler", "lab_two", b"{}"))

    @rule(target=sessions, session_id=sessions, number=st.integers(1, 3))
    def submit_to(self, session_id: str, number: int) -> object:
        known = self.store.sessions.session(session_id)
        for _ in range(number):
            try:
                self.store.accept(known.owner, Request("sampler", "lab_two", b"{}", session_id=session_id))
            except WrongState:
                assert not known.accepting_jobs
            else:
                assert known.accepting_jobs
        return multiple()

    @rule(session_id=sessions)
    def close(self, session_id: str) -> None:
        if self.store.sessions.session(session_id).state is not SessionState.CLOSED:
            self.store.sessions.accept_jobs(session_id, False)

    @rule(session_id=sessions)
    def cancel_session(self, session_id: str) -> None:
        self.store.sessions.cancel(session_id)
        assert not self.waiting(session_id)

    @rule(data=st.data(), priority=st.sampled_from([-5, 0, 7]))
    def prioritise(self, data: st.DataObject, priority: int) -> None:
        if waiting := self.waiting():
            self.store.priorities.set_job(data.draw(st.sampled_from(waiting)).id, priority)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        pending = self.store.page(Filter(None, pending=True)).jobs
        if pending:
            self.store.cancel(data.draw(st.sampled_from(pending)).id)

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.clock.go(seconds)

    @precondition(lambda self: self.running is None)
    @rule()
    def take(self) -> None:
        taken = self.queue.take()
        expected = self.expected()
        assert (taken and taken.job.number) == (expected and expected.number)
        if taken is not None:
            self.running = taken.job
            self.note_turn(taken.job)

    @precondition(lambda self: self.running is not None)
    @rule(seconds=SECONDS, move=st.sampled_from([Move.FINISH, Move.FAIL, Move.PUT_BACK]))
    def end(self, seconds: float, move: Move) -> None:
        assert self.running is not None
        job, self.running = self.running, None
        self.clock.go(seconds)
        if move is Move.PUT_BACK:
            self.queue.put_back(job)
            if self.store.job(job.id).state in FINAL:
                assert self.store.job(job.id).reason_code in (2000, 2001)
            return
        self.used[job.owner] += seconds
        if move is Move.FINISH:
            self.queue.finish(job, "result", seconds)
        else:
            self.queue.end(job, move, Reason("because", 1), seconds)

    @rule(seconds=SECONDS)
    def die(self, seconds: float) -> None:
        self.running = None
        self.clock.go(seconds)
        self.born()

    def waiting(self, session_id: str | None = None) -> list[Job]:
        found = self.store.page(Filter(None, pending=True, session_id=session_id, oldest_first=True)).jobs
        return [job for job in found if job.state is State.QUEUED]

    def all_sessions(self) -> list[Session]:
        with self.store.database.read() as connection:
            ids = connection.exec_driver_sql("select id from sessions order by number").scalars().all()
        return [self.store.sessions.session(session_id) for session_id in ids]

    def note_turn(self, job: Job) -> None:
        at = to_microseconds(self.clock()) / 1e6
        batch = job.session_id is not None and self.store.sessions.session(job.session_id).mode is Mode.BATCH
        if not batch or job.session_id is None:
            self.turn = None
        elif self.turn is None or self.turn[0] != job.session_id or at - self.turn[1] >= LIMITS.batch_turn_seconds:
            self.turn = (job.session_id, at)

    def expected(self) -> Job | None:
        """What the rules say, in the simplest words."""
        waiting = self.waiting()
        if self.running is not None:  # it has just been taken
            return self.store.job(self.running.id)
        taken = [job for job in self.store.page(Filter(None, pending=True)).jobs if job.state is State.RUNNING]
        waiting = sorted([*waiting, *taken], key=lambda job: job.number)
        # a session that this very take made active held nothing before it
        held = [
            one
            for one in self.all_sessions()
            if one.mode is Mode.DEDICATED and one.state in HOLDING and one.activated != to_microseconds(self.clock())
        ]
        if held:
            mine = [job for job in waiting if job.session_id == held[0].id]
            return min(mine, key=lambda job: (-job.priority, job.number), default=None)
        if not waiting:
            return None
        best = min(waiting, key=lambda job: (-job.priority, round(self.use(job.owner), 6), self.first(waiting, job)))
        at = to_microseconds(self.clock()) / 1e6
        if self.turn is not None and at - self.turn[1] < LIMITS.batch_turn_seconds:
            batch = self.store.sessions.session(self.turn[0])
            mine = [job for job in waiting if job.session_id == batch.id]
            if mine and batch.state is SessionState.ACTIVE:
                first = min(mine, key=lambda job: (-job.priority, job.number))
                if first.priority >= best.priority:
                    return first
        return best

    def first(self, waiting: list[Job], job: Job) -> int:
        same = [other.number for other in waiting if other.owner == job.owner and other.priority == job.priority]
        return min(same) * 10_000 + job.number

    def use(self, owner: Owner) -> float:
        return self.store.quotas.balances(owner)[0].used_s

    @invariant()
    def sessions_keep_their_promises(self) -> None:
        known = self.all_sessions()
        jobs = self.store.page(Filter(None, pending=True)).jobs
        holding = [one for one in known if one.mode is Mode.DEDICATED and one.state in HOLDING]
        assert len(holding) <= 1
        running = [job for job in jobs if job.state is State.RUNNING]
        assert len(running) <= 1
        if running and holding:
            assert running[0].session_id == holding[0].id
        closed = {one.id for one in known if one.state is SessionState.CLOSED}
        assert not [job for job in jobs if job.session_id in closed]
        for one in known:
            assert (one.closed is not None) == (one.state is SessionState.CLOSED)
            assert not (one.state is SessionState.CLOSED and one.accepting_jobs)
            if one.mode is Mode.BATCH:
                assert one.held_s == 0
            states = [state for _, state in self.store.sessions.moments(one)]
            assert states[0] is SessionState.OPEN
            assert states[-1] is one.state
        for owner in OWNERS:
            held_s = sum(one.held_s for one in known if one.owner == owner)
            assert abs(self.use(owner) - self.used[owner] - held_s) < 1e-6

    def teardown(self) -> None:
        if hasattr(self, "queue"):
            self.finish_all()
        self.store.close()
        self.folder.cleanup()

    def finish_all(self) -> None:
        """Every job ends, and every session that nobody uses is closed in time."""
        if self.running is not None:
            self.queue.finish(self.running, "result", 1.0)
        for _ in range(500):
            taken = self.queue.take()
            if taken is not None:
                self.clock.go(1.0)
                self.queue.finish(taken.job, "result", 1.0)
            elif self.waiting():
                self.clock.go(10.0)
            else:
                break
        assert not self.store.page(Filter(None, pending=True)).jobs
        self.clock.go(400.0)
        assert self.queue.take() is None
        assert all(one.state is SessionState.CLOSED for one in self.all_sessions())


Line.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestLine = Line.TestCase
