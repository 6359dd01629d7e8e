"""What sessions and batches mean to the order of jobs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from qpu_bridge.errors import BadRequest
from qpu_bridge.jobs import Mode, Opening, SessionState, State
from qpu_bridge.settings import Limits
from tests.jobs.room import ALICE, BOB, Room


def test_a_dedicated_session_is_the_only_workload(room: Room) -> None:
    session = room.open(BOB)
    first = room.submit(BOB, session)
    alices = room.submit(ALICE)
    room.store.priorities.set_job(first, 1)
    assert room.run(30.0) == first
    room.store.priorities.set_job(alices, 100)  # neither use nor priority takes the device away
    assert room.run() is None
    second = room.submit(BOB, session)
    assert room.run(30.0) == second
    room.clock.go(59.9)
    assert room.run() is None
    room.clock.go(0.2)
    assert room.state(session) is SessionState.INACTIVE
    assert room.run() == alices
    third = room.submit(BOB, session)
    assert room.run() == third
    assert room.state(session) is SessionState.ACTIVE


def test_what_it_held_is_on_its_owners_account(room: Room) -> None:
    session = room.open()
    room.submit(ALICE, session)
    room.run(5.0)
    room.clock.go(30.0)
    session = room.store.sessions.session(session.id)
    assert room.store.sessions.usage_s(session) == 35.0
    room.store.sessions.cancel(session.id)
    assert room.store.quotas.balances(ALICE)[0].used_s == pytest.approx(35.0)
    room.clock.go(100.0)
    assert room.store.sessions.usage_s(room.store.sessions.session(session.id)) == 35.0


def test_a_session_that_is_active_for_too_long_lets_others_in(room: Room) -> None:
    session = room.open(active_ttl=20)
    for _ in range(3):
        room.submit(ALICE, session)
    bobs = room.submit(BOB)
    room.run(15.0)
    job = room.start()
    assert job is not None
    room.clock.go(10.0)
    assert room.state(session) is SessionState.PENDING_INACTIVE
    room.queue.finish(job, "result", 10.0)
    assert room.state(session) is SessionState.INACTIVE
    assert room.run() == bobs
    assert room.run() is not None
    assert room.state(session) is SessionState.ACTIVE


def test_the_longest_time(room: Room) -> None:
    session = room.open(max_ttl=100)
    running, waiting = room.submit(ALICE, session), room.submit(ALICE, session)
    room.clock.go(5000.0)  # in the queue: its time has not begun
    job = room.start()
    assert job is not None
    room.clock.go(100.0)
    assert room.state(session) is SessionState.PENDING_CLOSED
    ended = room.store.job(waiting)
    assert (ended.state, ended.reason_code) == (State.CANCELLED, 2001)
    assert ended.reason == "its session was closed before it started: its longest time of 100 s was over"
    room.queue.finish(job, "result", 100.0)
    assert room.store.job(running).state is State.COMPLETED
    assert room.state(session) is SessionState.CLOSED


def test_time_goes_on_while_nobody_looks(room: Room) -> None:
    session = room.open(max_ttl=100)
    room.submit(ALICE, session)
    room.run(10.0)
    waiting = room.submit(ALICE, session)
    room.clock.go(10_000.0)
    bobs = room.submit(BOB)
    assert room.run() == bobs  # the runner looks
    assert room.store.job(waiting).state is State.CANCELLED
    closed = room.store.sessions.session(session.id)
    assert closed.closed is not None
    assert closed.started is not None
    # it held the device until nothing had run for 60 s, not until somebody looked
    assert (closed.closed - closed.started) / 1e6 == 100.0
    assert closed.elapsed_s == 70.0


def test_a_session_survives_its_runner(room: Room) -> None:
    session = room.open()
    job_id = room.submit(ALICE, session)
    room.start()
    room.clock.go(300.0)
    room.queue = room.runner("r2")
    room.queue.recover()
    assert room.state(session) is SessionState.ACTIVE
    bobs = room.submit(BOB)
    assert [room.run(), room.run()] == [job_id, None]
    room.store.sessions.cancel(session.id)
    assert room.run() == bobs


def test_a_batch_goes_on_for_a_turn(path: Path) -> None:
    room = Room(path, Limits(batch_turn_seconds=25))
    batch = room.open(ALICE, Mode.BATCH)
    hers = [room.submit(ALICE, batch) for _ in range(5)]
    room.submit(BOB)
    his = [room.submit(BOB) for _ in range(2)]
    order = [room.run(10.0) for _ in range(8)]
    # three jobs of 10 s begin within the turn; then bob until he has used as much
    assert order[:3] == hers[:3]
    assert order[4:6] == his
    assert order[6:] == hers[3:]
    used = room.store.sessions.session(batch.id)
    assert room.store.sessions.usage_s(used) == 50.0
    room.store.close()


def test_a_batch_makes_way_for_a_priority(room: Room) -> None:
    batch = room.open(ALICE, Mode.BATCH)
    room.submit(ALICE, batch)
    hers = room.submit(ALICE, batch)
    room.run()
    urgent = room.submit(BOB)
    room.store.priorities.set_job(urgent, 1)
    assert [room.run(), room.run()] == [urgent, hers]


def test_a_session_that_cannot_run_does_not_hold_the_device(room: Room) -> None:
    room.store.quotas.set("lab", "alice", seconds=10)
    session = room.open()
    waiting = [room.submit(ALICE, session) for _ in range(2)]
    bobs = room.submit(BOB)
    assert room.run(20.0) == waiting[0]
    assert room.run() is None  # alice has used up her time, and has the device
    room.clock.go(61.0)
    assert room.run() == bobs
    assert room.run() is None
    room.store.quotas.set("lab", "alice", seconds=1000)
    assert room.run() == waiting[1]


def test_a_request_of_one_name_opens_one_session(room: Room) -> None:
    opening = Opening("lab_two", Mode.DEDICATED, 1000, 60, request_key="mine", digest=b"x" * 32)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: room.store.sessions.create(ALICE, opening).id, range(16)))
    assert len(set(made)) == 1
    assert room.store.sessions.create(BOB, opening).id not in made
    assert room.store.sessions.create(ALICE, replace(opening, request_key=None)).id not in made
    with pytest.raises(BadRequest, match="a key must stand for one request; got mine"):
        room.store.sessions.create(ALICE, replace(opening, digest=b"y" * 32))
