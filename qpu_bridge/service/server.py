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
from qpu_bridge.service.listener import listen
from qpu_bridge.service.outlet import Protocol

KEEP_ALIVE_S = 75
"""How long an idle connection is kept, s. The client keeps its own and must not find one closed that it wants to use."""

HEADERS = 64 * 1024
"""Longest head of a request, bytes."""

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
        listener: A socket that listens there already.

    Raises:
        SettingsError: If the address cannot be had, or the certificate not be used.
    """

    def __init__(
        self,
        app: FastAPI,
        host: str,
        port: int,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        self._socket = listener or listen(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._scheme = "http" if certificate is None else "https"
        config = uvicorn.Config(
            app,
            # of uvicorn's two the one that does not take headers of any length from anybody
            http=Protocol,
            h11_max_incomplete_event_size=HEADERS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=CLOSE_S,
            access_log=False,
            # ours, in the form that was asked for
            log_config=None,
            log_level="warning",
            lifespan="off",
            ws="none",
            server_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        try:
            # reads the certificate, which must be told now and not when the first user comes
            config.load()
        except OSError as error:
            self._socket.close()
            given = error.strerror or str(error)
            raise SettingsError("the certificate and its key must be usable", given=given, where=str(certificate)) from None
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
