"""What is expected of the line is what happens."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from qpu_bridge.jobs import Mode, Session
from qpu_bridge.settings import Limits
from tests.jobs.room import ALICE, BOB, OWNERS, Room


@pytest.mark.parametrize("seed", range(4))
def test_the_line_runs_as_it_was_foretold(path: Path, seed: int) -> None:
    print(f"seed {seed}")
    draw, room = random.Random(seed), Room(path, Limits(batch_turn_seconds=20))
    groups: list[Session] = [room.open(owner, mode, max_ttl=10**6) for owner in OWNERS for mode in Mode]
    lengths: dict[str, float] = {}
    for _ in range(40):
        seconds = draw.choice([1.0, 5.0, 9.0])
        owner = draw.choice(OWNERS)
        mine = [None, None, None, *(one for one in groups if one.owner == owner)]
        job_id = room.submit(owner, draw.choice(mine), estimate_s=seconds)
        lengths[job_id] = seconds
        if draw.random() < 0.1:
            room.store.priorities.set_job(job_id, 2)
    for one in groups:  # or they would keep the device for a while after their last job
        room.store.sessions.accept_jobs(one.id, False)
    told = {job_id: room.store.expected(room.store.job(job_id)) for job_id in lengths}
    order = []
    while (job := room.start()) is not None:
        order.append((room.clock(), job.id))
        room.clock.go(lengths[job.id])
        room.queue.finish(job, "result", lengths[job.id])
    assert [told[job_id].position for _, job_id in order] == list(range(1, 41))
    assert [told[job_id].starts for _, job_id in order] == [moment for moment, _ in order]
    room.store.close()


def test_what_runs_is_waited_for_and_maintenance_too(room: Room) -> None:
    room.submit(ALICE, estimate_s=100.0)
    assert room.start() is not None
    room.clock.go(40.0)
    second, third = room.submit(BOB, estimate_s=50.0), room.submit(BOB, estimate_s=10.0)
    begin = room.clock()
    expected = room.store.expected(room.store.job(second))
    assert (expected.position, expected.starts, expected.ends) == (
        1,
        begin + timedelta(seconds=60),
        begin + timedelta(seconds=110),
    )
    room.store.maintenance.plan("lab_two", begin + timedelta(seconds=70), begin + timedelta(seconds=300))
    assert room.store.expected(room.store.job(third)).starts == begin + timedelta(seconds=350)
    room.store.devices.pause("lab_two", "helium")
    paused = room.store.expected(room.store.job(third))
    assert (paused.position, paused.starts) == (2, None)


def test_who_has_no_time_left_has_no_place(room: Room) -> None:
    waiting = room.submit(BOB)
    room.store.quotas.set("lab", "bob", seconds=0)
    assert room.store.expected(room.store.job(waiting)).position is None
