"""The wire against its honest peer: bare pyzmq between the same two processes, in the same run.

Goals: a small job's round trip at most twice a bare ping-pong; 50 MB of results at no less than half the rate of bare pyzmq;
the codec at least 50 times faster than JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from statistics import quantiles

import numpy as np
import pytest
import zmq

from qpu_bridge import plugins
from qpu_bridge.driver import Capabilities, Chunk, Driver, Run
from qpu_bridge.schedule import Builder, Column, Discriminator, Output, PortKind, Schedule, SlotKind, Table, shapes
from qpu_bridge.transport import DriverServer, RemoteDriver
from qpu_bridge.units import Clock
from qpu_bridge.wire import Load, Play, decode, encode

LINE = Discriminator(0.0, 0.0)
CHUNKS, ROWS, SHOTS = 12, 2, 260_000
"""12 chunks of 2 rows x 260,000 shots x 1 column of complex64: 50 MB in all."""

SMALL = 1024
"""Shots of a small job: 128 bytes of bits."""


class Canned:
    """A driver whose results are ready, so that only the way is measured."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._bits = np.ones((1, SMALL, 1), np.bool_)
        self._iq = np.ones((ROWS, SHOTS, 1), np.complex64)
        self.load, self.abort, self.status, self.close = driver.load, driver.abort, driver.status, driver.close

    def capabilities(self) -> Capabilities:
        return self._driver.capabilities()

    def run(self, run: Run) -> Iterator[Chunk]:
        if run.shots == SMALL:
            yield Chunk(0, 1, bits=self._bits)
            return
        if run.shots != SHOTS:
            yield from self._driver.run(run)
            return
        for index in range(CHUNKS):
            yield Chunk(ROWS * index, ROWS, iq=self._iq)


def serve(folder: str) -> None:
    """The other process: our server, a bare echo, and a bare source of 50 MB."""
    driver = plugins.open_driver("loopback", "lab_five", plugins.open_snapshot("five"), {})
    with DriverServer(Canned(driver), f"ipc://{folder}/ours"):
        socket = zmq.Context.instance().socket(zmq.ROUTER)
        socket.bind(f"ipc://{folder}/bare")
        part = np.ones((ROWS, SHOTS, 1), np.complex64)
        reply = [bytes(130), bytes(SMALL // 8)]
        while True:
            identity, word, *_ = socket.recv_multipart()
            if word == b"end":
                break
            if word == b"job":
                socket.send_multipart([identity, *reply])
            elif word == b"50 MB":
                for _ in range(CHUNKS):
                    socket.send_multipart([identity, part.data], copy=False)
            else:
                socket.send_multipart([identity, word])
        socket.close(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("wire")
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(str(folder),))
    process.start()
    yield folder
    end = zmq.Context.instance().socket(zmq.DEALER)
    end.connect(f"ipc://{folder}/bare")
    end.send(b"end")
    process.join(20)
    end.close(0)


@pytest.fixture(scope="module")
def bare(folder: Path) -> Iterator[zmq.Socket]:
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(f"ipc://{folder}/bare")
    yield socket
    socket.close(0)


@pytest.fixture(scope="module")
def remote(folder: Path) -> Iterator[RemoteDriver]:
    driver = RemoteDriver(f"ipc://{folder}/ours", answer_s=60)
    driver.capabilities()
    yield driver
    driver.close()


def template(events: int = 4, output: Output = Output.BIT, slots: int = 1) -> Schedule:
    builder = Builder(Clock(Fraction(1, 10**9)))
    drive, acquire = builder.port("d0", PortKind.DRIVE), builder.port("a", PortKind.ACQUIRE)
    qubit, heard = builder.frame("q0", drive, 5e9), builder.frame("a0", acquire, 7e9)
    for _ in range(slots):
        builder.slot(SlotKind.PHASE)
    pulse = shapes.drag(40, 8.0, 0.5)
    for index in range(events):
        builder.play(qubit, pulse, 0.1 + 0.5 * index / events)
    builder.barrier()
    column = builder.column(Column("c", output=output, discriminator=None if output is Output.IQ else LINE))
    builder.capture(heard, column, 400)
    return builder.build()


def interleaved(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Lower quartile of the seconds of each, taken in turns: what others do on the machine only ever adds."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for work, taken in zip((ours, peer), times, strict=True):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
    return quantiles(times[0])[0], quantiles(times[1])[0]


def test_a_small_jobs_round_trip(benchmark, remote: RemoteDriver, bare: zmq.Socket) -> None:
    schedule = template()
    remote.load(schedule)
    run = Run(schedule.digest, Table(np.zeros((1, 1))), shots=SMALL, seed=1)
    # as many frames and bytes as ours, there and back
    request = [b"job", *encode(bytes(16), Play(bytes(8), 8, run))]

    def ours() -> None:
        for _chunk in remote.run(run):
            pass

    def peer() -> None:
        bare.send_multipart(request)
        bare.recv_multipart()

    for _ in range(200):
        ours()
        peer()
    mine, theirs = interleaved(ours, peer, 3000)
    note(benchmark, ours_us=1e6 * mine, bare_us=1e6 * theirs, ratio=mine / theirs)
    benchmark.pedantic(ours, rounds=200)
    assert mine <= 2 * theirs


def test_fifty_megabytes(benchmark, remote: RemoteDriver, bare: zmq.Socket) -> None:
    schedule = template(output=Output.IQ)
    remote.load(schedule)
    run = Run(schedule.digest, Table(np.zeros((CHUNKS * ROWS, 1))), shots=SHOTS, seed=1)
    size = CHUNKS * ROWS * SHOTS * 8

    def ours() -> None:
        assert sum(chunk.iq.nbytes for chunk in remote.run(run)) == size

    def peer() -> None:
        bare.send(b"50 MB")
        assert sum(len(bare.recv(copy=False).buffer) for _ in range(CHUNKS)) == size

    ours()
    peer()
    mine, theirs = interleaved(ours, peer, 15)
    note(benchmark, ours_mb_s=size / mine / 1e6, bare_mb_s=size / theirs / 1e6, ratio=theirs / mine)
    benchmark.pedantic(ours, rounds=5)
    assert theirs / mine >= 0.5


def test_the_codec_against_json(benchmark) -> None:
    """A template of 5,400 events, its digest checked, and 1,000 rows of 800 slots in ten runs."""
    schedule, slots = template(events=5400, slots=800), 800
    table = Table(np.random.default_rng(1).normal(size=(100, slots)))
    run = Play(bytes(8), 8, Run(schedule.digest, table, shots=100))
    waves = [[wave.samples.view(float).tolist(), wave.repeats.tolist()] for wave in schedule.waveforms]
    plain = [json.loads(schedule.tables), waves, schedule.events.tolist()]
    rows = table.values.tolist()

    def ours() -> None:
        decode(encode(bytes(16), Load(schedule)))
        for _ in range(10):
            decode(encode(bytes(16), run))

    def peer() -> None:
        json.loads(json.dumps(plain))
        for _ in range(10):
            json.loads(json.dumps(rows))

    mine, theirs = interleaved(ours, peer, 20)
    note(benchmark, ours_us=1e6 * mine, json_us=1e6 * theirs, ratio=theirs / mine)
    benchmark(ours)
    assert theirs / mine >= 50


def note(benchmark, **numbers: float) -> None:
    benchmark.extra_info.update({name: round(value, 3) for name, value in numbers.items()})
    print({name: round(value, 2) for name, value in numbers.items()}, file=sys.stderr)
