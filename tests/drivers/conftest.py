"""Every installed driver, in this process and behind ZeroMQ, and schedules made of what its snapshot says."""

from __future__ import annotations

import json
import re
import sys
import tomllib
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Driver
from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Acquisition, Builder, Column, Discriminator, Schedule, SlotKind
from qpu_bridge.target import FrameSpec, PortSpec, Snapshot, waveform
from qpu_bridge.transport import DriverServer, RemoteDriver

EXAMPLE = "the example of drivers/README.md"
README = Path(__file__).parents[2] / "drivers" / "README.md"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bare" in metafunc.fixturenames:
        only = metafunc.config.getoption("--driver")
        metafunc.parametrize("bare", [only] if only else [*plugins.driver_names(), EXAMPLE], indirect=True, scope="session")


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    return request.config.getoption("--driver-device")


@pytest.fixture(scope="session")
def snapshot(request: pytest.FixtureRequest, device: str) -> Snapshot:
    return plugins.open_snapshot(request.config.getoption("--driver-snapshot"), device)


@pytest.fixture(scope="session")
def bare(request: pytest.FixtureRequest, snapshot: Snapshot, device: str) -> Iterator[Driver]:
    """A driver in this process; one for all tests, since building one may take seconds."""
    options = json.loads(request.config.getoption("--driver-options"))
    if request.param == EXAMPLE:
        driver = example()(device, snapshot, options)
    else:
        driver = opened(request.param, device, snapshot, options)
    yield driver
    driver.close()


def opened(name: str, device: str, snapshot: Snapshot, options: dict[str, object] | None = None) -> Driver:
    """A driver with these options, or with those of its laboratory, ``NAME/lab.toml`` beside this file."""
    lab = Path(__file__).parent / name / "lab.toml"
    if not options and lab.exists():
        (spec,) = tomllib.loads(lab.read_text())["devices"].values()
        options = spec["options"]
    try:
        return plugins.open_driver(name, device, snapshot, options or {})
    except SettingsError as error:
        if "must have the package" in error.must or "assembler must run" in error.must:
            pytest.skip(error.sentence)
        raise


@pytest.fixture(scope="session")
def open_driver(snapshot: Snapshot, device: str) -> Callable[[str], Driver]:
    """Builds a driver by its name, with the options of its laboratory if it has one."""
    return lambda name: opened(name, device, snapshot)


def example() -> Callable[..., Driver]:
    """The class that stands on the page which tells how to write one."""
    (text,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    module = types.ModuleType("example_of_a_driver")
    sys.modules[module.__name__] = module
    exec(compile(text, str(README), "exec"), module.__dict__)
    return module.MyDriver


@pytest.fixture(params=["in process", "behind ZeroMQ"])
def driver(request: pytest.FixtureRequest, bare: Driver, tmp_path: Path) -> Iterator[Driver]:
    if request.param == "in process":
        yield bare
        return
    endpoint = f"ipc://{tmp_path}/d"
    with DriverServer(bare, endpoint):
        remote = RemoteDriver(endpoint)
        yield remote
        remote.close()


class Bench:
    """Writes schedules on the snapshot's lines."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def measured(self, *columns: Column, sweep: tuple[float, float, int] | None = None) -> Schedule:
        """Two sx on each of the first qubits, the phase between them in a slot, then one measurement after the other.

        With a sweep, the phase of qubit 0 is swept by the device.
        """
        if len(columns) > len(self.snapshot.qubits) or any(self.snapshot.gate("sx", k) is None for k in range(len(columns))):
            pytest.skip(f"the snapshot must have {len(columns)} qubits with an sx")
        builder = Builder(self.snapshot.clock)
        ports = {spec.name: builder.port(spec.name, spec.kind) for spec in self._ports(len(columns))}
        frames = {spec.name: builder.frame(spec.name, ports[spec.port], spec.frequency) for spec in self._frames(len(columns))}
        slot = builder.slot(SlotKind.PHASE)
        phases = [builder.sweep(SlotKind.PHASE, *sweep) if sweep else slot, *[slot] * len(columns)]
        for qubit, phase in zip(range(len(columns)), phases, strict=False):
            drive = frames[self.snapshot.qubits[qubit].drive_frame]
            pulse = self.snapshot.gate("sx", qubit).pulses[0]
            shape = waveform(self.snapshot.waveforms[pulse.waveform])
            builder.play(drive, shape, pulse.amplitude)
            builder.shift_phase(drive, phase)
            builder.play(drive, shape, pulse.amplitude)
        for qubit, column in enumerate(columns):
            builder.barrier()
            measure = self.snapshot.measures[qubit]
            weights = None if column.acquisition is Acquisition.RAW else measure.kernel
            kernel = None if weights is None else waveform(self.snapshot.waveforms[weights])
            builder.play(frames[measure.drive_frame], waveform(self.snapshot.waveforms[measure.waveform]), measure.amplitude)
            builder.delay(frames[measure.acquire_frame], measure.acquire_start)
            builder.capture(frames[measure.acquire_frame], builder.column(column), measure.acquire_duration, kernel)
        return builder.build()

    def line(self, qubit: int) -> Discriminator:
        measure = self.snapshot.measures[qubit]
        return Discriminator(measure.angle, measure.threshold)

    def _frames(self, qubits: int) -> list[FrameSpec]:
        names = [self.snapshot.qubits[qubit].drive_frame for qubit in range(qubits)]
        for measure in self.snapshot.measures[:qubits]:
            names += [measure.drive_frame, measure.acquire_frame]
        return [self.snapshot.frame(name) for name in names]

    def _ports(self, qubits: int) -> list[PortSpec]:
        return [self.snapshot.port(name) for name in dict.fromkeys(frame.port for frame in self._frames(qubits))]


@pytest.fixture(scope="session")
def bench(snapshot: Snapshot) -> Bench:
    return Bench(snapshot)


@pytest.fixture(scope="session")
def bit(bench: Bench) -> Callable[[int], Column]:
    return lambda qubit: Column(f"c[{qubit}]", discriminator=bench.line(qubit))
