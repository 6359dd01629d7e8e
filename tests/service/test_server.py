"""The socket in front of the application."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
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
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=60)


def test_answers_are_not_held_back() -> None:
    """Nagle's algorithm and delayed acknowledgements together cost 40 ms for each answer on a kept connection."""
    with Server(FastAPI(), "127.0.0.1", 0) as server:
        # asyncio sets TCP_NODELAY on accepted connections only if the listening socket names its protocol.
        assert server._socket.proto == socket.IPPROTO_TCP


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bridge")])
    start = datetime.now(UTC) - timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


def test_tls(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    app = FastAPI()
    app.get("/")(lambda: "well")
    with Server(app, "127.0.0.1", 0, certificate=chain, key=key) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        assert server.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(chain))
        assert httpx.get(server.url, verify=trusted, trust_env=False, timeout=60).json() == "well"
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url, trust_env=False, timeout=60)
        server.stop()
        thread.join()
