"""The emulator as a driver: schedules in, results out."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.driver import Capabilities, Chunk, Run, Setting, State, Status, check_rep_delay, check_run
from qpu_bridge.errors import Cancelled, DriverFault, SettingsError, UnsupportedOption
from qpu_bridge.schedule import (
    Feature,
    Limits,
    PortKind,
    PortLimits,
    Schedule,
    SlotKind,
    Table,
    check_once,
)
from qpu_bridge.target import Snapshot
from qpu_emulator import five, five_ecr
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.drift import typical
from qpu_emulator.clock import VirtualClock
from qpu_emulator.engines.choice import ENGINE_SETTINGS, choose
from qpu_emulator.engines.parts import Part, cut, in_order
from qpu_emulator.fault import Faults, disturbed
from qpu_emulator.libraries import KEPT_TEMPLATES, Libraries
from qpu_emulator.noise import Spectrum
from qpu_emulator.options import OLDEST_H, Asked, Options
from qpu_emulator.performance import Performance, chunk, fall_back
from qpu_emulator.readout.memory import Memory
from qpu_emulator.scales import Scales, settings
from qpu_emulator.score.program import Program
from qpu_emulator.warm_up import warm_up
from qpu_emulator.windows.library import Library
from qpu_emulator.workers import RemoteRun, Workers

_AGE = Setting(
    name="age_h",
    kind="number",
    description="Age of the device in h at which the run happens, instead of what its clock says.",
    minimum=0.0,
    maximum=OLDEST_H,
)
_FIRMWARE = "the firmware must be one that the driver knows"


class EmulatorDriver:
    """A device in software that keeps the driver contract.

    Args:
        device: Its name.
        snapshot: What the lab believes of it; ports and their clocks are taken from here.
        options: See `options.Options`.
    """

    def __init__(self, device: str, snapshot: Snapshot, options: Mapping[str, object]) -> None:
        self._options = Options.of(options, device)
        self._engine: dict[str, object] = {} if self._options.engine is None else {"engine": self._options.engine}
        for setting in ENGINE_SETTINGS:
            if setting.name in self._engine:
                try:
                    setting.check(self._engine[setting.name])
                except UnsupportedOption as error:
                    raise SettingsError(error.must, given=error.given, where=device) from None
        self._name = device
        self._snapshot = snapshot
        truth = self._truth(snapshot, self._options.truth)
        self._device = typical(truth) if self._options.drift else truth
        self._libraries = Libraries(self._device, self._options.kept)
        self._faults = Faults(self._options.faults)
        self._schedules: OrderedDict[bytes, Schedule] = OrderedDict()
        self._workers = None if self._options.workers is None else Workers(self._options.workers, device)
        self._clock = VirtualClock(self._options.age_h, real=self._options.clock == "real")
        self._stopped = threading.Event()
        self._running = False
        self._capabilities = self._describe()
        warm_up(self._libraries.condition(Scales(), self._clock.age_h).library)

    def capabilities(self) -> Capabilities:
        """What the device is and can do."""
        strange = self._firmware()
        return self._capabilities if strange is None else self._capabilities.model_copy(update={"version": strange})

    def load(self, schedule: Schedule) -> None:
        """Check and compile a template; kept until newer ones need the room."""
        self._require_firmware()
        digest = schedule.digest
        if digest not in self._schedules:
            check_once(schedule, self._capabilities.limits)
            self._libraries.condition(Scales(), self._clock.age_h).program(schedule)
            self._schedules[digest] = schedule
        self._schedules.move_to_end(digest)
        while len(self._schedules) > KEPT_TEMPLATES:
            self._schedules.popitem(last=False)

    def run(self, run: Run) -> Iterator[Chunk]:
        """Play a loaded template."""
        self._require_firmware()
        schedule = check_run(self._schedules.get(run.digest), run, self._capabilities)
        wait = check_rep_delay(run.rep_delay_s, self._capabilities.limits)
        asked = self._asked(run.settings)
        condition = self._libraries.condition(asked.scales, self._clock.age_h, asked.age_h, asked.faults)
        performance, parts, threads = self._prepare(run, condition.program(schedule), condition.library, wait, asked)
        play = self._player(performance, condition.device, asked.engine, self._options.memory // threads)
        notes = self._notes(performance) | ({} if condition.age_h is None else {"age_h": condition.age_h})
        chunks = self._perform(performance, run, parts, threads, notes, play)
        return disturbed(chunks, asked.faults, self._stopped) if asked.faults else chunks

    def _asked(self, settings: Mapping[str, float | int | str | bool]) -> Asked:
        left, faulty = dict(settings), {setting.name for setting in self._faults.settings}
        age_h = left.pop(_AGE.name, None)
        engine = {setting.name: left.pop(setting.name) for setting in ENGINE_SETTINGS if setting.name in left}
        fault = {name: left.pop(name) for name in settings if name in faulty}
        scales = Scales.of(left)
        return Asked(scales, None if age_h is None else float(age_h), self._engine | engine, self._faults.begin(fault))

    def _prepare(
        self, run: Run, program: Program, library: Library, wait: float, asked: Asked
    ) -> tuple[Performance, list[Part], int]:
        """What plays a run, the parts it is cut into, and how many of them are played at a time."""
        seed = secrets.randbits(63) if run.seed is None else run.seed
        spectrum = Spectrum.in_program(program, library.device, asked.scales.low_frequency)
        choice = choose(program, library, spectrum, run.shots, asked.engine)
        performance = Performance(program, library, asked.scales, run.shots, seed, wait, choice)
        most = self._options.threads if self._workers is None else self._workers.threads
        parts, threads = cut(performance, len(run.table), most, self._options.memory)
        performance = replace(performance, memory=self._options.memory // threads)
        if choice.name == "pauli_frames" and "engine" not in asked.engine:
            performance = fall_back(performance, run.table, asked.engine)
            parts, threads = cut(performance, len(run.table), threads, self._options.memory)
        return performance, parts, threads

    def _perform(
        self,
        performance: Performance,
        run: Run,
        parts: list[Part],
        threads: int,
        notes: Mapping[str, object],
        play: Callable[[Table, int, range], tuple[Memory, float]],
    ) -> Iterator[Chunk]:
        self._stopped.clear()
        self._running = True
        self._clock.begin()
        schedule = performance.program.schedule

        def perform(part: Part) -> tuple[Part, Memory, float]:
            if self._stopped.is_set():
                raise Cancelled("a run goes on until it is aborted", given=f"abort before row {part.first}")
            table = Table(run.table.values[part.first : part.first + part.rows])
            first = run.first_row + part.first
            return (part, *play(table, first, part.lanes))

        try:
            memories: list[Memory] = []
            passed = 0.0
            for part, memory, seconds in in_order(perform, parts, threads):
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
                self._clock.wait(self._stopped)
                if self._stopped.is_set():
                    raise Cancelled("a run goes on until it is aborted", given="abort between two chunks")
                yield replace(done, started_ns=started, stopped_ns=self._clock.now_ns, notes=notes)
                if self._stopped.is_set():
                    raise Cancelled("a run goes on until it is aborted", given="abort between two chunks")
        finally:
            self._running = False
            performance.library.trim()

    def _player(
        self, performance: Performance, device: Device, wanted: Mapping[str, object], memory: int
    ) -> Callable[[Table, int, range], tuple[Memory, float]]:
        """Who plays some lanes of some rows: this process, or workers."""
        if self._workers is not None:
            workers, sent = self._workers, self._workers.send(RemoteRun.of(performance, device, wanted, memory))
            return lambda table, first, lanes: workers.play(sent, table.values, first, lanes)
        starting: dict[int, NDArray[np.float64]] = {}
        locks: dict[int, threading.Lock] = {}

        def play(table: Table, first: int, lanes: range) -> tuple[Memory, float]:
            with locks.setdefault(first, threading.Lock()):
                if first not in starting:
                    starting[first] = performance.starting(table, first)
                here = starting[first]
            if lanes.stop == performance.lanes:
                # the rows are complete with it
                starting.pop(first, None)
            return performance.play(table, first, here, lanes)

        return play

    def abort(self) -> None:
        """Stop before the next chunk."""
        self._stopped.set()

    def status(self) -> Status:
        """How the device is."""
        strange = self._firmware()
        state = State.RUNNING if self._running else State.IDLE
        return Status(
            state=state if strange is None else State.FAULTED,
            message=f"virtual time {self._clock.now_ns / 1e9:.6f} s" if strange is None else f"{_FIRMWARE}, and is {strange}",
            loaded=tuple(digest.hex() for digest in list(self._schedules)),
        )

    def close(self) -> None:
        """Forget all templates and windows."""
        self._stopped.set()
        self._schedules.clear()
        if self._workers is not None:
            self._workers.close()
        self._libraries.clear()

    @staticmethod
    def _truth(snapshot: Snapshot, path: Path | None) -> Device:
        if path is not None:
            return Device.read(path)
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

    def _firmware(self) -> str | None:
        """The firmware's version, if it is a wrong one."""
        return next((fault.version for fault in self._faults.standing() if fault.kind == "firmware"), None)

    def _require_firmware(self) -> None:
        strange = self._firmware()
        if strange is not None:
            raise DriverFault(_FIRMWARE, given=strange, where=self._name)

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
            settings=(*settings(self._device), _AGE, *ENGINE_SETTINGS, *self._faults.settings),
            deterministic=not self._libraries.drifts,
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
