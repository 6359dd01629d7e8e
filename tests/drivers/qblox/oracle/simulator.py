"""Play sequences in q1simulator, which somebody else wrote: it executes the text, instruction by instruction.

What it knows of real time: waits of 4 ns to 65,535 ns, the buffer that runs empty, the register that is read too early, bins
and waveforms that are not there, the queue of acquisitions, triggers and conditions. It renders what each converter is given.
What it does not know: scope traces (it returns a cosine), inputs (each acquisition returns the next number of a list), and
analogue parts.
"""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

Place = tuple[int, int]
"""Slot of the module, and number of the sequencer in it."""


@contextmanager
def simulating(modules: Mapping[int, str], render_ns: int = 2_000_000) -> Iterator[Any]:
    """A fresh cluster, ``{2: "QCM-RF"}``, that renders so many ns; let go of afterwards, whatever its sequencers wait for."""
    # the package imports a window that needs Qt
    sys.modules.setdefault("q1simulator.gui.program_browser", types.SimpleNamespace(Q1ProgramBrowser=None))  # type: ignore[arg-type]
    from q1simulator import Cluster

    cluster = Cluster("simulated", {slot: str(kind) for slot, kind in modules.items()})
    cluster.config("max_render_time", render_ns)
    cluster.config("max_core_cycles", 10**8)
    cluster.config("skip_loops", ())  # by default a loop whose label is _start is played once
    try:
        yield cluster
    finally:
        cluster._event_distributor.abort()
        cluster.close()


def sequencer(cluster: Any, place: Place) -> Any:
    return cluster.modules[place[0] - 1].sequencers[place[1]]


def play(cluster: Any, places: Iterable[Place], timeout_s: float = 120.0) -> dict[Place, set[str]]:
    """Arm and start these sequencers, wait until they have stopped, and return what they complain of: nothing, if all is well.

    A sequencer that fails leaves those that are synchronised with it waiting for ever; then all are aborted.
    """
    running = {place: sequencer(cluster, place) for place in places}
    for one in running.values():
        one.arm_sequencer()
    for one in running.values():
        one.start_sequencer()
    flags: dict[Place, set[str]] = {}
    deadline = time.monotonic() + timeout_s
    while running:
        for place, one in list(running.items()):
            thread = cluster._scheduler._sequencer_threads[one.name]
            thread.join(0.02)
            if not thread.is_alive():
                # the raw words: some are no flag of the vendor's, and to read the status would raise
                said = set(one.q1core.errors | one.rt_renderer.errors)
                flags[place] = said or ({f"EXIT CODE {one.q1core.exit_code}"} if one.q1core.exit_code else set())
                del running[place]
        if any(flags.values()) or time.monotonic() > deadline:
            cluster._event_distributor.abort()
            for one in running.values():
                one.q1core.abort = True
        if time.monotonic() > deadline + 5:
            raise TimeoutError(f"sequencers do not stop: {sorted(running)}")
    return flags if any(flags.values()) else {}


def rendered(cluster: Any, place: Place) -> NDArray[np.float64]:
    """What a sequencer gave to paths I and Q since all were synchronised: ``float64[2, ns]``, in full scales."""
    renderer = sequencer(cluster, place).rt_renderer
    if not renderer.out0:
        return np.zeros((2, 0))
    first = np.concatenate(renderer.out0)
    real = renderer.real_mode_en and renderer.mod_en_awg
    second = np.zeros_like(first) if real else np.concatenate(renderer.out1)
    return np.array([first, second]) / 2**15


def sockets(cluster: Any, places: Iterable[Place]) -> dict[tuple[int, int], NDArray[np.complex128]]:
    """What each output, (slot, output), emits, summed over sequencers: of an RF output I + iQ, of another one a real signal."""
    found: dict[tuple[int, int], NDArray[np.complex128]] = {}
    for place in places:
        paths = rendered(cluster, place)
        for output, path in enumerate(sequencer(cluster, place).output_selected_path):
            if path == "off":
                continue
            signal = paths[0] + 1j * paths[1] if path == "IQ" else paths["IQ".index(path)].astype(complex)
            before = found.get((place[0], output), np.zeros(0, complex))
            total = np.zeros(max(len(before), len(signal)), complex)
            total[: len(before)] += before
            total[: len(signal)] += signal
            found[place[0], output] = total
    return found
