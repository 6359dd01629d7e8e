"""A device, its line, and a clock that tests move."""

from __future__ import annotations

from pathlib import Path

from qpu_bridge.jobs import Job, Mode, Opening, Owner, Request, Session, SessionState, Store
from qpu_bridge.jobs.queue import Queue
from qpu_bridge.settings import Limits
from tests.jobs.clock import Clock

ALICE, BOB, CAROL = OWNERS = tuple(Owner(name, "lab") for name in ("alice", "bob", "carol"))


class Room:
    """A device, its line, and a clock."""

    def __init__(self, address: Path | str, limits: Limits | None = None) -> None:
        self.clock = Clock()
        self.store = Store(address, limits=limits, clock=self.clock)
        self.queue = self.runner("r1")

    def runner(self, name: str, device: str = "lab_two") -> Queue:
        return Queue(self.store.database, device, name, self.store.limits)

    def submit(self, owner: Owner = ALICE, session: Session | None = None, **fields: object) -> str:
        given = {"program_id": "sampler", "backend": "lab_two", "params": b"{}"} | fields
        if session is not None:
            given["session_id"] = session.id
        return self.store.accept(owner, Request(**given)).id  # type: ignore[arg-type]

    def open(self, owner: Owner = ALICE, mode: Mode = Mode.DEDICATED, **fields: object) -> Session:
        given = {"backend": "lab_two", "mode": mode, "max_ttl": 1000, "interactive_ttl": 60} | fields
        return self.store.sessions.create(owner, Opening(**given))  # type: ignore[arg-type]

    def start(self) -> Job | None:
        taken = self.queue.take()
        return None if taken is None else taken.job

    def run(self, seconds: float = 1.0) -> str | None:
        """Run the next job for a while; its id."""
        job = self.start()
        if job is None:
            return None
        self.clock.go(seconds)
        self.queue.finish(job, "result", seconds)
        return job.id

    def state(self, session: Session) -> SessionState:
        return self.store.sessions.session(session.id).state
