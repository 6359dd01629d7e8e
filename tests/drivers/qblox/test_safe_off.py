"""Whatever ends, the outputs are silenced: the commands that the vendor's dummy was given, in processes that are killed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

LAB = Path(__file__).parent / "lab.toml"

RECORDER = '''
"""Imported by Python itself: writes down each command to a dummy's modules, and lets programs play until they are stopped."""
import json, os
from qblox_instruments.ieee488_2 import ModuleDummyTransport

real, start = ModuleDummyTransport._execute_cmd, ModuleDummyTransport._start

def record(self, parts, params, args, data=None):
    given = self._decode_bin(data).decode() if data and parts[-1].upper() in ("CHANNELMAP", "CONFIGURATION") else ""
    line = json.dumps([":".join(parts).upper(), [str(id(self)), *map(str, params)], [str(one) for one in args], given])
    real(self, parts, params, args, data)
    with open(f"{os.environ['RECORD']}.{os.getpid()}", "a") as file:
        file.write(line + "\\n")

def play_on(self, params, args, data):
    start(self, params, args, data)
    self._sequencer_status[str(params[0])] = "OKAY;RUNNING;;;;"

ModuleDummyTransport._execute_cmd = record
ModuleDummyTransport._start = play_on
'''

SCHEDULE = """
import sys
from qpu_bridge import plugins
from qpu_bridge.driver import Run
from qpu_bridge.schedule import Builder, Column, Output, Table
from qpu_bridge.schedule.shapes import constant
endpoint, options = sys.argv[1:3]
snapshot = plugins.open_snapshot("five", "lab_five")
build = Builder(snapshot.clock)
ports = {port.name: build.port(port.name, port.kind) for port in snapshot.ports}
frames = {frame.name: build.frame(frame.name, ports[frame.port], frame.frequency) for frame in snapshot.frames}
build.play(frames["q0"], constant(100), 0.3)
build.play(frames["c01"], constant(100), 0.3)
build.barrier()
build.play(frames["m0"], constant(440), 0.2)
build.capture(frames["a0"], build.column(Column("c", output=Output.IQ)), 400, at=140)
schedule = build.build()
"""

HOST = (
    SCHEDULE
    + """
import os
import subprocess
from qpu_bridge.transport import RemoteDriver, Supervisor
command = [sys.executable, "-m", "qpu_bridge.transport.process", "qblox", "--endpoint", endpoint]
command += ["--device", "lab_five", "--snapshot", "five", "--options", options]
recorded = {"PYTHONPATH": os.environ["RECORDER"]}
if sys.argv[3:]:
    supervisor = Supervisor(command, endpoint, environment=recorded)
    supervisor.start()
    supervisor.wait_ready()
    print(supervisor.process_id, flush=True)
else:
    print(subprocess.Popen(command, env=os.environ | recorded).pid, flush=True)
remote = RemoteDriver(endpoint, answer_s=60)
remote.load(schedule)
list(remote.run(Run(schedule.digest, Table.single(), 1000)))
"""
)

ALONE = (
    SCHEDULE
    + """
import json
driver = plugins.open_driver("qblox", "lab_five", snapshot, json.loads(options))
driver.load(schedule)
part = driver._held[schedule.digest].parts[0]
driver._instrument.start(part.template.program(Table.single(), 10, 10_000), part.wires)
"""
)


class Record:
    """The commands of a process so far, and what they have left on."""

    def __init__(self, folder: Path, process: int) -> None:
        self.path = folder / f"record.{process}"

    def commands(self) -> list[tuple[str, list[str], list[str], str]]:
        if not self.path.exists():
            return []
        # what follows the last line end is perhaps being written
        return [tuple(json.loads(line)) for line in self.path.read_text().rpartition("\n")[0].splitlines()]

    def playing(self) -> set[tuple[str, ...]]:
        """Sequencers, (module, number), that were started and not stopped."""
        found: set[tuple[str, ...]] = set()
        for command, parameters, _, _ in self.commands():
            if command.endswith("SEQUENCER#:START"):
                found.add(tuple(parameters))
            elif command.endswith("SEQUENCER#:STOP"):
                found.discard(tuple(parameters))
        return found

    def last(self, end: str) -> dict[tuple[str, ...], tuple[list[str], str]]:
        """What each place was told last by a command of this name: arguments, and a document."""
        return {
            tuple(parameters): (arguments, given)
            for command, parameters, arguments, given in self.commands()
            if command.endswith(end)
        }


@pytest.fixture
def options() -> dict[str, Any]:
    return tomllib.loads(LAB.read_text())["devices"]["lab_five"]["options"]


@pytest.fixture
def start(tmp_path: Path, assembler: Path, options: dict[str, Any]) -> Iterator[Any]:
    """Starts a script in a process of its own."""
    (tmp_path / "recorder").mkdir()
    (tmp_path / "recorder" / "sitecustomize.py").write_text(RECORDER)
    started: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        folder = str(tmp_path / "recorder")
        process = subprocess.Popen(
            [sys.executable, "-c", script, f"ipc://{tmp_path}/d", json.dumps(options), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"RECORD": str(tmp_path / "record"), "RECORDER": folder} | environment,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def until_it_plays(record: Record) -> None:
    """Wait until sequencers of drive, flux and readout have been started."""
    deadline = time.monotonic() + 300
    while len(record.playing()) < 3:
        assert time.monotonic() < deadline, record.commands()[-5:]
        select_nothing(0.02)


def select_nothing(seconds: float) -> None:
    """Let other processes work."""
    select.select([], [], [], seconds)


def assert_silent(record: Record) -> None:
    """Sequencers stopped and off all outputs, oscillators off, levels 0."""
    assert record.playing() == set()
    on = {parameters: told for parameters, (_, told) in record.last("SEQUENCER#:CHANNELMAP").items() if any(json.loads(told))}
    assert on == {}
    oscillators = record.last("LO#:ENABLE")
    assert len(oscillators) == 7
    assert {arguments[0] for arguments, _ in oscillators.values()} == {"0"}
    levels = record.last("AFE:OFFSET:DAC#") | record.last("AFE:OFFSET:OUTAMP#")
    assert len(levels) == 4 + 2 * 6
    assert {float(arguments[0]) for arguments, _ in levels.values()} == {0.0}


def was_on(record: Record) -> bool:
    """Whether there was anything to silence."""
    commands = record.commands()
    return any(command.endswith("LO#:ENABLE") and arguments == ["1"] for command, _, arguments, _ in commands)


@pytest.mark.parametrize("who", ["host", "driver"])
def test_outputs_are_silent_after_the_host_was_killed_or_the_driver_told_to_end(start: Any, tmp_path: Path, who: str) -> None:
    host = start(HOST, *(["supervised"] if who == "host" else []))
    driver = psutil.Process(int(host.stdout.readline()))
    record = Record(tmp_path, driver.pid)
    until_it_plays(record)
    assert was_on(record)
    if who == "host":
        host.send_signal(signal.SIGKILL)
    else:
        driver.terminate()
    gone, _ = psutil.wait_procs([driver], timeout=120)
    assert gone
    assert_silent(record)


def test_outputs_are_silent_after_a_process_that_closed_nothing(start: Any, tmp_path: Path) -> None:
    process = start(ALONE, PYTHONPATH=str(tmp_path / "recorder"))
    assert process.wait(300) == 0
    record = Record(tmp_path, process.pid)
    assert was_on(record)
    assert_silent(record)
