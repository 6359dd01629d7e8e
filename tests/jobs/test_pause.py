"""Pauses between jobs: who may use them, when they end, and what starts on a device that calibration finds unfit."""

from __future__ import annotations

import threading
from datetime import timedelta

from qpu_bridge.jobs import Job, Mode, Runner, Store, Word, Work
from qpu_bridge.jobs.pause import LOOK_S, Pause
from tests.jobs.room import BOB, Room


class Seconds:
    """A clock that never goes back."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += max(seconds, LOOK_S)


def pause(room: Room, clock: Seconds, stop: threading.Event | None = None, longest_s: float = 60.0) -> Pause:
    return Pause(room.queue, stop or threading.Event(), longest_s, clock)


def test_a_pause_lasts_until_a_job_has_waited_long_enough(room: Room) -> None:
    clock = Seconds()
    mine = pause(room, clock)
    for _ in range(5):
        assert (mine.free(), mine.wanted(), mine.over()) == (True, False, False)
        clock.go(100.0)
    room.submit()
    assert (mine.wanted(), mine.over()) == (True, False)
    clock.go(59.0)
    assert not mine.over()
    clock.go(1.0)
    assert mine.over()


def test_a_job_that_is_cancelled_waits_no_longer(room: Room) -> None:
    clock = Seconds()
    mine = pause(room, clock)
    job = room.submit()
    assert mine.wanted()
    room.store.cancel(job)
    clock.go(61.0)
    assert (mine.wanted(), mine.over()) == (False, False)


def test_the_device_of_a_session_is_not_free_and_that_of_a_batch_is(room: Room) -> None:
    clock = Seconds()
    session = room.open()
    # one that nobody has used yet has no device
    assert pause(room, clock).free()
    room.submit(session=session)
    assert room.run()
    assert not pause(room, clock).free()
    room.clock.go(59.0)
    assert not pause(room, clock).free()
    room.clock.go(2.0)
    # it let go of the device: who takes jobs notices
    assert room.start() is None
    assert pause(room, clock).free()
    batch = room.open(BOB, Mode.BATCH)
    room.submit(BOB, batch)
    assert room.run()
    assert pause(room, clock).free()


def test_people_maintenance_and_faults_end_a_pause(room: Room) -> None:
    clock = Seconds()
    mine = pause(room, clock)
    assert mine.free()
    room.store.devices.pause("lab_two", "new attenuators")
    clock.go(1.0)
    assert (mine.free(), mine.over()) == (False, True)
    room.store.devices.resume("lab_two")
    clock.go(1.0)
    assert mine.free()
    room.store.devices.fault("lab_two", "no clock")
    clock.go(1.0)
    assert mine.over()
    room.store.devices.fault("lab_two", "")
    now = room.clock()
    room.store.maintenance.plan("lab_two", now, now + timedelta(hours=1))
    clock.go(1.0)
    assert mine.over()


def test_a_runner_that_stops_ends_a_pause(room: Room) -> None:
    stop = threading.Event()
    mine = pause(room, Seconds(), stop)
    assert not mine.over()
    stop.set()
    assert mine.wanted()
    assert mine.over()


def test_an_unfit_device_takes_calibrations_only(room: Room) -> None:
    devices = room.store.devices
    sampler = room.submit(BOB)
    devices.beat("lab_two", "r1")
    devices.unfit("lab_two", "0 of 5 qubits are operational")
    condition = devices.condition("lab_two")
    assert (condition.word, condition.reason) == (Word.PAUSED, "found unfit by calibration: 0 of 5 qubits are operational")
    assert room.run() is None
    # monitors go on: they find out when it is well
    assert pause(room, Seconds()).free()
    first, second = (room.submit(program_id="calibrate") for _ in range(2))
    assert (room.run(), room.run(), room.run()) == (first, second, None)
    devices.unfit("lab_two", "")
    assert devices.condition("lab_two").word is Word.ONLINE
    assert room.run() == sampler
    acts = [(entry.actor, entry.act, entry.details) for entry in room.store.audit.entries()]
    assert acts[:2] == [("bridge", "device.fit", ""), ("bridge", "device.unfit", "0 of 5 qubits are operational")]


def test_people_have_the_last_word(room: Room) -> None:
    devices = room.store.devices
    job = room.submit()
    devices.beat("lab_two", "r1")
    devices.unfit("lab_two", "1 of 5 qubits")
    devices.pause("lab_two", "I look after it")
    # who paused it is told apart
    assert devices.condition("lab_two").reason == "I look after it"
    assert room.store.devices.condition("lab_two").word is Word.PAUSED
    devices.resume("lab_two", actor="root")
    assert devices.condition("lab_two").word is Word.ONLINE
    assert room.run() == job


def test_in_a_session_only_its_own_calibrations_start_on_an_unfit_device(room: Room) -> None:
    session = room.open()
    room.submit(session=session)
    assert room.run()
    room.store.devices.unfit("lab_two", "1 of 5 qubits")
    room.submit(BOB, program_id="calibrate")
    room.submit(session=session)
    assert room.run() is None
    mine = room.submit(session=session, program_id="calibrate")
    assert room.run() == mine


def test_a_batch_finishes_on_the_calibration_it_began_with(room: Room) -> None:
    batch = room.open(mode=Mode.BATCH, calibration_id="cal-7")
    for _ in range(2):
        room.submit(session=batch)
        job = room.start()
        assert job is not None
        assert job.calibration_id == "cal-7"
        room.queue.finish(job, "{}", 1.0)


def test_the_runner_offers_each_pause_and_survives_what_is_made_of_it(store: Store) -> None:
    from qpu_bridge.errors import DriverFault
    from qpu_bridge.jobs import Owner, Request

    told: list[str] = []

    def run(job: Job, work: Work) -> str:
        told.append("job")
        return "{}"

    def between(gap: Pause) -> None:
        told.append("pause" if gap.free() else "taken")
        if len(told) >= 6:
            runner.stop()
        raise DriverFault("no") if len(told) < 4 else ValueError("unforeseen")

    runner = Runner(store, "lab_two", run, between=between)
    for _ in range(2):
        store.accept(Owner("alice", "lab"), Request("sampler", "lab_two", b"{}"))
    runner.serve()
    assert told == ["job", "pause", "job", "pause", "pause", "pause"]
