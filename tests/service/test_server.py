"""The socket in front of the application."""

from __future__ import annotations

import socket

import httpx
import pytest
from fastapi import FastAPI

from qpu_bridge.errors import SettingsError
from qpu_bridge.service import Server, serve
from qpu_bridge.service.server import KEEP_ALIVE_S


def test_a_free_port_is_known_at_once() -> None:
    with Server(FastAPI(), "127.0.0.1", 0) as server:
        assert server.port > 0
        assert server.url == f"http://127.0.0.1:{server.port}"
        # Connections already wait in line, though nobody serves them yet.
        socket.create_connection(("127.0.0.1", server.port), timeout=10).close()


def test_a_taken_port_is_a_settings_error() -> None:
    with Server(FastAPI(), "127.0.0.1", 0) as server, pytest.raises(SettingsError, match="must be free"):
        Server(FastAPI(), "127.0.0.1", server.port)


def test_an_address_of_somebody_else_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="free and ours"):
        Server(FastAPI(), "203.0.113.1", 0)


def test_serve_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ready: list[str] = []
    monkeypatch.setattr(Server, "run", lambda self: ready.append("served"))
    serve(FastAPI(), "127.0.0.1", 0, ready=ready.append)
    assert ready[0].startswith("http://127.0.0.1:")
    assert ready[1] == "served"


def test_idle_connections_are_kept_longer_than_the_clients_pauses() -> None:
    assert KEEP_ALIVE_S >= 75


def test_a_refused_bind_leaves_nothing_behind() -> None:
    with Server(FastAPI(), "127.0.0.1", 0) as server:
        port = server.port
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
