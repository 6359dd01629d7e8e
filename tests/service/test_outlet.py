"""Answers leave in one piece."""

from __future__ import annotations

import asyncio
import threading

import anyio.to_thread
import httpx
import pytest
from fastapi import FastAPI

from qpu_bridge.service import Server, server
from qpu_bridge.service.gate import STOPPING, Gate
from qpu_bridge.service.outlet import HELD, Outlet


class Below(asyncio.Transport):
    """Notes what it is given."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


def test_what_is_written_in_one_turn_is_sent_together() -> None:
    async def told() -> list[bytes]:
        below = Below()
        outlet = Outlet(below, asyncio.get_running_loop())
        outlet.write(b"head ")
        outlet.write(b"body")
        assert below.sent == []
        await asyncio.sleep(0)
        outlet.write(b"next")
        await asyncio.sleep(0)
        return below.sent

    assert asyncio.run(told()) == [b"head body", b"next"]


def test_much_is_not_held_back() -> None:
    async def told() -> list[int]:
        below = Below()
        outlet = Outlet(below, asyncio.get_running_loop())
        for _ in range(3):
            outlet.write(bytes(HELD))
        return [len(part) for part in below.sent]

    assert asyncio.run(told()) == [2 * HELD]


@pytest.mark.parametrize(("last", "sent"), [("close", [b"answer"]), ("abort", [])])
def test_closing_sends_what_is_left_and_aborting_does_not(last: str, sent: list[bytes]) -> None:
    async def told() -> Below:
        below = Below()
        outlet = Outlet(below, asyncio.get_running_loop())
        outlet.write(b"answer")
        getattr(outlet, last)()
        await asyncio.sleep(0)
        return below

    below = asyncio.run(told())
    assert below.sent == sent
    assert below.closed


def test_who_is_not_answered_when_the_server_stops_is_told_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client repeats a 503, also of a POST; a cut connection it shows to its user."""
    monkeypatch.setattr(server, "CLOSE_S", 0)
    asked, over = threading.Event(), threading.Event()
    app = FastAPI()

    @app.post("/slow")
    async def slow() -> None:
        asked.set()
        await anyio.to_thread.run_sync(over.wait, 60, abandon_on_cancel=True)

    app.add_middleware(Gate, max_body_bytes=1024)
    found: list[httpx.Response] = []
    with Server(app, "127.0.0.1", 0) as running:
        serving = threading.Thread(target=running.run)
        serving.start()
        asking = threading.Thread(target=lambda: found.append(httpx.post(f"{running.url}/slow", trust_env=False, timeout=60)))
        asking.start()
        assert asked.wait(60)
        running.stop()
        asking.join(60)
        over.set()
        serving.join(60)
    assert found[0].status_code == 503
    assert found[0].json()["error"]["message"] == STOPPING
