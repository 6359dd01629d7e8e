"""Users see how a device is, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qpu_bridge.jobs import Condition, Store, Word, devices

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept


def test_a_device_without_a_runner_is_offline(store: Store) -> None:
    assert store.devices.condition("lab_two") == Condition(Word.OFFLINE, "its runner is not there", 0)


def test_a_heartbeat_brings_it_online_for_a_while(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.devices.beat("lab_two", "r")
    assert store.devices.condition("lab_two").word is Word.ONLINE
    monkeypatch.setattr(devices, "STALE_S", -1.0)
    assert store.devices.condition("lab_two").word is Word.OFFLINE


def test_leaving_and_faults(store: Store) -> None:
    store.devices.beat("lab_two", "r")
    store.devices.fault("lab_two", "the fridge is warm")
    assert store.devices.condition("lab_two") == Condition(Word.OFFLINE, "the fridge is warm", 0)
    store.devices.fault("lab_two", "")
    assert store.devices.condition("lab_two").word is Word.ONLINE
    store.devices.leave("lab_two", "the one before")
    assert store.devices.condition("lab_two").word is Word.ONLINE
    store.devices.leave("lab_two", "r")
    assert store.devices.condition("lab_two").word is Word.OFFLINE


def test_people_come_first(store: Store) -> None:
    store.devices.beat("lab_two", "r")
    store.devices.pause("lab_two", "helium")
    assert store.devices.condition("lab_two") == Condition(Word.PAUSED, "helium", 0)
    store.devices.beat("lab_two", "r")
    assert store.devices.condition("lab_two").word is Word.PAUSED
    store.devices.resume("lab_two")
    assert store.devices.condition("lab_two").word is Word.ONLINE


def test_the_queue_counts_what_waits_or_runs(store: Store, accept: Accept) -> None:
    accept()
    accept(backend="lab_six")
    store.cancel(accept().id)
    assert {name: c.queue for name, c in store.devices.conditions(("lab_two", "lab_six", "x")).items()} == {
        "lab_two": 1,
        "lab_six": 1,
        "x": 0,
    }
