"""The device's own time: usage, real time on demand, drift between runs."""

import threading
import time

import numpy as np
import pytest

from qpu_bridge.driver import Run
from qpu_bridge.errors import Cancelled, SettingsError
from qpu_bridge.schedule import Table
from qpu_emulator.clock import VirtualClock
from qpu_emulator.driver import EmulatorDriver


@pytest.fixture
def flip(bench):
    bench.gate("x", 0)
    bench.measure(0)
    return bench.build()


def _open(snapshot, **options):
    return EmulatorDriver("emu_five", snapshot, options)


def _play(driver, schedule, shots=20, **options):
    driver.load(schedule)
    return list(driver.run(Run(schedule.digest, Table.single(), shots, seed=3, **options)))


def test_usage_is_what_the_shots_and_their_waits_last(driver, flip):
    (chunk,) = _play(driver, flip, 50, rep_delay_s=1e-3)
    wanted = 50 * (1e-3 + float(flip.duration * flip.clock.dt))
    assert (chunk.stopped_ns - chunk.started_ns) * 1e-9 == pytest.approx(wanted, rel=1e-6)


def test_real_time_does_not_run_behind_the_device(snapshot, flip):
    driver = _open(snapshot, clock="real")
    driver.load(flip)
    started = time.monotonic()
    chunks = _play(driver, flip, 50, rep_delay_s=2e-3)
    assert 0.1 <= time.monotonic() - started < 60
    assert chunks[0].bits.tobytes() == _play(_open(snapshot), flip, 50, rep_delay_s=2e-3)[0].bits.tobytes()


def test_waiting_for_real_time_can_be_aborted(snapshot, flip, monkeypatch):
    waits, wait = threading.Event(), VirtualClock.wait
    monkeypatch.setattr(VirtualClock, "wait", lambda clock, stopped: waits.set() or wait(clock, stopped))
    driver = _open(snapshot, clock="real")
    driver.load(flip)
    chunks = driver.run(Run(flip.digest, Table(np.zeros((2, 0))), 100, rep_delay_s=5.0))
    # an abort before the run begins stops nothing
    stopper = threading.Thread(target=lambda: waits.wait(60) and driver.abort())
    stopper.start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        list(chunks)
    stopper.join()
    assert time.monotonic() - started < 60


def test_a_device_drifts_while_shots_go_by(snapshot, bench):
    """Each run names the age it was played at; asked to be at that age again, the device gives the same bytes."""
    bench.gate("sx", 0)
    bench.wait(40_000)
    bench.gate("sx", 0)
    bench.measure(0)
    fringe = bench.build()
    driver = _open(snapshot, drift=True, age_h=3.0)
    assert not driver.capabilities().deterministic
    first, later = (_play(driver, fringe, 2000, rep_delay_s=0.9)[0] for _ in range(2))
    assert first.notes["age_h"] == 3.0
    assert later.notes["age_h"] == pytest.approx(3.5, abs=1 / 60)
    assert first.iq.tobytes() != later.iq.tobytes()
    again = _play(driver, fringe, 2000, rep_delay_s=0.9, settings={"age_h": later.notes["age_h"]})[0]
    assert again.iq.tobytes() == later.iq.tobytes()


def test_within_a_minute_a_device_keeps_its_solved_pulses(snapshot, flip):
    driver = _open(snapshot, drift=True)
    libraries = set()
    for _ in range(12):
        _play(driver, flip, 100, rep_delay_s=0.1)
        libraries.add(next(reversed(driver._libraries._kept)))
    assert len(libraries) <= 3  # 120 s in steps of 60 s


def test_drift_can_be_switched_off(snapshot, flip):
    drifting, plain = _open(snapshot, drift=True, age_h=50.0), _open(snapshot)
    (chunk,) = _play(drifting, flip, settings={"drift": 0})
    assert "age_h" not in chunk.notes
    assert chunk.iq.tobytes() == _play(plain, flip)[0].iq.tobytes()


@pytest.mark.parametrize(
    ("options", "text"),
    [({"clock": "slow"}, "clock"), ({"age_h": -1}, "age_h"), ({"drift": "yes"}, "drift"), ({"threads": 0}, "threads")],
)
def test_options_that_do_not_fit_are_named(snapshot, options, text):
    with pytest.raises(SettingsError, match=f"option {text}"):
        _open(snapshot, **options)
