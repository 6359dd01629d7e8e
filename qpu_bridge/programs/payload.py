"""Reading what a client sent, before any library loads it."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Collection, Iterator, Mapping
from math import prod
from typing import Any

from qiskit.qpy import QPY_VERSION

from qpu_bridge.errors import BadRequest, TooLarge

OLDEST_QPY = 13
"""Older formats may hold pickled symbolic expressions."""

INFLATED_LIMIT = 2**30
"""Bytes that one compressed part of a request may become."""

_QPY_MAGIC = b"QISKIT"
_BYTES = {"bool": 0.125, "u8": 1, "i8": 1, "u16": 2, "i16": 2, "f16": 2, "u32": 4, "i32": 4, "f32": 4}
_BYTES |= {"u64": 8, "i64": 8, "f64": 8, "c64": 8, "c128": 16}


def parse(params_json: str) -> dict[str, Any]:
    """The parameters of a job as plain JSON values.

    Raises:
        BadRequest: If it is not a JSON object.
    """
    try:
        params = json.loads(params_json)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the job's parameters must be JSON", given=str(error)) from None
    if not isinstance(params, dict):
        raise BadRequest("the job's parameters must be a JSON object", given=type(params).__name__)
    return params


def schema_version(params: Mapping[str, Any], known: Collection[str]) -> str:
    """The version in which a request is written, and is to be answered.

    Raises:
        BadRequest: If it is none of those ``known``.
    """
    version = str(params.get("schema_version"))
    if version not in known:
        raise BadRequest(f"schema_version must be one of {', '.join(known)}", given=version, where="params.schema_version")
    return version


def inflate(data: str, where: str, limit: int = INFLATED_LIMIT, *, compressed: bool = True) -> bytes:
    """Decode base 64, and decompress without ever holding more than ``limit`` bytes.

    Raises:
        BadRequest: If the bytes are damaged.
        TooLarge: If there are too many.
    """
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("binary data must be base 64", given=str(error), where=where) from None
    if not compressed:
        return raw
    machine = zlib.decompressobj()
    try:
        plain = machine.decompress(raw, limit + 1)
    except zlib.error as error:
        raise BadRequest("compressed data must be zlib", given=str(error), where=where) from None
    if len(plain) > limit:
        raise TooLarge(f"compressed data may hold at most {limit} bytes", where=where)
    if not machine.eof:
        raise BadRequest("compressed data must be complete", where=where)
    return plain


def require_qpy(data: str, where: str, *, compressed: bool) -> bytes:
    """The bytes of a QPY file whose version may be loaded, judged by its header alone.

    Raises:
        BadRequest: If it is no QPY file, or of a version that is too old or too new.
    """
    plain = inflate(data, where, compressed=compressed)
    if len(plain) < 7 or not plain.startswith(_QPY_MAGIC):
        raise BadRequest("a circuit must be a QPY file", where=where)
    version = plain[6]
    if version < OLDEST_QPY:
        raise BadRequest(
            f"the QPY version must be at least {OLDEST_QPY}",
            given=version,
            where=where,
            remedy="Save the circuit again with a current Qiskit",
        )
    if version > QPY_VERSION:
        raise BadRequest(
            f"the QPY version must be at most {QPY_VERSION} (this server's Qiskit)",
            given=version,
            where=where,
            remedy="Ask the operator to update the server, or use an older Qiskit",
        )
    return plain


def require_bounded_tensors(params: Mapping[str, Any]) -> None:
    """Refuse tensors that would inflate beyond the shape they declare.

    Raises:
        BadRequest: If a tensor is damaged or longer than it says.
        TooLarge: If a tensor says that it is enormous.
    """
    for where, node in walk(params):
        kinds = {name: type(node.get(name)) for name in ("data", "shape", "dtype")}
        if kinds == {"data": str, "shape": list, "dtype": str} and node["dtype"] in _BYTES:
            if not all(isinstance(size, int) and size >= 0 for size in node["shape"]):
                raise BadRequest("a tensor's shape must be whole numbers", given=node["shape"], where=where)
            declared = int(prod(node["shape"]) * _BYTES[node["dtype"]]) + 1
            if declared > INFLATED_LIMIT:
                raise TooLarge(f"a tensor may hold at most {INFLATED_LIMIT} bytes", given=declared, where=where)
            inflate(node["data"], where, declared)


def walk(node: Any, where: str = "params") -> Iterator[tuple[str, dict[str, Any]]]:
    """All JSON objects inside, each with its path."""
    pending: list[tuple[str, Any]] = [(where, node)]
    while pending:
        path, here = pending.pop()
        if isinstance(here, dict):
            yield path, here
            pending.extend((f"{path}.{key}", value) for key, value in here.items())
        elif isinstance(here, list):
            pending.extend((f"{path}[{index}]", value) for index, value in enumerate(here))
