"""Loopback: the smallest driver. It plays nothing, and answers with numbers that anybody can compute again.

Every single shot of a column has one 64-bit word, a pure function of (seed, row, point, shot, column)::

    word = mix(mix(mix(mix(seed) ^ row) ^ point) ^ shot) * odd(column)        all modulo 2**64

``row`` counts within the whole job, ``point`` runs over the linear axes (last fastest), ``mix`` is splitmix64 and
``odd(column)`` is ``mix(column) | 1``. The top bit of the word is the bit. The IQ point lies on the side of the column's line
that the bit says: with ``u`` and ``v`` from the next 24 and the 24 bits after them, each in [0, 1), it is
``exp(i angle) (threshold + s ((2 bit - 1) (u + 1/2) + i (v - 1/2)))`` where ``s = max(1, |threshold|)``. Sample ``k`` of a trace
is the point of column ``column + 2**16 (k + 1)``. Averages are over the shots.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from math import prod
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.driver import Capabilities, Chunk, Run, Setting, State, Status, check_run
from qpu_bridge.errors import Cancelled, SettingsError
from qpu_bridge.schedule import Discriminator, Feature, Limits, PortLimits, Schedule, SlotKind, result_shapes
from qpu_bridge.schedule.check import check
from qpu_bridge.target import Snapshot

_CHUNK = 2**22
"""Numbers of one chunk, about."""
_ROW_SECONDS = Setting(
    name="row_seconds", kind="number", minimum=0, maximum=3600, description="Pretend that a row takes this long, s."
)
_LINE = Discriminator(angle=0.0, threshold=0.0)
Words = NDArray[np.uint64]


class LoopbackDriver:
    """A device of any size that is always the same."""

    def __init__(self, device: str, snapshot: Snapshot, options: Mapping[str, object]) -> None:
        if options:
            raise SettingsError("driver loopback must have no options", given=", ".join(sorted(options)))
        ports = tuple(PortLimits(name=port.name, kind=port.kind, dt=port.dt) for port in snapshot.ports)
        self._capabilities = Capabilities(
            device=device,
            driver="loopback",
            version="1",
            simulated=True,
            source="loopback",
            limits=Limits(dt=snapshot.timing.dt, ports=ports, features=frozenset(Feature), sweeps=frozenset(SlotKind)),
            settings=(_ROW_SECONDS,),
            deterministic=True,
        )
        self._held: dict[bytes, Schedule] = {}
        self._stop: Event | None = None

    def capabilities(self) -> Capabilities:
        """See `Driver.capabilities`."""
        return self._capabilities

    def load(self, schedule: Schedule) -> None:
        """See `Driver.load`."""
        if schedule.digest not in self._held:
            check(schedule, self._capabilities.limits)
            self._held[schedule.digest] = schedule

    def run(self, run: Run) -> Iterator[Chunk]:
        """See `Driver.run`."""
        schedule = check_run(self._held.get(run.digest), run, self._capabilities)
        self._stop = stop = Event()
        try:
            yield from self._chunks(schedule, run, stop)
        finally:
            self._stop = None

    def abort(self) -> None:
        """See `Driver.abort`."""
        if (stop := self._stop) is not None:
            stop.set()

    def status(self) -> Status:
        """See `Driver.status`."""
        state = State.IDLE if self._stop is None else State.RUNNING
        return Status(state=state, loaded=tuple(digest.hex() for digest in list(self._held)))

    def close(self) -> None:
        """See `Driver.close`."""
        self.abort()
        self._held.clear()

    def _chunks(self, schedule: Schedule, run: Run, stop: Event) -> Iterator[Chunk]:
        pause = float(run.settings.get("row_seconds", 0.0))
        row_size = sum(prod(shape) for shape in result_shapes(schedule, 1, run.shots).values())
        step = 1 if pause else max(1, _CHUNK // max(1, row_size))
        seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0]) if run.seed is None else run.seed
        for first in range(0, len(run.table), step):
            started = time.monotonic_ns()
            if stop.wait(pause) if pause else stop.is_set():
                raise Cancelled("a run must not be aborted to give all of its rows", given=f"{first} of {len(run.table)}")
            rows = min(step, len(run.table) - first)
            arrays, raw = _play(schedule, run, seed, first, rows)
            yield Chunk(first, rows, **arrays, raw=raw, started_ns=started, stopped_ns=time.monotonic_ns())


def _play(schedule: Schedule, run: Run, seed: int, first: int, rows: int) -> tuple[dict[str, Any], dict[int, Any]]:
    """Arrays of some rows: by kind, and traces by column."""
    row = np.arange(run.first_row + first, run.first_row + first + rows, dtype=np.uint64)
    points = _mix(_mix(_mix(np.array([seed], np.uint64)) ^ row)[:, None] ^ np.arange(prod(schedule.sweep_shape), dtype=np.uint64))
    shots = _mix(points[..., None] ^ np.arange(run.shots, dtype=np.uint64))
    arrays: dict[str, Any] = {}
    raw: dict[int, Any] = {}
    for kind, shape in result_shapes(schedule, rows, run.shots).items():
        if isinstance(kind, int):
            samples = kind + 2**16 * np.arange(1, shape[-1] + 1)
            trace = _iq(_words(shots, samples), [schedule.columns[kind].discriminator] * shape[-1])
            raw[kind] = (trace.mean(axis=2) if schedule.columns[kind].average else trace).reshape(shape)
            continue
        columns = schedule.columns_returning(kind)
        words = _words(shots, columns)
        lines = [schedule.columns[column].discriminator for column in columns]
        arrays[kind] = _bits(words) if kind == "bits" else _iq(words, lines)
        arrays[kind] = (arrays[kind].mean(axis=2) if kind == "mean" else arrays[kind]).reshape(shape)
    return arrays, raw


def _mix(words: Words) -> Words:
    """splitmix64."""
    z = words + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def _words(shots: Words, columns: object) -> Words:
    return np.asarray(shots[..., None] * (_mix(np.asarray(columns, np.uint64)) | np.uint64(1)))


def _bits(words: Words) -> NDArray[np.bool_]:
    return words >= np.uint64(2**63)


def _iq(words: Words, lines: list[Discriminator | None]) -> NDArray[np.complex64]:
    side = np.where(_bits(words), np.float32(1), np.float32(-1))
    u = ((words >> np.uint64(39)) & np.uint64(0xFFFFFF)).astype(np.float32) * np.float32(2**-24)
    v = ((words >> np.uint64(15)) & np.uint64(0xFFFFFF)).astype(np.float32) * np.float32(2**-24)
    drawn = [line or _LINE for line in lines]
    turn = np.exp(1j * np.array([line.angle for line in drawn])).astype(np.complex64)
    threshold = np.array([line.threshold for line in drawn], np.float32)
    scale = np.maximum(np.float32(1), np.abs(threshold))
    along = threshold + scale * side * (u + np.float32(0.5))
    return np.asarray(turn * (along + np.complex64(1j) * scale * (v - np.float32(0.5))), np.complex64)
