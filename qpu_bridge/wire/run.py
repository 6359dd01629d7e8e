"""Runs and chunks: the header fields and array frames of what goes to the device and of what comes back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.driver import Chunk, Run
from qpu_bridge.errors import ProtocolError
from qpu_bridge.schedule import Table
from qpu_bridge.wire.array import pack_arrays, unpack_arrays
from qpu_bridge.wire.frame import Frame, expect
from qpu_bridge.wire.header import Body, Form, key, within
from qpu_bridge.wire.messages import Part, Play

LARGEST_WINDOW = 64
"""Chunks that a client may let a server send ahead."""
_COUNT = 2**48
_RUN = Form(
    incarnation=bytes,
    window=int,
    digest=bytes,
    shots=int,
    first_row=int,
    rep_delay_s=(type(None), float),
    seed=(int, type(None)),
    settings=dict,
    arrays=list,
)
_CHUNK = Form(last=bool, first_row=int, rows=int, started_ns=int, stopped_ns=int, notes=str, arrays=list)
_PLAIN: tuple[type, ...] = (float, int, str, bool)


def pack_play(message: Play) -> tuple[Body, list[Frame]]:
    """Fields and table of a run."""
    run = message.run
    described, frames = pack_arrays({"table": run.table.values})
    body = {
        "incarnation": message.incarnation,
        "window": message.window,
        "digest": run.digest,
        "shots": run.shots,
        "first_row": run.first_row,
        "rep_delay_s": None if run.rep_delay_s is None else float(run.rep_delay_s),
        "seed": run.seed,
        "settings": dict(run.settings),
        "arrays": described,
    }
    return body, frames


def unpack_play(body: Body, frames: Sequence[Frame]) -> Play:
    """The run; its table is a read-only view of the frame. Which shots, rows and seeds there are, the driver says."""
    incarnation, window, digest, shots, first_row, rep_delay_s, seed, settings, described = _RUN.read("run", body)
    expect(frames, 1, "run")
    table = unpack_arrays(described, frames).get("table")
    if table is None or table.dtype != np.float64 or table.ndim != 2:
        raise ProtocolError("a run must carry one array, table, of type <f8 and two axes")
    if rep_delay_s is not None and not math.isfinite(rep_delay_s):
        raise ProtocolError("field rep_delay_s of a run must be finite")
    for name, value in settings.items():
        if type(name) is not str or type(value) not in _PLAIN:
            raise ProtocolError("a run's settings must be numbers, words or switches by name", given=str(name)[:32])
    run = Run(
        digest=key("run", "digest", digest, 32),
        table=Table(table),
        shots=shots,
        first_row=first_row,
        rep_delay_s=rep_delay_s,
        seed=seed,
        settings=settings,
    )
    window = within("run", "window", window, 1, LARGEST_WINDOW)
    return Play(key("run", "incarnation", incarnation, 8), window, run)


def pack_part(message: Part) -> tuple[Body, list[Frame]]:
    """Fields and arrays of a chunk."""
    chunk = message.chunk
    named = {"bits": chunk.bits, "iq": chunk.iq, "mean": chunk.mean}
    arrays: dict[str, NDArray[Any]] = {name: array for name, array in named.items() if array is not None}
    described, frames = pack_arrays(arrays | {f"raw:{column}": trace for column, trace in chunk.raw.items()})
    body = {
        "last": message.last,
        "first_row": chunk.first_row,
        "rows": chunk.rows,
        "started_ns": chunk.started_ns,
        "stopped_ns": chunk.stopped_ns,
        "notes": _written(chunk.notes) if chunk.notes else "",
        "arrays": described,
    }
    return body, frames


def unpack_part(body: Body, frames: Sequence[Frame]) -> Part:
    """The chunk; IQ arrays are read-only views of the frames."""
    last, first_row, rows, started_ns, stopped_ns, notes, described = _CHUNK.read("chunk", body)
    arrays = unpack_arrays(described, frames)
    raw: dict[int, NDArray[np.complex64]] = {}
    named: dict[str, NDArray[Any] | None] = {"bits": None, "iq": None, "mean": None}
    for name, array in arrays.items():
        if array.dtype != (np.bool_ if name == "bits" else np.complex64):
            raise ProtocolError("a chunk's arrays must be bits, or numbers of type <c8", given=str(array.dtype), where=name)
        if name in named:
            named[name] = array
        elif name.startswith("raw:") and name[4:].isascii() and name[4:].isdigit():
            raw[int(name[4:])] = array
        else:
            raise ProtocolError("a chunk's arrays must be bits, iq, mean or raw:N", given=name)
    chunk = Chunk(
        first_row=within("chunk", "first_row", first_row, 0, _COUNT),
        rows=within("chunk", "rows", rows, 1, _COUNT),
        bits=named["bits"],
        iq=named["iq"],
        mean=named["mean"],
        raw=raw,
        started_ns=started_ns,
        stopped_ns=stopped_ns,
        notes=_read(notes) if notes else {},
    )
    return Part(last, chunk)


def _written(notes: Mapping[str, object]) -> str:
    try:
        return json.dumps(notes)
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError("a chunk's notes must be JSON values", given=str(error)[:200]) from None


def _read(notes: str) -> Mapping[str, object]:
    try:
        document = json.loads(notes)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a chunk's notes must be JSON", given=type(error).__name__) from None
    if type(document) is not dict:
        raise ProtocolError("a chunk's notes must be a JSON object", given=type(document).__name__)
    return document
