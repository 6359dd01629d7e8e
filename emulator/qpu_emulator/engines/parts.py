"""How a run is cut into parts that fit into memory and keep every thread busy; results do not depend on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import TypeVar

import numpy as np

from qpu_bridge.errors import TooLarge
from qpu_bridge.schedule import Acquisition
from qpu_emulator.performance import Performance
from qpu_emulator.readout.memory import LANES_TOGETHER

S = TypeVar("S")
T = TypeVar("T")

_STATES = 16 * 2**20
"""Bytes of states in a part, where memory and the engine's block allow no more."""
_RESULTS = 2**22
"""Numbers that a part returns at most, so that chunks of a long run come one after the other."""
_LANES = 1024
"""Lanes of a part at most."""
_FEW_LANES = 128
"""A part of fewer lanes is not worth a thread."""
_WORTH = 2**21
"""Bytes of one row's states from which on its lanes are dealt to threads, if there are fewer rows than threads."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some lanes of some rows.

    Attributes:
        first: First row of the table.
        rows: How many.
        lanes: Which lanes of each of their points.
        last: Whether the rows are complete with it.
    """

    first: int
    rows: int
    lanes: range
    last: bool


def cut(performance: Performance, rows: int, threads: int, memory: int) -> tuple[list[Part], int]:
    """Parts of a run, row by row, and how many of them may be played at a time.

    Args:
        performance: What is played.
        rows: Of its table.
        threads: How many parts to play at a time, if memory allows.
        memory: Limit in bytes for all of them together.

    Raises:
        TooLarge: If even the smallest part does not fit; says how much would be needed.
    """
    sweep = prod(performance.program.schedule.sweep_shape)
    lanes, single = performance.lanes, sweep * performance.choice.bytes_per_lane
    results = sweep * performance.shots * _numbers(performance)
    needed = single + performance.choice.bytes_per_thread + 8 * results
    if needed > memory:
        raise TooLarge(
            f"a row must fit into {memory:,} bytes of memory",
            given=f"{needed:,} bytes ({performance.choice.name}, {sweep} sweep points, {performance.shots} shots)",
            remedy="Sweep by rows, ask for fewer shots, choose another engine, or raise the option memory.",
        )
    threads = min(threads, memory // needed)
    room = memory // threads - performance.choice.bytes_per_thread - 8 * results
    share = max(single, min(max(_STATES, performance.choice.block * single), room))
    at_a_time = int(min(lanes, share // single))
    if at_a_time < lanes or (rows < threads and single * lanes > _WORTH):
        # one row has enough to do for all threads
        block = performance.choice.block
        at_a_time = min(at_a_time, -(-lanes // (threads * block)) * block)
        # where less fits, mean traces are the same to rounding only
        at_a_time -= at_a_time % LANES_TOGETHER if at_a_time > LANES_TOGETHER else 0
        starts = range(0, lanes, at_a_time)
        parts = [
            Part(row, 1, range(start, min(start + at_a_time, lanes)), start + at_a_time >= lanes)
            for row in range(rows)
            for start in starts
        ]
        return parts, threads
    width = sweep * lanes
    fitting = min(share // (single * lanes), _RESULTS // max(1, results), _LANES // width)
    # most of the work on qubits that are alone is Python's, one thread at a time
    few = _FEW_LANES if any(len(cluster) > 1 for cluster in performance.program.clusters) else _LANES
    worth = max(-(-rows // threads), -(-few // width))
    most = int(max(1, min(fitting, worth)))
    # alike, since nobody plays beside the larger of two parts when a small one is done
    size = max(1, -(-rows // max(1, -(-rows // most))))
    return [Part(row, min(size, rows - row), range(lanes), True) for row in range(0, rows, size)], threads


def _numbers(performance: Performance) -> int:
    """Numbers that one shot returns."""
    schedule = performance.program.schedule
    traced = [column for column, one in enumerate(schedule.columns) if one.acquisition is Acquisition.RAW]
    raw = int(schedule.samples[np.isin(schedule.events["column"], traced)].sum()) if traced else 0
    return 1 + len(schedule.columns) + raw


def in_order(work: Callable[[S], T], items: Sequence[S], threads: int) -> Iterator[T]:
    """Results of ``work`` in the order of the items, a few of them prepared ahead in threads."""
    if threads == 1 or len(items) == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="emulator") as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
