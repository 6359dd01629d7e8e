"""The server: a socket, and the application behind it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI

from qpu_bridge.errors import SettingsError

KEEP_ALIVE_S = 75
"""How long an idle connection is kept, s. The client keeps its own and must not find one closed that it wants to use."""

CLOSE_S = 3
"""How long open requests may take when the server stops, s: the client gives up on a silent server after as long."""


class Server:
    """An application on an address; the address is taken when this is made, so that its port is known.

    Args:
        app: What to serve.
        host: Address.
        port: TCP port; 0 takes a free one.
        certificate: PEM file of the certificate chain, for TLS.
        key: PEM file of its private key.

    Raises:
        SettingsError: If the address cannot be had.
    """

    def __init__(self, app: FastAPI, host: str, port: int, *, certificate: Path | None = None, key: Path | None = None) -> None:
        self._socket = _bind(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._scheme = "http" if certificate is None else "https"
        config = uvicorn.Config(
            app,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=CLOSE_S,
            access_log=False,
            log_level="warning",
            lifespan="off",
            ws="none",
            server_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        """Where to reach it, without a final slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self._scheme}://{host}:{self.port}"

    def run(self) -> None:
        """Serve until `stop`, or until SIGINT or SIGTERM in the main thread."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Stop soon; from any thread."""
        self._server.should_exit = True

    def close(self) -> None:
        """Let go of the address."""
        self._socket.close()

    def __enter__(self) -> Self:
        """The server itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let go of the address."""
        self.close()


def serve(
    app: FastAPI,
    host: str,
    port: int,
    *,
    ready: Callable[[str], None] = lambda url: None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> None:
    """Serve an application until the process is told to stop.

    Args:
        app: What to serve.
        host: Address.
        port: TCP port; 0 takes a free one.
        ready: Called with the URL once connections are taken.
        certificate: PEM file of the certificate chain, for TLS.
        key: PEM file of its private key.
    """
    with Server(app, host, port, certificate=certificate, key=key) as server:
        ready(server.url)
        server.run()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio switches off Nagle's delay (40 ms for each answer) only on sockets that name it.
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        # From here on connections wait in line instead of being refused.
        taken.listen(2048)
    except OSError as error:
        taken.close()
        raise SettingsError("the address must be free and ours", given=error.strerror, where=f"{host}:{port}") from None
    return taken
