"""Drivers that die and drivers that hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from qpu_bridge.driver import Run
from qpu_bridge.errors import DriverLost, SettingsError
from qpu_bridge.execution import Execution
from qpu_bridge.schedule import Schedule, Table
from qpu_bridge.transport import RemoteDriver, Supervisor

SLOW = {"row_seconds": 0.02}


def slow_run(schedule: Schedule, rows: int = 100_000) -> Run:
    return Run(schedule.digest, Table(np.zeros((rows, 1))), shots=1, seed=1, settings=SLOW)


def quick_run(schedule: Schedule) -> Run:
    return Run(schedule.digest, Table(np.zeros((2, 1))), shots=3, seed=1)


def test_a_driver_that_is_killed_is_noticed_at_once_restarted_and_plays_again(
    supervisor: Supervisor, endpoint: str, schedule: Schedule
) -> None:
    # of its heartbeat alone it would hear much later
    remote = RemoteDriver(endpoint, answer_s=60, patience_s=600)
    try:
        remote.load(schedule)
        before = [chunk.iq.tobytes() for chunk in remote.run(quick_run(schedule))]
        chunks = remote.run(slow_run(schedule))
        next(chunks)
        killed_at = time.monotonic()
        os.kill(supervisor.process_id, signal.SIGKILL)
        with pytest.raises(DriverLost):
            list(chunks)
        assert time.monotonic() - killed_at < 60
        supervisor.wait_ready(60, restarts=1)
        # the template is sent again without being asked for
        assert [chunk.iq.tobytes() for chunk in remote.run(quick_run(schedule))] == before
    finally:
        remote.close()


def test_a_run_goes_on_where_it_was_when_the_driver_is_told_to_leave_and_comes_back(
    supervisor: Supervisor, endpoint: str, schedule: Schedule
) -> None:
    remote = RemoteDriver(endpoint, answer_s=60)
    execution = Execution(remote, remote.capabilities())
    try:
        chunks = execution.run(schedule, [Table(np.zeros((100, 1)))], 1, seed=1, settings=SLOW)
        rows = [next(chunks).rows]
        os.kill(supervisor.process_id, signal.SIGTERM)
        rows += [chunk.rows for chunk in chunks]
        assert sum(rows) == 100
        assert execution.resumed
        assert supervisor.restarts == 1
    finally:
        remote.close()


def test_a_driver_that_hangs_is_noticed_by_its_heartbeat_and_replaced(
    supervisor: Supervisor, endpoint: str, schedule: Schedule
) -> None:
    # some seconds before its supervisor gives it up, which breaks the connection
    remote = RemoteDriver(endpoint, answer_s=60, heartbeat_s=0.1, patience_s=1.5)
    try:
        remote.load(schedule)
        chunks = remote.run(slow_run(schedule))
        next(chunks)
        os.kill(supervisor.process_id, signal.SIGSTOP)
        with pytest.raises(DriverLost, match="heartbeat"):
            list(chunks)
        supervisor.wait_ready(60, restarts=1)
        assert len(list(remote.run(quick_run(schedule)))) == 1
    finally:
        remote.close()


def test_a_driver_that_dies_again_and_again_is_given_up(endpoint: str) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such board')"]
    with Supervisor(command, endpoint, back_off_s=0.01, restarts=2) as supervisor:
        with pytest.raises(DriverLost, match="no such board"):
            supervisor.wait_ready(60)
        assert supervisor.restarts == 2
        assert supervisor.phase == "failed"


def test_a_driver_that_never_answers_is_killed(endpoint: str) -> None:
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with (
        Supervisor(command, endpoint, ready_s=0.2, restarts=0) as supervisor,
        pytest.raises(DriverLost, match="no sign of life"),
    ):
        supervisor.wait_ready(60)
    assert supervisor.process_id is None


def test_a_program_that_is_not_there_is_the_operators(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="startable"):
        Supervisor(["/nowhere/driver"], endpoint).start()


def test_stop_ends_the_process_cleanly(supervisor: Supervisor, endpoint: str) -> None:
    process = psutil.Process(supervisor.process_id)
    supervisor.stop()
    assert not process.is_running()
    assert supervisor.phase == "stopped"


def test_the_driver_ends_with_its_parent(endpoint: str, tmp_path: Path) -> None:
    parent = (
        "import sys; from qpu_bridge.transport import Supervisor\n"
        f"s = Supervisor({_command(endpoint)!r}, {endpoint!r}); s.start(); s.wait_ready(60)\n"
        "print(s.process_id, flush=True); sys.stdin.read()\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(parent)
    with subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        child = psutil.Process(int(process.stdout.readline()))
        process.kill()
        process.wait()
        psutil.wait_procs([child], timeout=60)
        assert not child.is_running()


def _command(endpoint: str) -> list[str]:
    return [
        *(sys.executable, "-m", "qpu_bridge.transport.process", "loopback"),
        *("--endpoint", endpoint, "--device", "lab_five", "--snapshot", "five"),
    ]


@pytest.mark.parametrize(("name", "options"), [("teapot", "{}"), ("loopback", '{"colour": "blue"}')])
def test_a_driver_whose_settings_are_wrong_is_not_started_again(endpoint: str, name: str, options: str) -> None:
    command = [sys.executable, "-m", "qpu_bridge.transport.process", name, "--endpoint", endpoint]
    command += ["--device", "lab_five", "--snapshot", "five", "--options", options]
    with Supervisor(command, endpoint) as supervisor:
        with pytest.raises(SettingsError, match=r"teapot|colour"):
            supervisor.wait_ready(60)
        assert supervisor.restarts == 0


def test_a_driver_that_waits_is_opened_when_it_is_wanted_and_one_that_dies_before_is_followed_by_one_that_does_not(
    endpoint: str,
) -> None:
    socket = Path(endpoint.removeprefix("ipc://"))
    with Supervisor(_command(endpoint), endpoint, waits=True, back_off_s=0.01) as supervisor:
        with pytest.raises(DriverLost, match="starting"):
            supervisor.wait_ready(0.2)
        os.kill(supervisor.process_id, signal.SIGKILL)
        supervisor.go_on()
        supervisor.wait_ready(60, restarts=1)
        assert socket.exists()
    with Supervisor(_command(endpoint), endpoint, waits=True) as supervisor:
        process = psutil.Process(supervisor.process_id)
        supervisor.go_on()
        supervisor.wait_ready(60)
        assert supervisor.process_id == process.pid


class Pipe:
    """Standard input of a process that dies while somebody writes into it."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor, self._process = supervisor, supervisor._process
        self._real = self._process.stdin

    def write(self, data: bytes) -> None:
        self._process.kill()
        # nobody may close it, or take it for that of another process, until this is over
        with self._supervisor._change:
            self._supervisor._change.wait_for(lambda: self._supervisor.phase == "waiting", 0.5)

    def flush(self) -> None:
        self._real.flush()

    def close(self) -> None:
        self._real.close()


def test_one_that_dies_while_it_is_told_to_go_on_is_followed_by_one_that_does_not_wait(endpoint: str) -> None:
    with Supervisor(_command(endpoint), endpoint, waits=True, back_off_s=0.01) as supervisor:
        supervisor._process.stdin = Pipe(supervisor)
        supervisor.go_on()
        supervisor.wait_ready(60, restarts=1)


def test_one_that_waits_for_nobody_leaves_when_it_is_told_to_without_having_opened_its_driver(endpoint: str) -> None:
    command = [*_command(endpoint), "--options", '{"colour": "blue"}']
    with Supervisor(command, endpoint, waits=True, restarts=0) as supervisor:
        process = psutil.Process(supervisor.process_id)
        # it has nothing left to import but its last words
        while not any(thread for thread in process.threads()[1:]):
            assert process.is_running()
        process.terminate()
        with pytest.raises(DriverLost, match=r"the process ended with (0|-15):"):
            supervisor.wait_ready(60)
        assert not supervisor.unusable
    assert not Path(endpoint.removeprefix("ipc://")).exists()


def test_what_waits_and_is_not_installed_is_told_of(endpoint: str) -> None:
    command = [sys.executable, "-m", "qpu_bridge.transport.process", "teapot", "--endpoint", endpoint, "--device", "d"]
    with Supervisor([*command, "--snapshot", "five"], endpoint, waits=True) as supervisor:
        with pytest.raises(SettingsError, match="teapot"):
            supervisor.wait_ready(60)
        supervisor.go_on()
