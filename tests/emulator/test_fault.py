"""Faults on demand: what a device does wrong, and that nobody may ask for it unasked."""

import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from qpu_bridge.driver import Run, State, check_chunk
from qpu_bridge.errors import Cancelled, DriverFault, SettingsError, UnsupportedOption
from qpu_bridge.schedule import Table
from qpu_emulator.driver import EmulatorDriver
from qpu_emulator.fault import Fault


@pytest.fixture(scope="module")
def willing(snapshot):
    """A device whose runs may ask for faults."""
    return EmulatorDriver("emu_five", snapshot, {"faults": True})


@pytest.fixture
def flip(bench):
    bench.gate("x", 0)
    bench.measure(0)
    return bench.build()


def _play(driver, schedule, rows=1, **settings):
    driver.load(schedule)
    run = Run(schedule.digest, Table(np.zeros((rows, 0))), 200, seed=3, settings=settings, rep_delay_s=1e-3)
    return run, list(driver.run(run))


def test_nobody_may_ask_for_a_fault_unless_the_rack_allows_it(driver, flip):
    with pytest.raises(UnsupportedOption, match="setting"):
        _play(driver, flip, fault="crash")


def test_a_chunk_is_lost(willing, flip):
    run, chunks = _play(willing, flip, rows=4000, fault="drop_chunk", fault_chunk=1)
    check_chunk(flip, run, chunks[0], 0)
    with pytest.raises(DriverFault, match="go on at row"):
        check_chunk(flip, run, chunks[1], chunks[0].rows)


def test_a_chunk_is_too_large(willing, flip):
    run, (chunk, *_) = _play(willing, flip, fault="oversize_chunk")
    with pytest.raises(DriverFault, match="must be"):
        check_chunk(flip, run, chunk, 0)


def test_a_digitizer_overflows(willing, flip):
    with pytest.raises(DriverFault, match="digitizer"):
        _play(willing, flip, fault="overflow")


def test_a_chunk_is_late_by_a_day_at_most(willing, flip):
    with pytest.raises(UnsupportedOption, match="fault_seconds must be a number from 0 to 86400"):
        _play(willing, flip, fault="delay_chunk", fault_seconds=1e12)


def test_a_late_chunk_does_not_outlast_an_abort(willing, flip):
    willing.load(flip)
    chunks = willing.run(
        Run(flip.digest, Table(np.zeros((4000, 0))), 200, settings={"fault": "delay_chunk", "fault_seconds": 1e4})
    )
    timer = threading.Timer(0.2, willing.abort)
    timer.start()
    with pytest.raises(Cancelled):
        list(chunks)
    timer.join()


def test_a_dead_qubit_stays_where_it_is_and_says_nothing(willing, flip):
    _, (chunk,) = _play(willing, flip, fault="dead_qubit", fault_qubit=0, readout=0)
    assert np.abs(chunk.iq).max() == 0
    _, (chunk,) = _play(willing, flip)
    assert chunk.bits.mean() > 0.9


def test_a_frequency_jumps(willing, flip):
    """A pi pulse of 32 ns barely reaches a qubit that is 80 MHz away."""
    _, (chunk,) = _play(willing, flip, fault="frequency_jump", fault_qubit=0, fault_hz=80e6)
    assert chunk.bits.mean() < 0.2


def test_a_fault_must_say_what_it_hits(willing, flip):
    with pytest.raises(UnsupportedOption, match="name its qubit"):
        _play(willing, flip, fault="dead_qubit")
    with pytest.raises(UnsupportedOption, match="of the device"):
        _play(willing, flip, fault="dead_qubit", fault_qubit=9)
    with pytest.raises(UnsupportedOption, match="come with the setting fault"):
        _play(willing, flip, fault_hz=2.0)


def test_a_file_of_faults_is_read_before_each_run_and_counted_down(snapshot, flip, tmp_path):
    path = tmp_path / "faults.json"
    driver = EmulatorDriver("emu_five", snapshot, {"faults": str(path)})
    _play(driver, flip)
    path.write_text(json.dumps([{"kind": "overflow", "times": 2}, {"kind": "dead_qubit", "qubit": 3}]))
    for _ in range(2):
        with pytest.raises(DriverFault, match="digitizer"):
            _play(driver, flip)
    _play(driver, flip)
    assert json.loads(path.read_text()) == [{"kind": "dead_qubit", "qubit": 3}]
    path.write_text('[{"kind": "flood"}]')
    with pytest.raises(DriverFault, match="list of them"):
        _play(driver, flip)


def test_faults_of_the_rack_file(snapshot, flip):
    driver = EmulatorDriver("emu_five", snapshot, {"faults": [{"kind": "overflow", "times": 1}]})
    with pytest.raises(DriverFault, match="digitizer"):
        _play(driver, flip)
    _play(driver, flip)
    with pytest.raises(SettingsError, match="faults"):
        EmulatorDriver("emu_five", snapshot, {"faults": [{"kind": "flood"}]})


def test_a_wrong_firmware_is_announced_and_refuses_to_work(snapshot, flip):
    driver = EmulatorDriver("emu_five", snapshot, {"faults": [{"kind": "firmware", "version": "0.3"}]})
    assert driver.capabilities().version == "0.3"
    assert driver.status().state is State.FAULTED
    with pytest.raises(DriverFault, match=r"firmware.*0\.3"):
        _play(driver, flip)


def test_a_wrong_firmware_cannot_be_counted_down():
    with pytest.raises(ValueError, match="no times"):
        Fault(kind="firmware", times=1)


HANGS = """
import os, threading
from qpu_bridge.driver import Chunk
from qpu_emulator.fault import Fault

def play():
    Fault(kind="hang").disturb(Chunk(0, 1), threading.Event())
    os.write(1, b"x")

os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
while True:
    thread = threading.Thread(target=play)
    thread.start()
    thread.join()
"""


def test_a_driver_that_hangs_gives_nothing_more():
    """Though another thread than the first one hangs, which on one processor might go on until the first one has heard of it."""
    with subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE) as process:
        os.set_blocking(process.stdout.fileno(), False)
        try:
            for woken in range(20):
                _, status = os.waitpid(process.pid, os.WUNTRACED)
                assert os.WIFSTOPPED(status)
                # what it gave when it was woken
                assert (process.stdout.read() or b"") == (b"x" if woken else b"")
                process.send_signal(signal.SIGCONT)
        finally:
            process.kill()
