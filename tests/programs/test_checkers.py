"""Checks in processes of their own."""

from __future__ import annotations

import json
import threading
import zlib
from base64 import b64encode
from collections.abc import Iterator

import psutil
import pytest

from qpu_bridge.errors import BadRequest, OperatorError, TooLarge, UnsupportedProgram
from qpu_bridge.programs import DeviceView
from qpu_bridge.programs.checkers import Checkers

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[1] c;\nqubit[5] q;\n'
SMALL = HEAD + "c[0] = measure q[0];\n"
ENDLESS = (
    HEAD
    + "gate g0 a { x a; }\n"
    + "".join(f"gate g{i} a {{ g{i - 1} a; g{i - 1} a; }}\n" for i in range(1, 41))
    + "g40 q[0];\nc[0] = measure q[0];\n"
)
"""A kilobyte that stands for 2**40 gates."""


def sampler(circuit: str, values: object = None) -> str:
    return json.dumps({"pubs": [[circuit, values, 10]], "version": 2})


@pytest.fixture(scope="module")
def checkers() -> Iterator[Checkers]:
    with Checkers(1, longest_s=2, most_bytes=2**28) as made:
        yield made


def test_a_job_that_may_run_and_one_that_may_not(checkers: Checkers, device: DeviceView) -> None:
    checkers.check("sampler", sampler(SMALL), device)
    with pytest.raises(UnsupportedProgram, match="nothing"):
        checkers.check("nothing", "{}", device)
    with pytest.raises(BadRequest, match="OpenQASM 3"):
        checkers.check("sampler", sampler("x"), device)


def test_a_check_without_end_is_ended(checkers: Checkers, device: DeviceView) -> None:
    with pytest.raises(TooLarge, match="in 2 s"):
        checkers.check("sampler", sampler(ENDLESS), device)
    checkers.check("sampler", sampler(SMALL), device)


def test_a_check_that_wants_all_memory_is_refused(checkers: Checkers, device: DeviceView) -> None:
    machine = zlib.compressobj(9)
    bomb = b"".join(machine.compress(bytes(2**20)) for _ in range(200)) + machine.flush()
    typed = {"__type__": "ndarray", "__value__": b64encode(bomb).decode()}
    with pytest.raises(TooLarge, match="256 MiB of memory"):
        checkers.check("sampler", sampler(SMALL, [typed] * 3), device)
    checkers.check("sampler", sampler(SMALL), device)


def test_closing_ends_a_check_that_takes_long(device: DeviceView) -> None:
    checkers = Checkers(1)
    checkers.check("sampler", sampler(SMALL), device)
    found: list[BaseException] = []

    def check() -> None:
        try:
            checkers.check("sampler", sampler(ENDLESS), device)
        except OperatorError as error:
            found.append(error)

    thread = threading.Thread(target=check)
    thread.start()
    # it is at it, which the process's own time shows
    (process,) = checkers._alive
    mine = psutil.Process(process._process.pid)
    before_s = mine.cpu_times().user
    while mine.cpu_times().user < before_s + 0.05:
        pass
    checkers.close()
    thread.join(60)
    assert len(found) == 1
    with pytest.raises(OperatorError):
        checkers.check("sampler", sampler(SMALL), device)
