"""Messages to frames and back: one table of kinds, each with its class, its writer and its reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from pydantic import ValidationError

from qpu_bridge.driver import Capabilities, Status
from qpu_bridge.errors import BridgeError, ProtocolError
from qpu_bridge.schedule import Document
from qpu_bridge.wire.frame import MAX_CAPABILITIES, Frame, check_frames, expect
from qpu_bridge.wire.header import Body, Form, key, pack, request_in, unpack, within
from qpu_bridge.wire.messages import (
    NO_REQUEST,
    Abort,
    Aborted,
    Ack,
    Alive,
    Answer,
    Ask,
    Failure,
    Heartbeat,
    Hello,
    Load,
    Loaded,
    Message,
    Part,
    Play,
    Welcome,
)
from qpu_bridge.wire.run import LARGEST_WINDOW, pack_part, pack_play, unpack_part, unpack_play
from qpu_bridge.wire.template import FRAMES, pack_template, unpack_template

Parts: TypeAlias = tuple[Body, list[Frame]]
D = TypeVar("D", bound=Document)

_LONGEST_WORDS = 4000
_EMPTY = Form()
_WELCOME = Form(incarnation=bytes)
_LOAD = Form(digest=bytes)
_LOADED = Form(digest=bytes)
_ACK = Form(count=int)
_ABORT = Form(run=bytes)
_ABORTED = Form(stopped=bool)
_HEARTBEAT = Form(waiting=bytes)
_ALIVE = Form(incarnation=bytes, pending=bool)
_ERROR = Form(kind=str, must=str, given=(type(None), bool, int, float, str), where=str, remedy=str)


def encode(request: bytes, message: Message) -> list[Frame]:
    """The frames of a message.

    Args:
        request: Id of the request that this is, or that it answers; 16 bytes.
        message: What is said. Arrays in it are not copied: they must not change until the frames are sent.

    Raises:
        ProtocolError: If a peer would refuse it for its size, or it holds what does not travel.
    """
    kind, write = _WRITERS[type(message)]
    body, frames = write(message)
    whole = [pack(request, kind, body), *frames]
    check_frames(whole)
    return whole


def decode(frames: Sequence[Frame]) -> tuple[bytes, Message]:
    """Request id and message.

    Args:
        frames: As they came. Arrays of the message are views of them where possible.

    Raises:
        ProtocolError: If the frames do not follow PROTOCOL.md.
        ScheduleError: If they do, but what they say cannot be a schedule or a table.
    """
    check_frames(frames)
    request, kind, body = unpack(frames[0])
    if kind not in _READERS:
        raise ProtocolError(f"a message must be of one of the kinds {', '.join(_READERS)}", given=kind[:32])
    return request, _READERS[kind](body, frames[1:])


def request_of(frames: Sequence[Frame]) -> bytes:
    """Request id of a message that could not be read, as far as its header can be; else `NO_REQUEST`."""
    try:
        check_frames(frames)
        return request_in(frames[0])
    except ProtocolError:
        return NO_REQUEST


def _document(document: Document) -> Frame:
    return document.model_dump_json().encode()


def _parse(model: type[D], frame: Frame) -> D:
    if len(frame) > MAX_CAPABILITIES:
        raise ProtocolError(f"a document must have at most {MAX_CAPABILITIES} bytes", given=len(frame))
    try:
        return model.model_validate_json(bytes(frame))
    except (ValidationError, ArithmeticError) as error:
        raise ProtocolError(f"a document must be {model.__name__}", given=str(error)[:_LONGEST_WORDS]) from None


def _write_welcome(message: Welcome) -> Parts:
    return {"incarnation": message.incarnation}, [_document(message.capabilities)]


def _read_welcome(body: Body, frames: Sequence[Frame]) -> Welcome:
    (incarnation,) = _WELCOME.read("welcome", body)
    expect(frames, 1, "welcome")
    return Welcome(key("welcome", "incarnation", incarnation, 8), _parse(Capabilities, frames[0]))


def _write_load(message: Load) -> Parts:
    return {"digest": message.schedule.digest}, pack_template(message.schedule)


def _read_load(body: Body, frames: Sequence[Frame]) -> Load:
    (digest,) = _LOAD.read("load", body)
    expect(frames, FRAMES, "load")
    return Load(unpack_template(key("load", "digest", digest, 32), frames))


def _read_loaded(body: Body, frames: Sequence[Frame]) -> Loaded:
    (digest,) = _LOADED.read("loaded", body)
    expect(frames, 0, "loaded")
    return Loaded(key("loaded", "digest", digest, 32))


def _read_ack(body: Body, frames: Sequence[Frame]) -> Ack:
    (count,) = _ACK.read("ack", body)
    expect(frames, 0, "ack")
    return Ack(within("ack", "count", count, 1, LARGEST_WINDOW))


def _read_abort(body: Body, frames: Sequence[Frame]) -> Abort:
    (run,) = _ABORT.read("abort", body)
    expect(frames, 0, "abort")
    return Abort(key("abort", "run", run, 16))


def _read_aborted(body: Body, frames: Sequence[Frame]) -> Aborted:
    (stopped,) = _ABORTED.read("aborted", body)
    expect(frames, 0, "aborted")
    return Aborted(stopped)


def _read_answer(body: Body, frames: Sequence[Frame]) -> Answer:
    _EMPTY.read("answer", body)
    expect(frames, 1, "answer")
    return Answer(_parse(Status, frames[0]))


def _read_heartbeat(body: Body, frames: Sequence[Frame]) -> Heartbeat:
    (waiting,) = _HEARTBEAT.read("heartbeat", body)
    expect(frames, 0, "heartbeat")
    return Heartbeat(key("heartbeat", "waiting", waiting, 16))


def _read_alive(body: Body, frames: Sequence[Frame]) -> Alive:
    incarnation, pending = _ALIVE.read("alive", body)
    expect(frames, 0, "alive")
    return Alive(key("alive", "incarnation", incarnation, 8), pending)


def _write_failure(message: Failure) -> Parts:
    document = message.error.to_document()
    given = document["given"]
    if isinstance(given, str) or (isinstance(given, int) and not -(2**63) <= given < 2**63):
        document["given"] = str(given)[:_LONGEST_WORDS]
    for name in ("must", "where", "remedy"):
        document[name] = document[name][:_LONGEST_WORDS]
    return document, []


def _read_failure(body: Body, frames: Sequence[Frame]) -> Failure:
    _ERROR.read("error", body)
    expect(frames, 0, "error")
    return Failure(BridgeError.from_document(dict(body)))


def _bare(kind: str, message: Message) -> Callable[[Body, Sequence[Frame]], Message]:
    def read(body: Body, frames: Sequence[Frame]) -> Message:
        _EMPTY.read(kind, body)
        expect(frames, 0, kind)
        return message

    return read


_WRITERS: dict[type[Message], tuple[str, Callable[[Any], Parts]]] = {
    Hello: ("hello", lambda message: ({}, [])),
    Welcome: ("welcome", _write_welcome),
    Load: ("load", _write_load),
    Loaded: ("loaded", lambda message: ({"digest": message.digest}, [])),
    Play: ("run", pack_play),
    Part: ("chunk", pack_part),
    Ack: ("ack", lambda message: ({"count": message.count}, [])),
    Abort: ("abort", lambda message: ({"run": message.run}, [])),
    Aborted: ("aborted", lambda message: ({"stopped": message.stopped}, [])),
    Ask: ("status", lambda message: ({}, [])),
    Answer: ("answer", lambda message: ({}, [_document(message.status)])),
    Heartbeat: ("heartbeat", lambda message: ({"waiting": message.waiting}, [])),
    Alive: ("alive", lambda message: ({"incarnation": message.incarnation, "pending": message.pending}, [])),
    Failure: ("error", _write_failure),
}
_READERS: dict[str, Callable[[Body, Sequence[Frame]], Message]] = {
    "hello": _bare("hello", Hello()),
    "welcome": _read_welcome,
    "load": _read_load,
    "loaded": _read_loaded,
    "run": unpack_play,
    "chunk": unpack_part,
    "ack": _read_ack,
    "abort": _read_abort,
    "aborted": _read_aborted,
    "status": _bare("status", Ask()),
    "answer": _read_answer,
    "heartbeat": _read_heartbeat,
    "alive": _read_alive,
    "error": _read_failure,
}
