"""Whatever is told ahead, closed early or forgotten by its server: results are those of a driver in this process."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qpu_bridge.driver import Chunk, Driver
from qpu_bridge.execution import Execution, Series
from qpu_bridge.schedule import Table
from qpu_bridge.transport import DriverServer, RemoteDriver
from tests.transport.spy import FIRST, LONG_S, SECOND, THIRD, Spy, until

Wish = tuple[int, int, int | None, int]

WISHES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from([None, 1, 2]), st.integers(0, 3)), min_size=1, max_size=4
)
"""Template, rows, most rows per run, seed; of several series."""


def wanted(wishes: list[Wish]) -> list[Series]:
    each = {"row_seconds": 1e-9}  # a chunk for each row
    return [
        Series((FIRST, SECOND, THIRD)[which], [Table(np.zeros((rows, 0)))], 3, seed=seed, settings=each, max_rows=most)
        for which, rows, most, seed in wishes
    ]


def results(flow: Iterator[tuple[int, Chunk]]) -> dict[int, bytes]:
    found: dict[int, bytes] = defaultdict(bytes)
    for number, chunk in flow:
        assert chunk.iq is not None
        found[number] += chunk.iq.tobytes()
    return found


@settings(max_examples=25, deadline=None)
@given(
    flows=st.lists(st.tuples(WISHES, st.booleans(), st.integers(0, 6)), min_size=1, max_size=5),
    templates=st.sampled_from([1, 2, 256]),
    window=st.sampled_from([1, 2, 16]),
)
def test_results_are_the_same(loopback: Driver, flows: list[tuple[list[Wish], bool, int]], templates: int, window: int) -> None:
    """Each flow may tell of the next one, and be closed after so many chunks."""
    spy = Spy(loopback)
    spy.hold.set()
    with tempfile.TemporaryDirectory() as folder, DriverServer(spy, f"ipc://{folder}/driver", templates=templates) as server:
        spy.abort = loopback.abort  # type: ignore[method-assign]  # what comes after is not stopped
        remote = RemoteDriver(server.endpoint, window=window, load_s=LONG_S, chunk_s=LONG_S)
        near, far = (Execution(driver, loopback.capabilities()) for driver in (loopback, remote))
        expected = [results(near.run_all(wanted(wishes))) for wishes, _, _ in flows]
        pieces = [far.prepare(wanted(wishes)) for wishes, _, _ in flows]
        for number, (_, tells, chunks) in enumerate(flows):
            if tells and number + 1 < len(flows):
                far.then(pieces[number + 1])
            flow = far.run_all(pieces[number])
            if chunks:
                for _ in zip(range(chunks), flow, strict=False):
                    pass
                flow.close()
            else:
                assert results(flow) == expected[number]
        far.then(None)
        assert not remote._queue
        until(lambda: not server._ledger._pending)
        assert far.resumed == 0
        remote.close()
