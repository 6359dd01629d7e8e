"""A tap on a wire: a TCP relay that keeps every byte."""

from __future__ import annotations

import socket
import threading


class Tap:
    """Relays connections from one port to another and keeps what passes.

    Args:
        port: Where to listen, on 127.0.0.1.
        onward: Where to connect, on 127.0.0.1.
    """

    def __init__(self, port: int, onward: int) -> None:
        self.streams: list[bytearray] = []
        self._onward = onward
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._onward))
            except OSError:
                near.close()
                continue
            for source, sink in ((near, far), (far, near)):
                stream = bytearray()
                self.streams.append(stream)
                threading.Thread(target=self._relay, args=(source, sink, stream), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, stream: bytearray) -> None:
        try:
            while data := source.recv(65536):
                stream += data
                sink.sendall(data)
        except OSError:
            pass
        finally:
            source.close()
            sink.close()


def frames(stream: bytes) -> list[bytes]:
    """The frames of a ZMTP 3 stream: after a greeting of 64 bytes, each has flags, a length of 1 or 8 bytes, and a body."""
    found, at = [], 64
    while at < len(stream):
        size = 8 if stream[at] & 2 else 1
        length = int.from_bytes(stream[at + 1 : at + 1 + size], "big")
        at += 1 + size
        found.append(bytes(stream[at : at + length]))
        at += length
    return found
