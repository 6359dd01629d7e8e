"""Rows of a job that still runs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import requests
from numpy.typing import NDArray
from qiskit_ibm_runtime import RuntimeJobV2

from qpu_bridge.errors import ProtocolError
from qpu_bridge.programs.tensor import unpacked

PATIENCE_S = 60.0
"""A stream that is silent for so long is opened again, s; the bridge says something every 15 s."""

FLIPS = "measurement_flips."


@dataclass(frozen=True, slots=True)
class FinishedRows:
    """Some rows of one item of a job that still runs.

    Attributes:
        item: Number of the item, in the order in which they are played.
        shape: Shape of the whole item; rows are numbered in C order.
        first_row: The first of these.
        arrays: By register, the axis of rows first: ``bool[rows, shots, bits]``, or complex points of the IQ plane; and what
            twirling returns, ``measurement_flips.REGISTER``, which is not applied.
    """

    item: int
    shape: tuple[int, ...]
    first_row: int
    arrays: dict[str, NDArray[Any]]

    @property
    def rows(self) -> int:
        """How many."""
        return len(next(iter(self.arrays.values()), ()))

    def bits(self, register: str) -> NDArray[np.bool_]:
        """Bits of a register with the flips of twirled measurements undone, ``bool[rows, shots, bits]``."""
        bits: NDArray[np.bool_] = self.arrays[register]
        flips = self.arrays.get(FLIPS + register)
        return bits if flips is None else bits ^ flips


@dataclass(frozen=True, slots=True)
class Restarted:
    """The job was started afresh: rows so far are void."""


def interim_results(job: RuntimeJobV2) -> list[FinishedRows]:
    """The rows that are finished now; none before half a second and after the end, when the result has them all."""
    answer = _get(job, "", {}, 10.0)
    return [_rows(part) for part in answer.json()["parts"]]


def interim_stream(job: RuntimeJobV2) -> Iterator[FinishedRows | Restarted]:
    """Rows as they come, until the job has ended. A connection that breaks is made again; leave the stream whenever you like."""
    last = ""
    while True:
        try:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
            with _get(job, "/stream", headers, PATIENCE_S) as answer:
                for kind, name, data in _events(map(bytes.decode, answer.iter_lines(chunk_size=2**16))):
                    if kind == "end":
                        return
                    last = name
                    yield Restarted() if kind == "restart" else _rows(data)
        except requests.exceptions.RequestException:
            # the next request raises what is wrong, if something still is
            job.status()


class BridgeRuntimeJob(RuntimeJobV2):  # type: ignore[misc]
    """The client's job, which can also be watched while it runs."""

    @classmethod
    def of(cls, job: RuntimeJobV2) -> BridgeRuntimeJob:
        """The same job."""
        job.__class__ = cls
        return job  # type: ignore[no-any-return]

    def interim_results(self) -> list[FinishedRows]:
        """See `interim_results`."""
        return interim_results(self)

    def interim_stream(self) -> Iterator[FinishedRows | Restarted]:
        """See `interim_stream`."""
        return interim_stream(self)


def _get(job: RuntimeJobV2, path: str, headers: dict[str, str], patience_s: float) -> requests.Response:
    adapter = job._api_client._api.program_job(job.job_id())
    url = f"{adapter.prefix_url}/interim_results{path}"
    get: Callable[..., requests.Response] = adapter.session.get
    return get(url, headers=headers, stream=bool(path), timeout=patience_s)


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    """Kind, id and data of each server-sent event."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in fields:
                yield fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"])
            fields = {}
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            fields[field] = value.removeprefix(" ")


def _rows(part: dict[str, Any]) -> FinishedRows:
    try:
        arrays = {
            name: unpacked(tensor["dtype"], tuple(tensor["shape"]), base64.b64decode(tensor["data"]))
            for name, tensor in part["results"].items()
        }
    except ValueError as error:
        raise ProtocolError("finished rows must be readable", given=str(error)) from None
    return FinishedRows(part["item"], tuple(part["shape"]), part["first_row"], arrays)
