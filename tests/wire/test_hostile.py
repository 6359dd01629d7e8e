"""Whatever arrives, the decoder says no with one of our errors, soon, and takes no memory that the frames do not justify."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpu_bridge.errors import ProtocolError, ScheduleError
from qpu_bridge.schedule import Schedule
from qpu_bridge.wire import Load, Message, decode, encode, request_of
from qpu_bridge.wire.tables import read_tables

REQUEST = bytes(range(16))
FUZZ = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def survives(frames: list[bytes]) -> None:
    request_of(frames)
    with suppress(ProtocolError, ScheduleError):
        decode(frames)


@pytest.fixture(scope="session")
def spoken(messages: dict[str, Message]) -> list[list[bytes]]:
    return [[bytes(frame) for frame in encode(REQUEST, message)] for message in messages.values()]


@FUZZ
@given(frames=st.lists(st.binary(max_size=200), max_size=70))
def test_noise(frames: list[bytes]) -> None:
    survives(frames)


@FUZZ
@given(data=st.data())
def test_mutated_messages(spoken: list[list[bytes]], data: st.DataObject) -> None:
    frames = list(data.draw(st.sampled_from(spoken)))
    for _ in range(data.draw(st.integers(1, 4))):
        which = data.draw(st.integers(0, len(frames) - 1))
        frame = bytearray(frames[which])
        where = data.draw(st.integers(0, len(frame)))
        frame[where : where + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
        frames[which] = bytes(frame)
    survives(frames)


@FUZZ
@given(data=st.data())
def test_truncated_and_shuffled_messages(spoken: list[list[bytes]], data: st.DataObject) -> None:
    frames = list(data.draw(st.sampled_from(spoken)))
    which = data.draw(st.integers(0, len(frames) - 1))
    frames[which] = frames[which][: data.draw(st.integers(0, len(frames[which])))]
    survives(data.draw(st.permutations(frames))[: data.draw(st.integers(0, len(frames)))])


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=8) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@FUZZ
@given(data=st.data())
def test_well_formed_headers_with_wrong_values(spoken: list[list[bytes]], data: st.DataObject) -> None:
    frames = list(data.draw(st.sampled_from(spoken)))
    header = msgpack.unpackb(frames[0])
    if header[3] and data.draw(st.booleans()):
        header[3][data.draw(st.sampled_from(sorted(header[3])))] = data.draw(plain)
    else:
        header[data.draw(st.integers(0, 3))] = data.draw(plain)
    survives([msgpack.packb(header), *frames[1:]])


def nodes(document: object, path: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    found = [path] if path else []
    if isinstance(document, list):
        for index, inner in enumerate(document):
            found += nodes(inner, (*path, index))
    return found


@FUZZ
@given(data=st.data())
def test_tables_with_wrong_values(schedule: Schedule, data: st.DataObject) -> None:
    frames = [bytes(frame) for frame in encode(REQUEST, Load(schedule))]
    document = json.loads(frames[1])
    path = data.draw(st.sampled_from(nodes(document)))
    holder = document
    for index in path[:-1]:
        holder = holder[index]
    words = ["Straight", "Apply", "Rows", "Constant", "Bits", "drive", "bit", "__class__", "os.system"]
    holder[path[-1]] = data.draw(plain.filter(lambda v: not _has_bytes(v)) | st.sampled_from(words))
    frames[1] = json.dumps(document).encode()
    survives(frames)


def _has_bytes(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_has_bytes, value))
    if isinstance(value, dict):
        return any(map(_has_bytes, value.values()))
    return isinstance(value, bytes)


def header(kind: str, body: dict[str, object]) -> bytes:
    return msgpack.packb([1, REQUEST, kind, body])


def chunk(arrays: list[object], *frames: bytes) -> list[bytes]:
    body = {"last": True, "first_row": 0, "rows": 1, "started_ns": 0, "stopped_ns": 0, "notes": "", "arrays": arrays}
    return [header("chunk", body), *frames]


def load(schedule: Schedule, at: int, frame: bytes) -> list[bytes]:
    frames = [bytes(frame) for frame in encode(REQUEST, Load(schedule))]
    frames[at] = frame
    return frames


DEEP = '["Repeat", 1, [' * 20_000 + "]" * 20_000
BOMBS: dict[str, Callable[[Schedule], list[bytes]]] = {
    "an array of exabytes": lambda s: chunk([["iq", "<c8", [2**40, 2**20]]], b""),
    "an array of nothing, many times": lambda s: chunk([["iq", "<c8", [0, 2**40, 2**40]]], b""),
    "more axes than there are": lambda s: chunk([["iq", "<c8", [1] * 200]], bytes(8)),
    "many bits in one byte": lambda s: chunk([["bits", "bits", [2**40]]], b"\xff"),
    "objects": lambda s: chunk([["iq", "|O", [1]]], bytes(8)),
    "a lie about msgpack lengths": lambda s: [b"\x94\x01\xdd\xff\xff\xff\xff"],
    "nested lies about msgpack lengths": lambda s: [b"\xdc\x01\x00" * 30_000],
    "deep msgpack": lambda s: [b"\x91" * 100_000],
    "deep JSON": lambda s: load(s, 1, b"[" * 1_000_000),
    "deep blocks": lambda s: load(s, 1, f'["1", [0, 0], [], [], [], [], [], [{DEEP}]]'.encode()),
    "a number of a million digits": lambda s: load(s, 1, b"[" + b"9" * 1_000_000 + b"]"),
    "an infinite number": lambda s: load(s, 1, s.tables.replace(b"5000000000.0", b"1e999")),
    "not a number": lambda s: load(s, 1, s.tables.replace(b"5000000000.0", b"NaN")),
    "a clock of nothing": lambda s: load(s, 1, s.tables.replace(b'"1/1000000000"', b'"1/0"')),
    "a waveform of ages": lambda s: load(s, 4, np.full(len(encode(REQUEST, Load(s))[4]) // 8, 2**62).tobytes()),
    "lengths that overflow": lambda s: load(s, 2, np.full(len(s.waveforms), 2**63 - 1).tobytes()),
    "negative lengths": lambda s: load(s, 2, np.full(len(s.waveforms), -1).tobytes()),
    "infinite samples": lambda s: load(s, 3, np.full(len(encode(REQUEST, Load(s))[3]) // 8, np.inf).tobytes()),
    "huge samples": lambda s: load(s, 3, np.full(len(encode(REQUEST, Load(s))[3]) // 8, 1e308).tobytes()),
    "deep notes": lambda s: [
        header(
            "chunk",
            {"last": True, "first_row": 0, "rows": 1, "started_ns": 0, "stopped_ns": 0, "notes": "[" * 60_000, "arrays": []},
        )
    ],
    "an extension type": lambda s: [msgpack.packb([1, msgpack.ExtType(5, bytes(16)), "hello", {}])],
    "a time stamp": lambda s: [msgpack.packb([1, msgpack.Timestamp(0), "hello", {}])],
    "a pickle": lambda s: [b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."],
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_without_harm(schedule: Schedule, bomb: str) -> None:
    frames = BOMBS[bomb](schedule)
    size = sum(map(len, frames))
    tracemalloc.start()
    try:
        with pytest.raises((ProtocolError, ScheduleError)):
            decode(frames)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * size + 4 * 2**20


@pytest.mark.parametrize("wrong", [True, 5_000_000_000, "5e9", None, [], [5e9]])
def test_a_remembered_record_is_none_that_only_equals_it(wrong: object) -> None:
    """Lines and carriers are remembered by what came: what is true is not 1, and 5 is not 5.0."""

    def tables(port: object, frequency: object) -> bytes:
        ports, frames = [["Port", "d0", "drive", "1/1000000000"]], [["Frame", "q0", port, frequency]]
        return json.dumps(["1/1000000000", [0, 0], ports, frames, [], [], [], []]).encode()

    (known,) = read_tables(tables(1, 5e9)).frames
    assert read_tables(tables(1, 5e9)).frames[0] is known
    if type(wrong) is int:
        assert type(read_tables(tables(1, wrong)).frames[0].frequency) is int
        return
    for text in (tables(1, wrong), tables(wrong, 5e9)):
        with pytest.raises(ProtocolError):
            read_tables(text)
