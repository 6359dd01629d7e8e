"""A day of a busy device, in minutes: ``python -m tests.proofs.day [SEED] [HOURS]``.

People of three instances submit jobs, sessions and batches as they come, cancel some, use up quotas; administrators pause the
device, plan maintenance and put jobs before others; runners stop and die. Time is a number that the day moves on. After each
event, what must hold is checked; at the end, that every job has ended and every second is on somebody's account.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from qpu_bridge.errors import QuotaReached, WrongState
from qpu_bridge.jobs import FINAL, Filter, Job, Mode, Move, Opening, Owner, Reason, Request, SessionState, State, Store
from qpu_bridge.jobs.job import to_microseconds
from qpu_bridge.jobs.queue import ATTEMPTS, Queue
from qpu_bridge.jobs.session_life import HOLDING
from qpu_bridge.jobs.tables import sessions
from qpu_bridge.settings import Limits
from tests.jobs.clock import Clock

DEVICE = "lab_two"
PEOPLE = tuple(Owner(f"user{number}", f"project{number % 3}") for number in range(12))
LIMITS = Limits(pending_jobs=60, batch_turn_seconds=120, session_seconds=3600, session_active_seconds=1200)
ENDS = ((Move.FINISH, 0.86), (Move.FAIL, 0.04), (Move.PUT_BACK, 0.05), (None, 0.05))
"""How a run ends, and how often; None: its runner dies."""


@dataclass
class Day:
    """A day.

    Attributes:
        store: The store that lives through it.
        clock: The store's.
        seed: Everything random comes from it.
        counted: What happened, by name.
    """

    store: Store
    clock: Clock
    seed: int
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.queue = self.born()
        self.running: Job | None = None
        self.free_at = self.clock.now
        self.known: set[str] = set()
        self.resume_at: datetime | None = None

    def born(self) -> Queue:
        """The next runner; what its predecessor left is settled."""
        self.counted["runner"] += 1
        queue = Queue(self.store.database, DEVICE, f"runner {self.counted['runner']}", LIMITS)
        queue.recover()
        return queue

    def live(self, hours: float) -> None:
        """Let time pass."""
        end = self.clock.now + timedelta(hours=hours)
        while self.clock.now < end:
            self.people()
            self.device()
            self.check()
            step = self.draw.expovariate(1 / 25.0)
            nearest = min(self.free_at, end) if self.running is not None else end
            self.clock.now = max(self.clock.now, min(self.clock.now + timedelta(seconds=step), nearest))
        self.evening()

    def people(self) -> None:
        """Somebody wants something."""
        what, owner = self.draw.random(), self.draw.choice(PEOPLE)
        if what < 0.30:
            self.submit(owner, None)
        elif what < 0.36:
            self.open(owner)
        elif what < 0.60:
            alive = self.alive()
            if alive:
                session_id, whose = self.draw.choice(alive)
                self.submit(whose, session_id)
        elif what < 0.64:
            self.end_session()
        elif what < 0.68:
            self.cancel()
        elif what < 0.69:
            self.administer()

    def submit(self, owner: Owner, session_id: str | None) -> None:
        """A job, of a length that is often known beforehand."""
        seconds = self.draw.choice([0.5, 3.0, 10.0, 30.0, 90.0])
        planned = seconds if self.draw.random() < 0.7 else None
        request = Request("sampler", DEVICE, str(seconds).encode(), session_id=session_id, estimate_s=planned, cost=400)
        try:
            self.known.add(self.store.accept(owner, request).id)
        except QuotaReached:
            self.counted["refused: quota"] += 1
        except WrongState:
            self.counted["refused: session closed"] += 1
        else:
            self.counted["job"] += 1

    def open(self, owner: Owner) -> None:
        """A session or a batch, with what it may need."""
        mode = self.draw.choice(tuple(Mode))
        longest = self.draw.choice([300, 1200, 3600])
        idle = self.draw.choice([5, 60, 300])
        active = self.draw.choice([None, 200])
        self.store.sessions.create(owner, Opening(DEVICE, mode, longest, min(idle, longest), active))
        self.counted[mode] += 1

    def end_session(self) -> None:
        """Somebody closes or cancels theirs."""
        alive = self.alive()
        if alive:
            session_id, _ = self.draw.choice(alive)
            if self.draw.random() < 0.6:
                self.store.sessions.accept_jobs(session_id, False)
                self.counted["closed"] += 1
            else:
                self.store.sessions.cancel(session_id)
                self.counted["session cancelled"] += 1

    def cancel(self) -> None:
        """Somebody does not want their job any more."""
        pending = self.pending()
        if pending:
            self.store.cancel(self.draw.choice(pending).id)
            self.counted["cancelled"] += 1

    def administer(self) -> None:
        """Somebody with a role does something."""
        waiting = [job for job in self.pending() if job.state is State.QUEUED]
        what = self.draw.choice(["pause", "maintenance", "priority", "quota"])
        self.counted[what] += 1
        if what == "pause":
            self.store.devices.pause(DEVICE, "helium")
            self.resume_at = self.clock.now + timedelta(seconds=self.draw.uniform(10, 600))
        elif what == "maintenance":
            begin = self.clock.now + timedelta(seconds=self.draw.uniform(60, 900))
            self.store.maintenance.plan(DEVICE, begin, begin + timedelta(seconds=self.draw.uniform(60, 900)), "amplifier")
        elif what == "priority" and waiting:
            self.store.priorities.set_job(self.draw.choice(waiting).id, self.draw.choice([-1, 5]))
        elif what == "quota":
            owner = self.draw.choice(PEOPLE)
            self.store.quotas.set(owner.instance, owner.user, seconds=self.draw.choice([500.0, 1e6]))

    def device(self) -> None:
        """The device goes on: a run ends, the next begins."""
        if self.resume_at is not None and self.clock.now >= self.resume_at:
            self.store.devices.resume(DEVICE)
            self.resume_at = None
        if self.running is not None and self.clock.now >= self.free_at:
            self.finish()
        if self.running is None:
            taken = self.queue.take()
            if taken is not None:
                self.running = taken.job
                self.free_at = self.clock.now + timedelta(seconds=float(taken.params))

    def finish(self) -> None:
        """A run ends in one of the ways in which runs end."""
        assert self.running is not None
        job, self.running = self.running, None
        # with what earlier attempts used, which were put back in the middle
        seconds = job.usage_s + float(self.store.params(job).decode())
        (move,) = self.draw.choices([move for move, _ in ENDS], [weight for _, weight in ENDS])
        if self.queue.cancel_requested(job):
            move = Move.CANCEL
        self.counted[f"run: {move or 'death'}"] += 1
        if move is None:
            self.queue = self.born()
        elif move is Move.PUT_BACK:
            self.queue.put_back(replace(job, usage_s=seconds))
            self.queue = self.born()
        elif move is Move.FINISH:
            self.queue.finish(job, "result", seconds)
        else:
            self.queue.end(job, move, Reason("because", 1), seconds)

    def pending(self) -> list[Job]:
        """All jobs that wait or run."""
        found: list[Job] = []
        while True:
            page = self.store.page(Filter(None, pending=True, oldest_first=True, offset=len(found)))
            found += page.jobs
            if len(found) >= page.count:
                return found

    def alive(self) -> list[tuple[str, Owner]]:
        """Sessions that are not closed, with their owners."""
        with self.store.database.read() as connection:
            query = select(sessions.c.id, sessions.c.user, sessions.c.instance).where(sessions.c.closed.is_(None))
            rows = connection.execute(query.order_by(sessions.c.number))
            return [(identifier, Owner(user, instance)) for identifier, user, instance in rows]

    def check(self) -> None:
        """What must hold at any moment."""
        alive = {session_id: self.store.sessions.session(session_id) for session_id, _ in self.alive()}
        alive = {session_id: one for session_id, one in alive.items() if one.state is not SessionState.CLOSED}
        # after the look at sessions, which does to them and their jobs what time has done
        pending = self.pending()
        running = [job for job in pending if job.state is State.RUNNING]
        assert [job.id for job in running] == ([self.running.id] if self.running else [])
        holding = [one for one in alive.values() if one.mode is Mode.DEDICATED and one.state in HOLDING]
        assert len(holding) <= 1, holding
        if holding and running:
            assert running[0].session_id == holding[0].id
        for job in pending:
            assert job.session_id is None or job.session_id in alive, (job, self.clock.now)
            assert job.attempts <= ATTEMPTS
        for one in alive.values():
            assert one.due is None or one.due > to_microseconds(self.clock.now)

    def evening(self) -> None:
        """Nobody comes any more: everything ends, and every second is on an account."""
        for owner in PEOPLE:
            self.store.quotas.set(owner.instance, owner.user, seconds=1e9)
        self.store.devices.resume(DEVICE)
        for _ in range(100_000):
            self.device()
            if self.running is not None:
                self.clock.now = self.free_at
            elif self.store.page(Filter(None, pending=True, limit=1)).jobs or self.alive():
                self.clock.now += timedelta(seconds=30)
                for session_id, _ in self.alive():
                    self.store.sessions.session(session_id)
            else:
                break
        ended = {job_id: self.store.job(job_id) for job_id in self.known}
        assert all(job.state in FINAL and job.finished is not None for job in ended.values())
        assert not self.alive()
        for job in ended.values():
            assert (job.state is State.COMPLETED) == (job.reason is None) == (self.store.result(job) is not None), job
        self.counted |= Counter({f"ended: {state}": n for state, n in Counter(job.state for job in ended.values()).items()})
        used = sum(job.usage_s for job in ended.values())
        with self.store.database.read() as connection:
            held = connection.exec_driver_sql("select coalesce(sum(held_s), 0) from sessions").scalar_one()
            days = connection.exec_driver_sql("select coalesce(sum(seconds), 0) from used_days").scalar_one()
            ledger = connection.exec_driver_sql("select coalesce(sum(seconds), 0) from usage").scalar_one()
            dedicated = connection.execute(select(sessions).where(sessions.c.mode == Mode.DEDICATED)).all()
        assert abs(days - ledger) < 1e-3
        assert abs(days - used - held) < 1e-3, (days, used, held)
        for one in dedicated:
            # it had the device for itself: what it pays, and its jobs, is the time for which it was active
            assert abs(one.used_s + one.held_s - one.elapsed_s) < 1e-3, one
        self.counted["device seconds"] = round(used)
        self.counted["held seconds"] = round(held)


def day(seed: int, hours: float) -> Counter[str]:
    """Live through a day; what happened in it."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "jobs.db", limits=LIMITS, clock=clock)
        try:
            one = Day(store, clock, seed)
            one.live(hours)
        finally:
            store.close()
    return one.counted


if __name__ == "__main__":
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else 24.0
    begin = time.monotonic()
    counted = day(seed, hours)
    print(f"seed {seed}, {hours:g} h in {time.monotonic() - begin:.0f} s")
    for name, number in sorted(counted.items()):
        print(f"{number:8d} {name}")
