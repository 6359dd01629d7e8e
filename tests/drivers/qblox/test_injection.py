"""Numbers that are heard come back in their row, shot and column: through the driver, and over the wire."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Driver, Run, check_chunk
from qpu_bridge.schedule import Builder, Column, Discriminator, Output, Schedule, SlotKind, Table
from qpu_bridge.schedule.shapes import constant, drag
from qpu_bridge.target import Snapshot
from qpu_bridge.transport import DriverServer, RemoteDriver
from qpu_drivers.qblox.driver import QbloxDriver
from tests.drivers.qblox.oracle.injection import hearing

ROWS, SHOTS, QUBITS = 4, 6, 3
LINE = Discriminator(0.7, -20.0)


def options() -> dict[str, object]:
    given = tomllib.loads((Path(__file__).parent / "lab.toml").read_text())["devices"]["lab_five"]["options"]
    return given | {"instrument": "simulator", "answers": "nothing"}


@pytest.fixture(scope="module")
def five() -> Snapshot:
    return plugins.open_snapshot("five", "lab_five")


@pytest.fixture(scope="module")
def simulated(five: Snapshot) -> Iterator[QbloxDriver]:
    if find_spec("q1simulator") is None:  # to import it needs a stand-in for Qt
        pytest.skip("pip install 'qpu-bridge[test]'")
    driver = QbloxDriver("lab_five", five, options())
    yield driver
    driver.close()


@pytest.fixture(params=["in process", "behind ZeroMQ"])
def played(request: pytest.FixtureRequest, simulated: QbloxDriver, tmp_path: Path) -> Iterator[Driver]:
    if request.param == "in process":
        yield simulated
        return
    with DriverServer(simulated, f"ipc://{tmp_path}/d"):
        remote = RemoteDriver(f"ipc://{tmp_path}/d")
        yield remote
        remote.close()


def readout(snapshot: Snapshot) -> Schedule:
    """A pulse whose phase is a slot, then three qubits side by side: a bit and its point, a bit, a point."""
    build = Builder(snapshot.clock)
    ports = {spec.name: build.port(spec.name, spec.kind) for spec in snapshot.ports}
    frames = {spec.name: build.frame(spec.name, ports[spec.port], spec.frequency) for spec in snapshot.frames}
    build.play(frames["q0"], drag(20, 5, 0.6), amplitude=0.3, phase=build.slot(SlotKind.PHASE))
    build.barrier()
    start = build.now(frames["q0"])
    for qubit, output in enumerate((Output.BOTH, Output.BIT, Output.IQ)):
        column = build.column(Column(f"c{qubit}", output=output, discriminator=LINE))
        build.play(frames[f"m{qubit}"], constant(440), amplitude=0.2, at=start)
        build.capture(frames[f"a{qubit}"], column, 400, phase=0.4 * qubit, at=start + 40)
    build.barrier()
    build.wait(100)
    return build.build()


def test_what_is_heard_comes_back_in_its_row_shot_and_column(played: Driver, five: Snapshot, rng: np.random.Generator) -> None:
    schedule = readout(five)
    bits = rng.integers(0, 2, (ROWS, SHOTS, QUBITS)).astype(bool)
    along = LINE.threshold + (np.where(bits, 1, -1) * (30 + np.arange(bits.size).reshape(bits.shape)))
    points = (along + 1j * np.arange(bits.size).reshape(bits.shape)) * np.exp(1j * LINE.angle)
    assert len(np.unique(points)) == points.size
    played.load(schedule)
    run = Run(schedule.digest, Table(rng.uniform(0, 6, (ROWS, 1))), SHOTS, rep_delay_s=20e-6)
    with hearing(lambda row, shot, site, tuned: complex(points[row, shot, site.column])) as programs:
        (chunk,) = played.run(run)
    check_chunk(schedule, run, chunk, 0)
    assert len(programs) == 1
    assert np.array_equal(chunk.bits, bits[..., :2])
    assert np.allclose(chunk.iq, points[..., [0, 2]], rtol=1e-5)
