"""The emulator as a driver: schedules in, results out."""

from __future__ import annotations

import os
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import numpy as np

from qpu_bridge.driver import Capabilities, Chunk, Run, State, Status, check_rep_delay, check_run
from qpu_bridge.errors import Cancelled, SettingsError
from qpu_bridge.schedule import (
    Acquisition,
    Feature,
    Limits,
    PortKind,
    PortLimits,
    Schedule,
    SlotKind,
    Table,
    check,
    samples_of_events,
)
from qpu_bridge.target import Snapshot
from qpu_emulator.clock import VirtualClock
from qpu_emulator.device import Device
from qpu_emulator.five import device as default_device
from qpu_emulator.performance import Performance, chunk
from qpu_emulator.program import Program, compile_program
from qpu_emulator.scales import Scales, settings
from qpu_emulator.warm_up import warm_up
from qpu_emulator.window import Library

T = TypeVar("T")

_KEPT_TEMPLATES = 256
_KEPT_SCALES = 8
_BYTES = 16 * 2**20
_RESULTS = 2**22
_LANES = 1024
_FEW_LANES = 128


class EmulatorDriver:
    """A device in software that keeps the driver contract.

    Args:
        device: Its name.
        snapshot: What the lab believes of it; ports and their clocks are taken from here.
        options: ``truth``: path of the device file; without it the truth of the built-in device is used. ``threads``:
            how many chunks of rows to play at a time; without it, one per processor.
    """

    def __init__(self, device: str, snapshot: Snapshot, options: Mapping[str, object]) -> None:
        unknown = set(options) - {"truth", "threads"}
        if unknown:
            raise SettingsError(
                "an option of the emulator must be truth or threads", given=", ".join(sorted(unknown)), where=device
            )
        threads = options.get("threads", len(os.sched_getaffinity(0)))
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise SettingsError("threads must be a whole number of at least 1", given=repr(threads), where=device)
        self._threads = threads
        self._name = device
        self._snapshot = snapshot
        self._device = self._truth(snapshot, options.get("truth"))
        self._libraries: OrderedDict[Scales, Library] = OrderedDict()
        self._programs: OrderedDict[bytes, Program] = OrderedDict()
        self._clock = VirtualClock()
        self._stopped = threading.Event()
        self._running = False
        self._capabilities = self._describe()
        warm_up(self._library(Scales()))

    def capabilities(self) -> Capabilities:
        """What the device is and can do."""
        return self._capabilities

    def load(self, schedule: Schedule) -> None:
        """Check and compile a template; kept until newer ones need the room."""
        digest = schedule.digest
        if digest not in self._programs:
            check(schedule, self._capabilities.limits)
            self._programs[digest] = compile_program(schedule, self._device, self._library(Scales()).zz)
        self._programs.move_to_end(digest)
        while len(self._programs) > _KEPT_TEMPLATES:
            self._programs.popitem(last=False)

    def run(self, run: Run) -> Iterator[Chunk]:
        """Play a loaded template."""
        program = self._programs.get(run.digest)
        check_run(None if program is None else program.schedule, run, self._capabilities)
        assert program is not None
        wait = check_rep_delay(run.rep_delay_s, self._capabilities.limits)
        scales = Scales.of(run.settings)
        library = self._library(scales)
        seed = secrets.randbits(63) if run.seed is None else run.seed
        performance = Performance(program, library, scales, run.shots, seed, wait)
        return self._perform(performance, run)

    def _perform(self, performance: Performance, run: Run) -> Iterator[Chunk]:
        self._stopped.clear()
        self._running = True
        notes = self._notes(performance)
        size = rows_per_chunk(performance, len(run.table), self._threads)
        schedule = performance.program.schedule

        def perform(first: int) -> tuple[Chunk, float]:
            if self._stopped.is_set():
                raise Cancelled("a run goes on until it is aborted", given=f"abort before row {first}")
            table = Table(run.table.values[first : first + size])
            memory, seconds = performance.play(table, run.first_row + first)
            return chunk(schedule, memory, first, len(table), run.shots), seconds

        try:
            for done, seconds in in_order(perform, range(0, len(run.table), size), self._threads):
                started = self._clock.now_ns
                self._clock.advance(seconds)
                yield replace(done, started_ns=started, stopped_ns=self._clock.now_ns, notes=notes)
                if self._stopped.is_set():
                    raise Cancelled("a run goes on until it is aborted", given="abort between two chunks")
        finally:
            self._running = False
            performance.library.trim()

    def abort(self) -> None:
        """Stop before the next chunk."""
        self._stopped.set()

    def status(self) -> Status:
        """How the device is."""
        state = State.RUNNING if self._running else State.IDLE
        return Status(
            state=state,
            message=f"virtual time {self._clock.now_ns / 1e9:.6f} s",
            loaded=tuple(digest.hex() for digest in list(self._programs)),
        )

    def close(self) -> None:
        """Forget all templates and windows."""
        self._stopped.set()
        self._programs.clear()
        self._libraries.clear()

    @staticmethod
    def _truth(snapshot: Snapshot, path: object) -> Device:
        if path is not None:
            return Device.read(Path(str(path)))
        truth = default_device()
        # a rack may call the built-in device as it likes: it is known by its lines
        lines = {line for transmon in truth.transmons for line in transmon.rabi}
        lines |= {coupler.port for coupler in truth.couplers}
        lines |= {line for resonator in truth.resonators for line in (resonator.port, resonator.acquire_port)}
        strange = sorted({port.name for port in snapshot.ports} - lines)
        if strange:
            raise SettingsError(
                "the emulator must be told the hidden truth of a device that it does not ship",
                given=f"{snapshot.device} with {', '.join(strange[:8])}",
                remedy=f"Set the option truth to a device file, or use the snapshot of {truth.name}.",
            )
        return truth

    def _library(self, scales: Scales) -> Library:
        if scales not in self._libraries:
            self._libraries[scales] = Library(self._device, scales)
        self._libraries.move_to_end(scales)
        while len(self._libraries) > _KEPT_SCALES:
            self._libraries.popitem(last=False)
        return self._libraries[scales]

    def _describe(self) -> Capabilities:
        timing = self._snapshot.timing
        ports = []
        for port in self._snapshot.ports:
            carriers = {"max_frequency": 0.0} if port.kind is PortKind.FLUX else {}
            ports.append(PortLimits(name=port.name, kind=port.kind, dt=port.dt, **carriers))
        limits = Limits(
            dt=timing.dt,
            ports=tuple(ports),
            features=frozenset(Feature),
            sweeps=frozenset({SlotKind.PHASE, SlotKind.AMPLITUDE, SlotKind.FREQUENCY, SlotKind.DURATION}),
            branch_latency=timing.feedback_latency,
            max_duration=int(timing.max_circuit_duration / timing.dt),
            default_rep_delay_s=max(timing.passive_reset, timing.default_rep_delay),
            max_rep_delay_s=max(10.0, timing.max_rep_delay),
        )
        return Capabilities(
            device=self._name,
            driver="emulator",
            version=metadata.version("qpu-bridge"),
            simulated=True,
            source=f"qpu_emulator, hidden truth {self._device.name}",
            limits=limits,
            settings=settings(),
            deterministic=True,
        )

    def _notes(self, performance: Performance) -> dict[str, object]:
        program = performance.program
        approximations = []
        if 2 in program.levels:
            approximations.append("clusters of more than 3 qubits keep 2 levels; what leaks counts as excited")
        if program.left_out:
            pairs = [list(self._device.couplers[index].qubits) for index in program.left_out]
            approximations.append(f"idle ZZ left out between {pairs}")
        if performance.slices > 1:
            approximations.append("shots of one slice share their slow frequency noise")
        if performance.remembers:
            approximations.append("start populations are the stationary ones under the wait, qubits independent")
        return {
            "engine": "density_matrix",
            "clusters": [list(cluster) for cluster in program.clusters],
            "levels": program.levels,
            "shots_per_slice": -(-performance.shots // performance.slices),
            "seed": performance.seed,
            "approximations": approximations,
        }


def in_order(work: Callable[[int], T], items: Sequence[int], threads: int) -> Iterator[T]:
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


def rows_per_chunk(performance: Performance, rows: int, threads: int) -> int:
    """Rows whose states and results fit into the budget of memory, and that leave work for every thread; at least one."""
    program, schedule = performance.program, performance.program.schedule
    sweep = int(np.prod(schedule.sweep_shape, dtype=np.int64))
    numbers = sum(levels ** (2 * len(cluster)) for cluster, levels in zip(program.clusters, program.levels, strict=True))
    lanes = sweep * performance.slices
    captures = schedule.events["column"] >= 0
    traced = [schedule.columns[column].acquisition is Acquisition.RAW for column in schedule.events["column"][captures]]
    raw = int(samples_of_events(schedule)[captures][np.array(traced, dtype=bool)].sum())
    results = sweep * performance.shots * (1 + len(schedule.columns) + raw)
    room = min(_BYTES // (8 * max(1, numbers * lanes)), _RESULTS // max(1, results), max(1, _LANES // lanes))
    # a thread is worth its while for some lanes only
    share = max(-(-rows // threads), -(-_FEW_LANES // lanes))
    return int(max(1, min(room, share)))
