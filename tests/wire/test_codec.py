"""Round trips, and the bytes themselves: they may change only together with PROTOCOL."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgpack
import numpy as np
import pytest

from qpu_bridge.driver import Chunk
from qpu_bridge.errors import BridgeError, ProtocolError
from qpu_bridge.schedule import Branch, Constant, Rows, Schedule, Shots, Table
from qpu_bridge.wire import MAX_FRAMES, NO_REQUEST, PROTOCOL, Failure, Load, Message, Part, Play, decode, encode, request_of

GOLDEN = Path(__file__).parent / "golden" / f"protocol{PROTOCOL}"
REQUEST = bytes(range(16))


def same(one: object, two: object) -> bool:
    """Equality that looks into arrays."""
    if isinstance(one, np.ndarray):
        return one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
    if isinstance(one, Table):
        return same(one.values, two.values)
    if isinstance(one, BridgeError):
        return type(one) is type(two) and one.to_document() == two.to_document()
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(value, two[key]) for key, value in one.items())
    if hasattr(one, "__dataclass_fields__") and not isinstance(one, Schedule):
        return type(one) is type(two) and all(same(getattr(one, f), getattr(two, f)) for f in one.__dataclass_fields__)
    return one == two


def golden(kind: str) -> Path:
    return GOLDEN / f"{kind}.msgpack"


KINDS = (
    *("hello", "welcome", "load", "loaded", "run", "chunk", "ack"),
    *("abort", "aborted", "status", "answer", "heartbeat", "alive", "error"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_said_is_heard(messages: dict[str, Message], kind: str) -> None:
    request, message = decode([bytes(frame) for frame in encode(REQUEST, messages[kind])])
    assert request == REQUEST
    assert same(message, messages[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_are_those_of_the_specification(messages: dict[str, Message], kind: str) -> None:
    """If this fails, peers out there no longer understand us: raise PROTOCOL, write new golden bytes, keep PROTOCOL.md true."""
    frames = [bytes(frame) for frame in encode(REQUEST, messages[kind])]
    assert frames == msgpack.unpackb(golden(kind).read_bytes())


@pytest.mark.parametrize("kind", KINDS)
def test_golden_bytes_are_understood(messages: dict[str, Message], kind: str) -> None:
    request, message = decode(msgpack.unpackb(golden(kind).read_bytes()))
    assert request == REQUEST
    assert same(message, messages[kind])


def test_every_kind_has_golden_bytes(messages: dict[str, Message]) -> None:
    assert set(KINDS) == set(messages) == {path.stem for path in GOLDEN.iterdir()}


def test_the_specification_names_every_kind_and_the_number() -> None:
    text = (Path(__file__).parents[2] / "qpu_bridge" / "wire" / "PROTOCOL.md").read_text()
    assert f"# The wire protocol, number {PROTOCOL}" in text
    for kind in KINDS:
        assert f"`{kind}`" in text


def test_large_arrays_are_not_copied(messages: dict[str, Message]) -> None:
    iq = np.zeros((4, 1000, 3), np.complex64)
    frames = encode(REQUEST, Part(True, Chunk(0, 4, iq=iq)))
    assert np.shares_memory(np.frombuffer(frames[1], np.uint8), iq)
    back = decode(frames)[1]
    assert np.shares_memory(back.chunk.iq, iq)
    assert not back.chunk.iq.flags.writeable
    loaded = decode(frames := encode(REQUEST, messages["load"]))[1]
    assert np.shares_memory(loaded.schedule.events, np.frombuffer(frames[5], np.uint8))


def test_a_digest_that_does_not_fit_is_refused(schedule: Schedule) -> None:
    frames = encode(REQUEST, Load(schedule))
    events = bytearray(frames[5])
    events[20] ^= 1
    with pytest.raises(ProtocolError, match="digest"):
        decode([*frames[:5], bytes(events)])


def test_another_protocol_is_refused_with_both_numbers() -> None:
    with pytest.raises(ProtocolError, match=r"must speak protocol 1; got 2"):
        decode([msgpack.packb([2, REQUEST, "hello", {}])])


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_and_frames_are_refused(messages: dict[str, Message], kind: str) -> None:
    frames = [bytes(frame) for frame in encode(REQUEST, messages[kind])]
    number, request, name, body = msgpack.unpackb(frames[0])
    with pytest.raises(ProtocolError):
        decode([msgpack.packb([number, request, name, {**body, "surprise": 1}]), *frames[1:]])
    with pytest.raises(ProtocolError):
        decode([*frames, b"surprise"])
    with pytest.raises(ProtocolError):
        decode([*frames, *[b""] * MAX_FRAMES])


def test_the_id_of_a_message_that_cannot_be_read_is_kept_if_it_can() -> None:
    assert request_of([msgpack.packb([PROTOCOL, REQUEST, "nonsense", {}])]) == REQUEST
    assert request_of([b"\xc1"]) == NO_REQUEST


def test_an_array_type_that_does_not_travel_is_refused() -> None:
    with pytest.raises(ProtocolError, match="type"):
        encode(REQUEST, Part(True, Chunk(0, 1, iq=np.array([object()]))))


def test_an_unknown_error_is_a_drivers_fault() -> None:
    frame = msgpack.packb([1, REQUEST, "error", {"kind": "SystemExit", "must": "m", "given": 1, "where": "", "remedy": ""}])
    failure = decode([frame])[1]
    assert isinstance(failure, Failure)
    assert type(failure.error).__name__ == "DriverFault"


def test_a_seed_beyond_the_wire_is_refused_before_it_is_sent(messages: dict[str, Message]) -> None:
    play = messages["run"]
    assert isinstance(play, Play)
    run = type(play.run)(play.run.digest, play.run.table, 1, seed=2**70)
    with pytest.raises(ProtocolError, match="64 bits"):
        encode(REQUEST, Play(play.incarnation, 1, run))


def test_a_peer_of_another_protocol_is_answered_under_its_own_id() -> None:
    assert request_of([msgpack.packb([99, REQUEST, "hello", {}, "more"])]) == REQUEST
    assert request_of([msgpack.packb([99])]) == NO_REQUEST
    assert request_of([msgpack.packb([99, b"short", "hello", {}])]) == NO_REQUEST


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ((2, 0, 2), "wire", "ports[0].Port.kind"),
        ((3, 1, 3), "fast", "frames[1].Frame.frequency"),
        ((7, 0), ["Rows", [["Shots", [["Straight", 0, 1, 2.5, -1]]]]], "body[0].Rows.body[0].Shots.body[0].Straight.duration"),
    ],
)
def test_an_error_in_the_tables_names_its_place(schedule: Schedule, path: tuple[int, ...], value: object, where: str) -> None:
    frames = [bytes(frame) for frame in encode(REQUEST, Load(schedule))]
    document = holder = json.loads(frames[1])
    for index in path[:-1]:
        holder = holder[index]
    holder[path[-1]] = value
    frames[1] = json.dumps(document).encode()
    with pytest.raises(ProtocolError) as caught:
        decode(frames)
    assert caught.value.where == where


def test_the_type_of_a_field_is_said_in_the_words_of_the_page(messages: dict[str, Message]) -> None:
    header, *frames = encode(REQUEST, messages["run"])
    document = msgpack.unpackb(header)
    document[3]["rep_delay_s"] = 0
    with pytest.raises(ProtocolError, match=r"rep_delay_s of a run must be (nil or )?float \(not an integer\); got int"):
        decode([msgpack.packb(document), *frames])


def test_a_digest_over_waveforms_that_are_not_normal_is_refused_with_the_way_to_mend_it(schedule: Schedule) -> None:
    frames = [bytes(frame) for frame in encode(REQUEST, Load(schedule))]
    header = msgpack.unpackb(frames[0])
    header[3]["digest"] = bytes(32)
    with pytest.raises(ProtocolError, match="neighbours merged"):
        decode([msgpack.packb(header), *frames[1:]])


def test_a_run_may_leave_the_wait_to_the_device(messages: dict[str, Message]) -> None:
    play = messages["run"]
    assert isinstance(play, Play)
    left = replace(play, run=replace(play.run, rep_delay_s=None))
    _, read = decode([bytes(frame) for frame in encode(REQUEST, left)])
    assert isinstance(read, Play)
    assert read.run.rep_delay_s is None


@pytest.mark.parametrize("value", [0, 2**64 - 1, True, -0.5])
def test_a_constant_crosses_as_it_is(schedule: Schedule, value: float) -> None:
    changed = replace(schedule, body=(Rows((Shots((Branch(Constant(value), ()), *schedule.realtime)),)),))
    _, read = decode([bytes(frame) for frame in encode(REQUEST, Load(changed))])
    assert isinstance(read, Load)
    assert read.schedule == changed


@pytest.mark.parametrize("value", [-1, 2**64])
def test_a_constant_that_is_no_number_of_a_device_is_refused(schedule: Schedule, value: int) -> None:
    changed = replace(schedule, body=(Rows((Shots((Branch(Constant(value), ()), *schedule.realtime)),)),))
    with pytest.raises(ProtocolError, match="a constant must not be negative or need more than 64 bits"):
        decode([bytes(frame) for frame in encode(REQUEST, Load(changed))])
