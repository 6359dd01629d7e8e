"""The server: a driver behind two ROUTER sockets, each with a thread of its own."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from types import TracebackType

import zmq
from zmq.auth.thread import ThreadAuthenticator

from qpu_bridge.driver import Driver
from qpu_bridge.errors import SettingsError
from qpu_bridge.transport.endpoint import lines
from qpu_bridge.transport.keys import ServerKeys, require_keys
from qpu_bridge.transport.ledger import Ledger
from qpu_bridge.transport.socket import ZAP_DOMAIN, Context, router
from qpu_bridge.transport.watch import WatchLine
from qpu_bridge.transport.work import WorkLine

_SLICE_MS = 50
"""How long a stop may go unnoticed."""
_AGAIN_S = 0.1
"""How often a driver is told again to stop: a run that begins at this moment may not have heard it."""


class DriverServer:
    """Serves a driver until it is stopped; the driver itself is closed by `close_driver` only.

    Args:
        driver: What is served.
        endpoint: Where its watch line is; the work line is beside it (`endpoint.lines`).
        keys: CURVE keys and the clients allowed; needed by any endpoint that can be reached from outside.
        context: ZeroMQ context, for ``inproc://``; a server with keys has one of its own.
        templates: How many templates are held, the least recently used goes first.
        slow_s: A client that takes no chunk for so long loses its run.
        vanish_s: A client that gives no sign of life for so long loses its run.

    Raises:
        SettingsError: If the endpoint is not usable, or needs keys.
    """

    def __init__(
        self,
        driver: Driver,
        endpoint: str,
        *,
        keys: ServerKeys | None = None,
        context: Context | None = None,
        templates: int = 256,
        slow_s: float = 60.0,
        vanish_s: float = 10.0,
    ) -> None:
        require_keys(endpoint, keys)
        self.endpoint = endpoint
        self.incarnation = os.urandom(8)
        self._addresses = lines(endpoint)
        self._keys = keys
        self._context = context
        self._ledger = Ledger()
        self._watch = WatchLine(driver, driver.capabilities(), self.incarnation, self._ledger, vanish_s)
        self._work = WorkLine(driver, self.incarnation, self._ledger, templates, slow_s)
        self._driver = driver
        self._stop = Event()
        self._threads: list[Thread] = []
        self._gate: ThreadAuthenticator | None = None
        self._own: Context | None = None

    def start(self) -> None:
        """Bind both lines; they answer when this returns.

        Raises:
            SettingsError: If an address cannot be bound.
        """
        if self._keys is not None:
            self._own = None if self._context else zmq.Context()
            self._gate = _gate(self._context or self._own, self._keys)
        context = self._context or self._own or zmq.Context.instance()
        watch_address, work_address = self._addresses
        try:
            watch = router(context, watch_address, self._keys, _SLICE_MS)
            try:
                work = router(context, work_address, self._keys, _SLICE_MS)
            except zmq.ZMQError:
                watch.close(0)
                raise
        except zmq.ZMQError as error:
            self._close_gate()
            _require_folder(self.endpoint)
            raise SettingsError("a driver's endpoint must be free to bind", given=str(error), where=self.endpoint) from None
        for name, serve, socket in (("watch", self._watch.serve, watch), ("work", self._work.serve, work)):
            thread = Thread(target=serve, args=(socket, self._stop), name=f"driver-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop the run, if there is one, and give the addresses back."""
        self._end_work(timeout_s)
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout_s)
        self._threads.clear()
        self._close_gate()

    def close_driver(self, timeout_s: float = 5.0) -> None:
        """Stop the run, if there is one, and close the driver, whose process still says that it lives and leaves."""
        self._end_work(timeout_s)
        self._driver.close()

    def _end_work(self, timeout_s: float) -> None:
        if not self._threads or self._ledger.leaving.is_set():
            return
        # an abort that is under way ends first
        with self._ledger.ending:
            self._ledger.leaving.set()
        until = monotonic() + timeout_s
        self._driver.abort()
        while not self._work.idle.wait(_AGAIN_S) and monotonic() < until:
            self._driver.abort()

    def __enter__(self) -> DriverServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _close_gate(self) -> None:
        if self._gate is not None:
            self._gate.stop()
            self._gate = None
        if self._own is not None:
            self._own.destroy(linger=0)
            self._own = None


class _AllowList:
    def __init__(self, allowed: frozenset[bytes]) -> None:
        self._allowed = allowed

    def callback(self, domain: str, key: bytes) -> bool:
        return key in self._allowed


def _gate(context: Context | None, keys: ServerKeys) -> ThreadAuthenticator:
    gate = ThreadAuthenticator(context)
    gate.start()
    gate.configure_curve_callback(ZAP_DOMAIN, credentials_provider=_AllowList(keys.allowed))
    return gate


def _require_folder(endpoint: str) -> None:
    path = Path(endpoint.removeprefix("ipc://"))
    if endpoint.startswith("ipc://") and not path.parent.is_dir():
        raise SettingsError("the folder of a local socket must be there", given=str(path.parent), where=endpoint)
