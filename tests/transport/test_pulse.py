"""The heartbeat of a client: what is a loss, and what only looks like one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import zmq

from qpu_bridge.transport import lines, pulse
from qpu_bridge.transport.pulse import Pulse, new_session
from qpu_bridge.wire import NO_REQUEST, Alive, Heartbeat, decode, encode

LONG_S = 60.0
PATIENCE_S = 1000.0
"""No test lasts so long: only the clock of the pulse is put forward."""


class Server:
    """Answers heartbeats when it is told to."""

    def __init__(self, endpoint: str) -> None:
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVTIMEO, int(1000 * LONG_S))
        self.socket.bind(lines(endpoint)[0])

    def answer(self) -> bytes:
        """Which request the heartbeat asked about."""
        identity, *frames = self.socket.recv_multipart()
        request, asked = decode(frames)
        assert isinstance(asked, Heartbeat)
        self.socket.send_multipart([identity, *encode(request, Alive(b"12345678", False))])
        return asked.waiting


@pytest.fixture
def server(endpoint: str) -> Iterator[Server]:
    made = Server(endpoint)
    yield made
    made.socket.close(0)


@pytest.mark.parametrize(("answers", "losses"), [(True, 0), (False, 1)])
def test_an_answer_that_is_there_counts_though_it_is_read_late(
    endpoint: str, server: Server, monkeypatch: pytest.MonkeyPatch, answers: bool, losses: int
) -> None:
    """The thread of the pulse rests for longer than its patience just after it has found nothing; the answer comes meanwhile."""
    ahead_s, watched = [0.0], list[Pulse]()
    monkeypatch.setattr(pulse, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + ahead_s[0]))

    class Resting(zmq.Poller):
        def poll(self, timeout: float | None = None) -> list[tuple[object, int]]:
            found = super().poll(timeout)
            if not found and not ahead_s[0] and watched and watched[0].alive and watched[0]._asked_at is not None:
                if answers:
                    server.answer()
                ahead_s[0] = 2 * PATIENCE_S
            return found

    monkeypatch.setattr(zmq, "Poller", Resting)
    mine = Pulse(zmq.Context.instance(), lines(endpoint)[0], None, new_session(), 0.02, PATIENCE_S)
    try:
        server.answer()
        assert mine.wait(0, 0, LONG_S)
        watched.append(mine)
        assert mine.wait(1, 0, LONG_S)
        assert (mine.losses, mine.alive) == (losses, answers)
    finally:
        mine.stop()


def test_a_request_is_forgotten_by_what_was_said_of_it_and_not_of_the_one_before(endpoint: str, server: Server) -> None:
    mine = Pulse(zmq.Context.instance(), lines(endpoint)[0], None, new_session(), 0.001, PATIENCE_S)
    try:
        for number in range(1, 6):
            mine.waiting = bytes([number]) * 16
            asked = NO_REQUEST
            # one heartbeat may have been under way
            while asked != mine.waiting:
                heard, asked = mine.heard, server.answer()
                assert mine.wait(heard, 0, LONG_S)
            assert mine.forgotten == NO_REQUEST
        while mine.forgotten == NO_REQUEST:
            server.answer()
        assert mine.forgotten == mine.waiting
    finally:
        mine.stop()
