"""The order of the line, rule by rule."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from qpu_bridge.jobs import Mode, Owner, Reason, Session, SessionState, Word, queue
from qpu_bridge.jobs.account import WINDOW_DAYS
from qpu_bridge.jobs.order import next_in_line
from qpu_bridge.jobs.states import Move
from tests.jobs.room import ALICE, BOB, CAROL, OWNERS, Room


def test_who_used_least_goes_first(room: Room) -> None:
    room.submit(ALICE)
    room.run(10.0)
    hers, his = [room.submit(ALICE) for _ in range(2)], [room.submit(BOB) for _ in range(3)]
    # bob until he has used more than alice's ten seconds
    assert [room.run(6.0) for _ in range(5)] == [his[0], his[1], hers[0], his[2], hers[1]]


@pytest.mark.parametrize("seed", range(8))
def test_the_order_is_that_of_a_simple_model(path: Path, seed: int) -> None:
    print(f"seed {seed}")
    draw, room = random.Random(seed), Room(path)
    waiting: list[tuple[Owner, int, str]] = []
    used = dict.fromkeys(OWNERS, 0.0)
    for _ in range(60):
        if draw.random() < 0.6:
            owner, priority = draw.choice(OWNERS), draw.choice([0, 0, 0, 0, 5])
            waiting.append((owner, priority, room.submit(owner)))
            if priority:
                room.store.priorities.set_job(waiting[-1][2], priority)
            continue
        # the highest priority; then who used least, and of those the first come: lists keep the order of coming
        expected = min(waiting, key=lambda one: (-one[1], used[one[0]]), default=None)
        seconds = draw.choice([1.0, 2.5, 30.0])
        assert room.run(seconds) == (expected and expected[2])
        if expected is not None:
            waiting.remove(expected)
            used[expected[0]] += seconds
    room.store.close()


def test_cancelled_jobs_and_old_use_are_not_counted(room: Room) -> None:
    room.submit(ALICE)
    room.run(100.0)
    room.store.cancel(room.submit(BOB))
    room.clock.go(86_400.0 * WINDOW_DAYS)
    room.submit(BOB)
    room.run(1.0)
    hers, his = room.submit(ALICE), room.submit(BOB)
    assert [room.run(), room.run()] == [hers, his]


def test_what_runs_elsewhere_is_counted_as_it_grows(room: Room) -> None:
    room.submit(ALICE, backend="lab_six")
    assert room.runner("r6", "lab_six").take() is not None
    room.store.devices.beat("lab_six", "r6")
    room.clock.go(5.0)
    hers, his = room.submit(ALICE), room.submit(BOB)
    assert [room.run(), room.run()] == [his, hers]


def test_priority_of_a_job_and_of_an_owner(room: Room) -> None:
    first, second = room.submit(), room.submit()
    assert room.store.priorities.set_job(second, 3).priority == 3
    bobs = room.submit(BOB)
    assert room.store.priorities.set_owner(BOB, 9) == 1
    later = room.submit(BOB)
    assert [room.run() for _ in range(4)] == [bobs, later, second, first]
    assert [entry.act for entry in room.store.audit.entries()] == ["owner.priority", "job.priority"]


def test_a_paused_device_starts_nothing(room: Room) -> None:
    session = room.open()
    waiting = room.submit(ALICE, session)
    room.store.devices.pause("lab_two", "helium", actor="carol")
    assert room.run() is None
    room.store.devices.resume("lab_two", actor="carol")
    assert room.run() == waiting
    assert [(entry.act, entry.actor) for entry in room.store.audit.entries()] == [
        ("device.resume", "carol"),
        ("device.pause", "carol"),
    ]


def test_an_instances_quota_stops_all_its_users(room: Room) -> None:
    room.store.quotas.set("lab", seconds=10)
    first, others = room.submit(ALICE), room.submit(BOB)
    elsewhere = room.submit(Owner("dora", "attic"))
    assert room.run(20.0) == first
    assert [room.run(), room.run()] == [elsewhere, None]
    room.clock.go(86_400.0 * WINDOW_DAYS)
    assert room.run() == others


class TestMaintenance:
    def test_what_would_not_end_in_time_waits(self, room: Room) -> None:
        at = room.clock()
        room.store.maintenance.plan("lab_two", at + timedelta(seconds=100), at + timedelta(seconds=200), "new amplifier")
        long, short = room.submit(ALICE, estimate_s=150.0), room.submit(ALICE, estimate_s=50.0)
        unknown, bounded = room.submit(BOB), room.submit(BOB, cost=20)
        assert [room.run(20.0), room.run(20.0), room.run(20.0)] == [short, bounded, None]
        room.store.devices.beat("lab_two", "r1")
        assert room.store.devices.condition("lab_two").word is Word.ONLINE
        room.clock.go(70.0)
        room.store.devices.beat("lab_two", "r1")
        condition = room.store.devices.condition("lab_two")
        assert (condition.word, condition.reason) == (Word.PAUSED, "maintenance until 2026-11-21T08:03Z: new amplifier")
        assert room.run() is None
        room.clock.go(100.0)  # it ends by itself
        room.store.devices.beat("lab_two", "r1")
        assert room.store.devices.condition("lab_two").word is Word.ONLINE
        assert {room.run(), room.run()} == {long, unknown}

    def test_it_can_be_struck(self, room: Room) -> None:
        at = room.clock()
        window = room.store.maintenance.plan("lab_two", at, at + timedelta(seconds=100))
        assert room.store.maintenance.windows("lab_two") == (window,)
        waiting = room.submit()
        assert room.run() is None
        room.store.maintenance.remove(window.number)
        assert room.run() == waiting
        assert room.store.maintenance.windows() == ()


def test_estimates_follow_what_such_jobs_took(room: Room) -> None:
    assert room.store.job(room.submit(ALICE)).estimate_s is None
    room.run(4.0)
    assert room.store.job(room.submit(ALICE)).estimate_s == 4.0
    assert room.store.job(room.submit(BOB)).estimate_s is None  # alice's jobs say nothing of bob's
    planned = room.submit(BOB, estimate_s=10.0)
    assert room.store.job(planned).estimate_s == 10.0
    for _ in range(3):
        room.run(20.0)
    assert room.store.job(room.submit(CAROL, estimate_s=3.0)).estimate_s == pytest.approx(6.0)
    assert room.store.devices.wait_s("lab_two") == pytest.approx(6.0)


def test_a_failed_job_costs_what_it_used(room: Room) -> None:
    room.submit(ALICE)
    job = room.start()
    assert job is not None
    room.queue.end(job, Move.FAIL, Reason("because", 1), 3.0)
    assert room.store.quotas.balances(ALICE)[0].used_s == 3.0


ACTS: dict[str, Callable[[Room, str], object]] = {
    "planned": lambda room, _: room.store.maintenance.plan("lab_two", room.clock.now, room.clock.now + timedelta(hours=1)),
    "paused": lambda room, _: room.store.devices.pause("lab_two", "somebody is in there"),
    "faulted": lambda room, _: room.store.devices.fault("lab_two", "warm"),
    "limited": lambda room, _: room.store.quotas.set("lab", "alice", seconds=0),
    "cancelled": lambda room, job_id: room.store.cancel(job_id),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_is_done_while_the_runner_decides_is_heard(room: Room, act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = room.submit(ALICE)
    begin = room.store.database.note

    def late() -> AbstractContextManager[Connection]:
        monkeypatch.undo()
        ACTS[act](room, job_id)
        return begin()

    monkeypatch.setattr(room.store.database, "note", late)
    assert room.start() is None
    assert room.store.job(job_id).running is None


class TestPutBack:
    """Device time of a job that was put back is paid for once, however its session goes on."""

    def begun(self, room: Room, session: Session) -> str:
        """A job that used 5 s and waits again."""
        job_id = room.submit(ALICE, session)
        job = room.start()
        assert job is not None
        room.clock.go(5.0)
        room.queue.put_back(replace(job, usage_s=5.0))
        return job_id

    def paid_s(self, room: Room) -> float:
        return room.store.quotas.balances(ALICE)[0].used_s

    def test_it_ends_with_its_session(self, room: Room) -> None:
        session = room.open()
        self.begun(room, session)
        room.clock.go(10.0)
        ended = room.store.sessions.cancel(session.id)
        assert (ended.used_s, ended.held_s, ended.elapsed_s) == (5.0, 10.0, 15.0)
        assert self.paid_s(room) == 15.0

    def test_its_session_rests_meanwhile(self, room: Room) -> None:
        session = room.open()
        job_id = self.begun(room, session)
        room.store.devices.pause("lab_two", "amplifier")
        room.clock.go(100.0)  # it lets go after 60 s
        assert room.state(session) is SessionState.INACTIVE
        assert self.paid_s(room) == 60.0
        room.store.devices.resume("lab_two")
        job = room.start()
        assert job is not None
        room.clock.go(3.0)
        room.queue.finish(job, "result", 8.0)
        assert room.store.job(job_id).usage_s == 8.0
        room.store.sessions.cancel(session.id)
        assert self.paid_s(room) == 68.0

    def test_it_is_cancelled_alone(self, room: Room) -> None:
        session = room.open()
        room.store.cancel(self.begun(room, session))
        room.clock.go(10.0)
        room.store.sessions.cancel(session.id)
        assert self.paid_s(room) == 15.0

    def test_in_a_batch(self, room: Room) -> None:
        batch = room.open(mode=Mode.BATCH)
        self.begun(room, batch)
        room.clock.go(10.0)
        assert room.store.sessions.cancel(batch.id).usage_s(0) == 5.0
        assert self.paid_s(room) == 5.0


@pytest.mark.parametrize("limit", ["max_ttl", "active_ttl"])
def test_a_job_that_nobody_watched_is_waited_for(room: Room, limit: str) -> None:
    session = room.open(**{limit: 100})
    room.submit(ALICE, session)
    room.run(110.0)
    assert room.store.sessions.session(session.id).elapsed_s == 110.0


def test_everything_in_a_store_goes_by_its_clock(room: Room) -> None:
    begin = room.clock()
    assert room.store.job(room.submit()).created == begin
    session = room.open()
    assert room.store.sessions.session(session.id).created == room.store.database.at()
    room.store.devices.beat("lab_two", "r1")
    assert room.store.devices.condition("lab_two").word == "online"
    room.clock.go(3600.0)
    assert room.store.devices.condition("lab_two").word == "offline", "nobody was heard for an hour of the store's time"
    window = room.store.maintenance.plan("lab_two", begin + timedelta(hours=2), begin + timedelta(hours=3))
    assert room.store.maintenance.windows() == (window,)
    room.clock.go(3 * 3600.0)
    assert room.store.maintenance.windows() == ()


def test_the_line_goes_on_from_owner_to_owner(room: Room) -> None:
    """Every owner's first job is seen, whatever their names; others of the same name in another instance too."""
    owners = [Owner(user, instance) for user in ("", "a", "ab", "b", "é", "Z") for instance in ("", "lab", "other")]
    made = {owner: [room.submit(owner) for _ in range(2)] for owner in reversed(owners)}
    seen = [room.run(1.0) for _ in range(2 * len(owners))]
    assert set(seen[: len(owners)]) == {mine[0] for mine in made.values()}, "nobody's second before everybody's first"
    assert set(seen[len(owners) :]) == {mine[1] for mine in made.values()}
    assert room.run() is None


def test_a_runner_that_is_busy_looks_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(queue, "next_in_line", lambda *asked: looks.append(1) or next_in_line(*asked))
    made = [room.submit() for _ in range(3)]
    counts = []
    for _ in range(5):
        looks.clear()
        counts.append((room.run(), len(looks)))
    assert counts == [(made[0], 2), (made[1], 1), (made[2], 1), (None, 1), (None, 1)]


def test_a_runner_that_is_busy_still_ends_what_time_has_ended(room: Room) -> None:
    session = room.open(max_ttl=50)
    room.submit(ALICE, session)
    waiting = room.submit(ALICE, session)
    others = [room.submit(BOB) for _ in range(2)]
    room.run(100.0)
    assert room.run() == others[0]
    assert room.store.job(waiting).state == "Cancelled"
    assert room.state(session) == SessionState.CLOSED
    assert room.run() == others[1]
