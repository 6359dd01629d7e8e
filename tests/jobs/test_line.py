"""What stands before a device, for who keeps it."""

from __future__ import annotations

from qpu_bridge.jobs import Owner, Store
from qpu_bridge.jobs.line import line_of
from qpu_bridge.jobs.queue import Queue
from tests.jobs.conftest import Accept


def test_the_running_job_comes_first_then_priority_then_age(store: Store, accept: Accept, bob: Owner) -> None:
    old, middle, new = accept(), accept(bob), accept()
    accept(backend="other_two")
    assert [job.id for job in line_of(store, "lab_two").jobs] == [old.id, middle.id, new.id]
    store.priorities.set_job(new.id, 2)
    line = line_of(store, "lab_two")
    assert [job.id for job in line.jobs] == [new.id, old.id, middle.id]
    assert line.first == new.id
    assert Queue(store.database, "lab_two", "r1").take() is not None
    line = line_of(store, "lab_two")
    assert line.jobs[0].id == new.id
    assert line.first is None


def test_nothing_may_start_on_a_paused_device(store: Store, accept: Accept) -> None:
    job = accept()
    store.devices.pause("lab_two", "helium")
    line = line_of(store, "lab_two")
    assert [one.id for one in line.jobs] == [job.id]
    assert line.first is None
    assert line_of(store, "moon_one").jobs == ()
