"""What a server does with repeated, hostile, slow and vanished clients."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from qpu_bridge import plugins
from qpu_bridge.driver import Chunk, Driver, Run, State
from qpu_bridge.errors import Cancelled, DriverFault, DriverLost, NotLoaded, ProtocolError, SettingsError
from qpu_bridge.schedule import Schedule, Table
from qpu_bridge.transport import DriverServer, RemoteDriver, lines
from qpu_bridge.wire import (
    NO_REQUEST,
    Ack,
    Failure,
    Heartbeat,
    Hello,
    Load,
    Loaded,
    Part,
    Play,
    Welcome,
    decode,
    encode,
)
from qpu_drivers.loopback import LoopbackDriver


def run_of(schedule: Schedule, rows: int = 2, **settings: float) -> Run:
    return Run(schedule.digest, Table(np.zeros((rows, 1))), shots=3, seed=1, settings=settings)


class Peer:
    """A client that speaks the protocol by hand."""

    def __init__(self, endpoint: str) -> None:
        self.sockets = [zmq.Context.instance().socket(zmq.DEALER) for _ in range(2)]
        for socket, address in zip(self.sockets, lines(endpoint), strict=True):
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RCVTIMEO, 60_000)
            socket.connect(address)
        self.watch, self.work = self.sockets

    def ask(self, socket, request: bytes, message) -> object:
        socket.send_multipart(encode(request, message))
        return self.hear(socket)

    def hear(self, socket) -> object:
        return decode(socket.recv_multipart())[1]


@pytest.fixture
def peer(server: DriverServer) -> Iterator[Peer]:
    peer = Peer(server.endpoint)
    yield peer
    for socket in peer.sockets:
        socket.close(0)


def request(number: int) -> bytes:
    return b"testpeer" + number.to_bytes(8, "big")


def test_a_repeated_request_is_answered_again_and_not_played_again(peer: Peer, schedule: Schedule) -> None:
    welcome = peer.ask(peer.watch, request(1), Hello())
    assert isinstance(welcome, Welcome)
    assert peer.ask(peer.work, request(2), Load(schedule)) == Loaded(schedule.digest)
    unseeded = Play(welcome.incarnation, 4, Run(schedule.digest, Table(np.zeros((1, 1))), shots=50))
    first = peer.ask(peer.work, request(3), unseeded)
    again = peer.ask(peer.work, request(3), unseeded)
    assert isinstance(first, Part)
    assert first.chunk.iq.tobytes() == again.chunk.iq.tobytes()
    other = peer.ask(peer.work, request(4), unseeded)
    assert other.chunk.iq.tobytes() != first.chunk.iq.tobytes()


def test_a_repeated_run_whose_answer_was_large_is_refused(peer: Peer, schedule: Schedule) -> None:
    welcome = peer.ask(peer.watch, request(1), Hello())
    peer.ask(peer.work, request(2), Load(schedule))
    large = Play(welcome.incarnation, 4, Run(schedule.digest, Table(np.zeros((1, 1))), shots=50_000, seed=1))
    assert isinstance(peer.ask(peer.work, request(3), large), Part)
    again = peer.ask(peer.work, request(3), large)
    assert isinstance(again, Failure)
    assert isinstance(again.error, ProtocolError)


def test_a_run_meant_for_an_earlier_server_is_refused(peer: Peer, schedule: Schedule) -> None:
    peer.ask(peer.work, request(2), Load(schedule))
    answer = peer.ask(peer.work, request(3), Play(b"12345678", 4, run_of(schedule)))
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, NotLoaded)


HOSTILE = [
    [b""],
    [b"\x00"],
    [b"\xc1"],
    [b"\xdd\xff\xff\xff\xff"],
    [b"\xdc\xff\xff" * 1000],
    [b"\x94\x02\xc4\x10" + bytes(16) + b"\xa5hello\x80"],
    [b"\x94\x01\xc4\x10" + bytes(16) + b"\xa5hello\x80", b"extra"],
    [b"x" * 200_000],
    [bytes(10)] * 500,
    [b"\x94\x01\xc4\x10" + bytes(16) + b"\xa4load\x81\xa6digest\xc4\x20" + bytes(32), b"[" * 100_000, b"", b"", b"", b""],
]


@pytest.mark.parametrize("frames", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("line", ["watch", "work"])
def test_hostile_frames_get_an_error_and_the_server_lives(peer: Peer, remote: RemoteDriver, schedule, frames, line: str) -> None:
    socket = getattr(peer, line)
    socket.send_multipart(frames)
    answer = peer.hear(socket)
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, ProtocolError)
    remote.load(schedule)
    assert len(list(remote.run(run_of(schedule)))) == 1


def test_a_verb_on_the_wrong_line_is_refused(peer: Peer) -> None:
    for socket, message in ((peer.work, Hello()), (peer.watch, Ack(1)), (peer.work, Heartbeat(NO_REQUEST))):
        answer = peer.ask(socket, request(9), message)
        assert isinstance(answer.error, ProtocolError)
        assert "line takes" in answer.error.must


def test_no_more_chunks_are_sent_than_the_client_allows(peer: Peer, remote: RemoteDriver, schedule: Schedule) -> None:
    welcome = peer.ask(peer.watch, request(1), Hello())
    peer.ask(peer.work, request(2), Load(schedule))
    run = Play(welcome.incarnation, 2, run_of(schedule, rows=6, row_seconds=0.001))
    peer.work.send_multipart(encode(request(3), run))
    rows = [peer.hear(peer.work).chunk.first_row for _ in range(2)]
    peer.work.setsockopt(zmq.RCVTIMEO, 200)
    with pytest.raises(zmq.Again):
        peer.work.recv()
    assert remote.status().state is State.RUNNING
    peer.work.setsockopt(zmq.RCVTIMEO, 60_000)
    last = False
    while not last:
        peer.work.send_multipart(encode(request(3), Ack(1)))
        part = peer.hear(peer.work)
        rows.append(part.chunk.first_row)
        last = part.last
    assert rows == list(range(6))


def test_a_slow_client_loses_its_run(loopback: Driver, endpoint: str, schedule: Schedule) -> None:
    with DriverServer(loopback, endpoint, slow_s=0.1):
        peer, remote = Peer(endpoint), RemoteDriver(endpoint)
        welcome = peer.ask(peer.watch, request(1), Hello())
        peer.ask(peer.work, request(2), Load(schedule))
        answer = peer.ask(peer.work, request(3), Play(welcome.incarnation, 1, run_of(schedule, 5, row_seconds=0.001)))
        assert isinstance(answer, Part)
        answer = peer.hear(peer.work)
        assert isinstance(answer.error, Cancelled)
        remote.load(schedule)
        assert len(list(remote.run(run_of(schedule)))) == 1
        remote.close()
        for socket in peer.sockets:
            socket.close(0)


@pytest.mark.parametrize("goodbye", [True, False], ids=["disconnects", "falls silent"])
def test_a_client_that_vanishes_does_not_keep_the_device(
    loopback: Driver, endpoint: str, schedule: Schedule, goodbye: bool
) -> None:
    # one that is gone is noticed though it was heard a moment ago
    with DriverServer(loopback, endpoint, vanish_s=60.0 if goodbye else 2.0):
        peer, remote = Peer(endpoint), RemoteDriver(endpoint, heartbeat_s=0.05)
        welcome = peer.ask(peer.watch, request(1), Hello())
        peer.ask(peer.work, request(2), Load(schedule))
        wait = 0.01 if goodbye else 3000.0
        peer.work.send_multipart(encode(request(3), Play(welcome.incarnation, 64, run_of(schedule, 100_000, row_seconds=wait))))
        if goodbye:
            peer.hear(peer.work)
            peer.work.close(0)
        # waits behind the run that nobody wants, and gets its turn
        remote.load(schedule)
        assert len(list(remote.run(run_of(schedule)))) == 1
        remote.close()
        for socket in peer.sockets:
            socket.close(0)


class Faulty:
    """A driver that keeps no promise."""

    def __init__(self, good: Driver, chunks: object) -> None:
        self._good, self._chunks = good, chunks

    def __getattr__(self, name: str) -> object:
        return getattr(self._good, name)

    def run(self, run: Run) -> Iterator[Chunk]:
        yield from self._chunks(run)


def _raise(run: Run) -> Iterator[Chunk]:
    raise KeyError("register 7")


FAULTS = {
    "raises what it must not": (_raise, "register 7"),
    "gives too few rows": (lambda run: iter(()), "all 2 rows"),
    "gives the wrong shape": (lambda run: iter([Chunk(0, 2, bits=np.zeros((2, 3, 9), bool))]), "result 'bits'"),
    "skips a row": (lambda run: iter([Chunk(1, 1)]), "go on at row 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_driver_that_breaks_its_promise_is_told_so(loopback: Driver, endpoint: str, schedule: Schedule, fault: str) -> None:
    chunks, words = FAULTS[fault]
    with DriverServer(Faulty(loopback, chunks), endpoint):
        remote = RemoteDriver(endpoint)
        remote.load(schedule)
        with pytest.raises(DriverFault, match=words):
            list(remote.run(run_of(schedule)))
        assert remote.status().state is State.IDLE
        remote.close()


class Broken(LoopbackDriver):
    """A driver that has a mistake in it."""

    def run(self, run: Run) -> Iterator[Chunk]:
        yield from _raise(run)


def test_a_mistake_in_a_driver_is_told_with_its_class_and_line(endpoint: str, schedule: Schedule) -> None:
    with DriverServer(Broken("lab_five", plugins.open_snapshot("five"), {}), endpoint):
        remote = RemoteDriver(endpoint)
        remote.load(schedule)
        with pytest.raises(DriverFault) as caught:
            list(remote.run(run_of(schedule)))
        assert re.search(r"Broken, .*test_server.py:[0-9]+$", caught.value.where)
        remote.close()


def test_a_template_that_had_to_make_room_is_sent_again(loopback: Driver, endpoint: str, schedule: Schedule) -> None:
    with DriverServer(loopback, endpoint, templates=1):
        first, second = RemoteDriver(endpoint), RemoteDriver(endpoint)
        other = Schedule(
            **{**{name: getattr(schedule, name) for name in schedule.__dataclass_fields__}, "slots": schedule.slots * 2}
        )
        first.load(schedule)
        second.load(other)
        assert len(list(first.run(run_of(schedule)))) == 1
        first.close()
        second.close()


def test_one_run_at_a_time(remote: RemoteDriver, schedule: Schedule) -> None:
    remote.load(schedule)
    chunks = remote.run(run_of(schedule, 500, row_seconds=0.01))
    next(chunks)
    with pytest.raises(DriverFault, match="idle"):
        list(remote.run(run_of(schedule)))
    chunks.close()
    assert len(list(remote.run(run_of(schedule)))) == 1


def test_clients_take_turns(server: DriverServer, schedule: Schedule) -> None:
    counts: list[int] = []

    def work() -> None:
        remote = RemoteDriver(server.endpoint)
        remote.load(schedule)
        counts.extend(len(list(remote.run(run_of(schedule, 5, row_seconds=0.001)))) for _ in range(3))
        remote.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == [5] * 12


def test_nobody_there_is_an_error_within_the_deadline(endpoint: str) -> None:
    remote = RemoteDriver(endpoint, answer_s=0.2)
    with pytest.raises(DriverLost, match=r"no answer within 0.2 s"):
        remote.capabilities()
    remote.close()


def test_an_address_in_use_is_the_operators(server: DriverServer, loopback: Driver) -> None:
    with pytest.raises(SettingsError, match="free to bind"):
        DriverServer(loopback, server.endpoint).start()
    remote = RemoteDriver(server.endpoint)
    assert remote.capabilities().driver == "loopback"
    remote.close()


def test_the_folder_of_a_local_socket_must_be_there(loopback: Driver, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"the folder of a local socket must be there; got .*nowhere"):
        DriverServer(loopback, f"ipc://{tmp_path}/nowhere/driver").start()
