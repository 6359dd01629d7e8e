"""A bench: the built-in device, and an exact view of the populations behind its readout."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from qpu_bridge.driver import Run
from qpu_bridge.schedule import Builder, Column, Discriminator, Output, Schedule, Table
from qpu_bridge.target.shape import waveform
from qpu_emulator import five
from qpu_emulator.driver import EmulatorDriver
from qpu_emulator.engines.choice import density_matrix
from qpu_emulator.noise import Spectrum
from qpu_emulator.performance import Performance
from qpu_emulator.scales import Scales
from qpu_emulator.score.program import compile_program
from qpu_emulator.score.values import Values
from qpu_emulator.windows.library import Library

SILENT = {"t1": 0, "t2": 0, "low_frequency": 0, "zz": 0, "readout": 0, "thermal": 0}


class Bench:
    """Write a schedule with the device's own frames and gates."""

    def __init__(self, snapshot):
        self.snapshot = snapshot
        self.builder = Builder(snapshot.clock)
        self.measured = 0
        self.ports = {port.name: self.builder.port(port.name, port.kind) for port in snapshot.ports}
        self.frames = {
            frame.name: self.builder.frame(frame.name, self.ports[frame.port], frame.frequency) for frame in snapshot.frames
        }

    def waveform(self, name):
        return waveform(self.snapshot.waveforms[name])

    def play(self, frame, shape, amplitude=1.0, phase=0.0, at=None):
        self.builder.play(self.frames[frame], shape, amplitude, phase, at=at)

    def rz(self, qubit, angle):
        for frame in self.snapshot.frames:
            if frame.follows == qubit:
                self.builder.shift_phase(self.frames[frame.name], -angle)

    def gate(self, name, *qubits, angle=None):
        spec = next(gate for gate in self.snapshot.gates if gate.name == name and gate.qubits == qubits)

        def number(value):
            return float(CubicSpline(value.angle, value.value)(angle)) if hasattr(value, "angle") else value

        self.builder.barrier()
        start = self.builder.now(self.frames["m0"])
        for pulse in spec.pulses:
            size = number(pulse.amplitude)
            self.play(pulse.frame, self.waveform(pulse.waveform), size, pulse.phase, at=start + pulse.start)
        self.builder.barrier()
        if spec.pulses:
            self.wait(spec.duration - (self.builder.now(self.frames["m0"]) - start))
        for phase in spec.phases:
            self.rz(phase.qubit, number(phase.angle))

    def wait(self, ticks):
        self.builder.wait(ticks)

    def measure(self, *qubits, output=Output.BOTH, amplitude=None, **options):
        self.builder.barrier()
        columns = []
        start = self.builder.now(self.frames["m0"])
        for qubit in qubits:
            spec = self.snapshot.measures[qubit]
            line = Discriminator(spec.angle, spec.threshold)
            line = None if options.get("acquisition") == "raw" else line
            self.measured += 1
            name = f"{self.measured}: q{qubit}"
            columns.append(self.builder.column(Column(name, output=output, discriminator=line, **options)))
            tone = self.frames[spec.drive_frame]
            size = spec.amplitude if amplitude is None else amplitude
            self.builder.play(tone, self.waveform(spec.waveform), size, at=start)  # all tones start together on one line
        for qubit, column in zip(qubits, columns, strict=True):
            spec = self.snapshot.measures[qubit]
            kernel = None if options.get("acquisition") == "raw" else self.waveform(spec.kernel)
            at = start + spec.acquire_start
            self.builder.capture(self.frames[spec.acquire_frame], column, spec.acquire_duration, kernel, at=at)
        self.builder.barrier()
        lasted = self.builder.now(self.frames["m0"]) - start
        self.builder.wait(max(0, max(self.snapshot.measures[q].duration for q in qubits) - lasted))
        return columns

    def build(self) -> Schedule:
        return self.builder.build()


@pytest.fixture(scope="session")
def snapshot():
    return five.snapshot()


@pytest.fixture(scope="session")
def truth():
    return five.device()


@pytest.fixture
def bench(snapshot):
    return Bench(snapshot)


@pytest.fixture
def fresh(snapshot):
    return lambda: Bench(snapshot)


@pytest.fixture(scope="session")
def driver(snapshot):
    driver = EmulatorDriver("emu_five", snapshot, {})
    yield driver
    driver.close()


@pytest.fixture
def run(driver):
    """Load and run a schedule; all chunks as arrays."""

    def play(schedule, table=None, shots=1000, seed=7, settings=None, **options):
        driver.load(schedule)
        table = Table(np.zeros((1, len(schedule.slots)))) if table is None else table
        print(f"seed {seed}")
        chunks = list(driver.run(Run(schedule.digest, table, shots, seed=seed, settings=settings or {}, **options)))
        return chunks

    return play


@pytest.fixture(scope="session")
def exact(truth):
    """Populations of levels just before the final measurement, without sampling: ``float[points, levels...]``."""
    libraries = {}

    def look(schedule, table=None, settings=None, slices=1, device=None, seed=3):
        scales = Scales.of(SILENT | (settings or {}))
        key = (scales, None if device is None else device.model_dump_json())
        library = libraries.setdefault(key, Library(device or truth, scales))
        program = compile_program(schedule, library.device, library.zz)
        # more slices than one row takes are drawn as more rows
        repeats = max(1, slices // 64)
        shots = min(slices, 64) * 32
        choice = density_matrix(program, Spectrum.in_program(program, library.device, scales.low_frequency), shots)
        performance = Performance(program, library, scales, shots, seed, 0.0, choice)
        table = Table(np.zeros((1, len(schedule.slots)))) if table is None else table
        rows = len(table)
        table = Table(np.tile(table.values, (repeats, 1)))
        values = Values.of_rows(program, table)
        rest = np.array([transmon.thermal for transmon in library.device.transmons]) * scales.thermal
        excited = np.broadcast_to(rest, (len(values.points), len(rest)))
        lanes, _, engine = performance._once(values, excited, len(table), 0, range(performance.lanes))
        weight = np.bincount(lanes.lane_of_shot, minlength=len(lanes))
        found = []
        for number, (cluster, levels) in enumerate(zip(program.clusters, engine.levels, strict=True)):
            chance = engine.populations(number, np.arange(len(lanes)), np.arange(len(cluster)))
            mean = np.zeros((len(values.points), chance.shape[1]))
            np.add.at(mean, lanes.point, chance * weight[:, None])
            mean /= np.bincount(lanes.point, weight, minlength=len(values.points))[:, None]
            mean = mean.reshape(repeats, rows * (len(mean) // len(table)), -1).mean(axis=0)
            found.append(mean.reshape(-1, *(levels,) * len(cluster)))
        return found[0] if len(found) == 1 else found

    return look
