"""Sockets with the options that every peer of ours has, and messages as bounded lists of frames."""

from __future__ import annotations

import socket as sockets
from collections.abc import Sequence
from typing import TypeAlias

import zmq

from qpu_bridge.transport.keys import ClientKeys, ServerKeys
from qpu_bridge.wire import MAX_FRAME, MAX_FRAMES, Frame

Socket: TypeAlias = "zmq.Socket[bytes]"
Context: TypeAlias = "zmq.Context[Socket]"

HIGH_WATER = 64 * MAX_FRAMES
"""More than the largest window of the largest messages: it is never reached by a peer that keeps to the protocol."""
ZERO_COPY = 65536
"""Below this many bytes a copy is cheaper than keeping the memory alive for ZeroMQ."""
ZAP_DOMAIN = "qpu-bridge"
"""Whoever asks the gate for leave comes from here."""
_ALIVE_MS = 2000


def dealer(context: Context, endpoint: str, keys: ClientKeys | None, slice_ms: int) -> Socket:
    """A client's socket, connecting; a receive waits ``slice_ms`` at most."""
    socket = context.socket(zmq.DEALER)
    _set(socket, slice_ms)
    socket.setsockopt(zmq.RECONNECT_IVL, 20)
    # on this machine nobody is bothered, and whoever waits for a process hears of it at once
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 80 if endpoint.startswith("ipc://") else 500)
    if keys is not None:
        socket.setsockopt(zmq.CURVE_SERVERKEY, keys.server)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.own.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, keys.own.secret)
    socket.connect(endpoint)
    return socket


def router(context: Context, endpoint: str, keys: ServerKeys | None, slice_ms: int) -> Socket:
    """A server's socket, bound. A message to a peer that has gone raises instead of vanishing."""
    socket = context.socket(zmq.ROUTER)
    _set(socket, slice_ms)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    if keys is not None:
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, keys.own.secret)
        socket.setsockopt(zmq.ZAP_DOMAIN, ZAP_DOMAIN.encode())
    try:
        _refuse_if_taken(endpoint)
        socket.bind(endpoint)
    except zmq.ZMQError:
        socket.close(0)
        raise
    return socket


def _refuse_if_taken(endpoint: str) -> None:
    """ZeroMQ would quietly take a local socket away from the server that listens there; TCP refuses by itself."""
    path = endpoint.removeprefix("ipc://")
    if path == endpoint or path.startswith("@"):
        return
    with sockets.socket(sockets.AF_UNIX) as trial:
        try:
            trial.connect(path)
        except OSError:  # nobody there, or a path that bind will judge
            return
    raise zmq.ZMQError(zmq.EADDRINUSE)


def _set(socket: Socket, slice_ms: int) -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME)
    socket.setsockopt(zmq.RCVTIMEO, slice_ms)
    socket.setsockopt(zmq.SNDTIMEO, 1000)
    # ZeroMQ's own heartbeat finds a cable that was pulled; ours finds a program that hangs
    socket.setsockopt(zmq.HEARTBEAT_IVL, _ALIVE_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 2 * _ALIVE_MS)


def send(socket: Socket, frames: Sequence[Frame]) -> None:
    """Send all frames as one message, large ones without a copy."""
    for frame in frames[:-1]:
        socket.send(frame, zmq.SNDMORE, copy=len(frame) < ZERO_COPY)
    socket.send(frames[-1], 0, copy=len(frames[-1]) < ZERO_COPY)


def receive(socket: Socket, flags: int = 0) -> list[Frame]:
    """The next message; frames beyond what any message may have are dropped, so that the codec refuses it.

    Raises:
        zmq.Again: If none comes in time.
    """
    part = socket.recv(flags, copy=False)
    frames: list[Frame] = [part.buffer]
    while part.more:
        part = socket.recv(copy=False)
        if len(frames) <= MAX_FRAMES + 1:
            frames.append(part.buffer)
    return frames
