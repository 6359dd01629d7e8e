"""The emulator as a driver: schedules in, results out."""

from __future__ import annotations

import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.driver import Capabilities, Chunk, Run, State, Status, check_rep_delay, check_run
from qpu_bridge.errors import Cancelled, SettingsError, UnsupportedOption
from qpu_bridge.schedule import (
    Feature,
    Limits,
    PortKind,
    PortLimits,
    Schedule,
    SlotKind,
    Table,
    check,
)
from qpu_bridge.target import Snapshot
from qpu_emulator import five, five_ecr
from qpu_emulator.choice import WISHES, choose
from qpu_emulator.clock import VirtualClock
from qpu_emulator.device import Device
from qpu_emulator.measurement import Memory
from qpu_emulator.noise import Spectrum
from qpu_emulator.parts import Part, cut, in_order
from qpu_emulator.performance import Performance, chunk
from qpu_emulator.program import Program, compile_program
from qpu_emulator.scales import Scales, settings
from qpu_emulator.warm_up import warm_up
from qpu_emulator.window import Library

_KEPT_TEMPLATES = 256
_KEPT_SCALES = 8
_MEMORY = 2 * 2**30


class EmulatorDriver:
    """A device in software that keeps the driver contract.

    Args:
        device: Its name.
        snapshot: What the lab believes of it; ports and their clocks are taken from here.
        options: ``truth``: path of the device file; without it the truth of the built-in device is used. ``threads``:
            how many parts of a run to play at a time; without it, one per processor. ``memory``: limit in bytes for what a run
            may take. ``engine``: which engine plays, unless a run says so itself; without it, `choice` decides.
    """

    def __init__(self, device: str, snapshot: Snapshot, options: Mapping[str, object]) -> None:
        unknown = set(options) - {"truth", "threads", "memory", "engine"}
        if unknown:
            raise SettingsError(
                "an option of the emulator must be truth, threads, memory or engine",
                given=", ".join(sorted(unknown)),
                where=device,
            )
        self._threads = _whole(options, "threads", len(os.sched_getaffinity(0)), device)
        self._memory = _whole(options, "memory", _MEMORY, device)
        self._wishes: dict[str, object] = {"engine": options["engine"]} if "engine" in options else {}
        for setting in WISHES:
            if setting.name in self._wishes:
                try:
                    setting.check(self._wishes[setting.name])
                except UnsupportedOption as error:
                    raise SettingsError(error.must, given=error.given, where=device) from None
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
        wishes = {setting.name for setting in WISHES}
        scales = Scales.of({name: value for name, value in run.settings.items() if name not in wishes})
        library = self._library(scales)
        if library.device is not self._device:
            # with other lines, pulses may meet otherwise
            program = compile_program(program.schedule, library.device, library.zz)
        seed = secrets.randbits(63) if run.seed is None else run.seed
        wanted = self._wishes | {name: value for name, value in run.settings.items() if name in wishes}
        choice = choose(program, library, Spectrum.in_program(program, library.device, scales.low_frequency), run.shots, wanted)
        performance = Performance(program, library, scales, run.shots, seed, wait, choice)
        parts = cut(performance, len(run.table), self._threads, self._memory)
        return self._perform(performance, run, parts)

    def _perform(self, performance: Performance, run: Run, parts: list[Part]) -> Iterator[Chunk]:
        self._stopped.clear()
        self._running = True
        notes = self._notes(performance)
        schedule = performance.program.schedule
        starting: dict[int, NDArray[np.float64]] = {}
        locks = {part.first: threading.Lock() for part in parts}

        def perform(part: Part) -> tuple[Part, Memory, float]:
            if self._stopped.is_set():
                raise Cancelled("a run goes on until it is aborted", given=f"abort before row {part.first}")
            table = Table(run.table.values[part.first : part.first + part.rows])
            first = run.first_row + part.first
            with locks[part.first]:
                if part.first not in starting:
                    starting[part.first] = performance.starting(table, first)
            return (part, *performance.play(table, first, starting[part.first], part.lanes))

        try:
            memories: list[Memory] = []
            passed = 0.0
            for part, memory, seconds in in_order(perform, parts, self._threads):
                memories.append(memory)
                passed += seconds
                if not part.last:
                    continue
                points = part.rows * int(np.prod(schedule.sweep_shape, dtype=np.int64))
                done = chunk(schedule, Memory.joined(memories, points), part.first, part.rows, run.shots)
                memories = []
                started = self._clock.now_ns
                self._clock.advance(passed)
                passed = 0.0
                starting.pop(part.first, None)
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
        # a rack may call a built-in device as it likes: it is known by its lines
        ports = {port.name for port in snapshot.ports}
        for truth in (five.device(), five_ecr.device()):
            if ports <= truth.ports:
                return truth
        raise SettingsError(
            "the emulator must be told the hidden truth of a device that it does not ship",
            given=f"{snapshot.device} with {', '.join(sorted(ports)[:8])}",
            remedy="Set the option truth to a device file, or use a built-in snapshot.",
        )

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
            settings=(*settings(), *WISHES),
            deterministic=True,
        )

    def _notes(self, performance: Performance) -> dict[str, object]:
        program, choice = performance.program, performance.choice
        approximations = list(choice.approximations)
        if program.left_out:
            pairs = [list(self._device.couplers[index].qubits) for index in program.left_out]
            approximations.append(f"idle ZZ left out between {pairs}")
        if performance.remembers:
            approximations.append("start populations are the stationary ones under the wait, qubits independent")
        return {
            "engine": choice.name,
            "clusters": [list(cluster) for cluster in program.clusters],
            "levels": choice.levels,
            choice.shared: -(-performance.shots // choice.lanes_per_point),
            "seed": performance.seed,
            "approximations": approximations,
        }


def _whole(options: Mapping[str, object], name: str, default: int, device: str) -> int:
    number = options.get(name, default)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise SettingsError(f"{name} must be a whole number of at least 1", given=repr(number), where=device)
    return number
