"""The driver's own I/O on q1simulator, which executes what it is given."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Run
from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import Bits, Builder, Column, Discriminator, Output, SlotKind, Table
from qpu_bridge.schedule.shapes import constant, drag
from qpu_bridge.target import Snapshot
from qpu_drivers.qblox.answers import answers
from qpu_drivers.qblox.driver import QbloxDriver
from qpu_drivers.qblox.instrument import Instrument
from qpu_drivers.qblox.parameters import Wires
from qpu_drivers.qblox.program import Program, SequencerProgram
from qpu_drivers.qblox.rack import Rack

OPTIONS = tomllib.loads((Path(__file__).parent / "lab.toml").read_text())["devices"]["lab_five"]["options"]
LINE = Discriminator(0.7, -20.0)
pytestmark = pytest.mark.skipif(
    find_spec("q1simulator") is None, reason="q1simulator must be installed: pip install -e '.[test]'"
)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return plugins.open_snapshot("five", "lab_five")


@pytest.fixture
def driver(snapshot: Snapshot) -> Iterator[QbloxDriver]:
    made = QbloxDriver("lab_five", snapshot, OPTIONS | {"instrument": "simulator"})
    yield made
    made.close()


def lab(snapshot: Snapshot) -> tuple[Builder, dict[str, int]]:
    build = Builder(snapshot.clock)
    ports = {port.name: build.port(port.name, port.kind) for port in snapshot.ports}
    return build, {frame.name: build.frame(frame.name, ports[frame.port], frame.frequency) for frame in snapshot.frames}


def test_acquisitions_come_in_the_order_in_which_they_are_executed(driver: QbloxDriver, snapshot: Snapshot) -> None:
    build, frames = lab(snapshot)
    build.play(frames["q0"], drag(36, 9, 0.2), 0.3, build.slot(SlotKind.PHASE))
    build.barrier()
    columns = []
    for qubit in range(2):
        columns.append(build.column(Column(f"c{qubit}", output=Output.IQ)))
        build.play(frames[f"m{qubit}"], constant(440), 0.15, at=40)
        build.capture(frames[f"a{qubit}"], columns[-1], 400, at=80)
    schedule = build.build()
    driver.load(schedule)
    (chunk,) = driver.run(Run(schedule.digest, Table(np.array([[0.0], [1.0], [2.0]])), 5, rep_delay_s=5e-6))
    for qubit in range(2):
        expected = 400 * answers((10, qubit), 0, np.arange(15).reshape(3, 5)).conj()
        assert np.allclose(chunk.iq[..., qubit], expected, atol=1e-3)
    assert driver.capabilities().source.startswith("q1simulator")


def test_the_sequencer_tells_the_bits_that_branches_read(driver: QbloxDriver, snapshot: Snapshot) -> None:
    """The simulated sequencer thresholds by itself: its bits are those of the column's line on the same numbers."""
    build, frames = lab(snapshot)
    herald = build.column(Column("h", output=Output.BOTH, discriminator=LINE))
    build.play(frames["m0"], constant(440), 0.15, at=0)
    build.capture(frames["a0"], herald, 400, at=40)
    build.wait(400)
    with build.branch(Bits((herald,))):
        build.play(frames["q0"], drag(36, 9, 0.2), 0.6)
    with build.otherwise():
        build.wait(36)
    schedule = build.build()
    driver.load(schedule)
    (chunk,) = driver.run(Run(schedule.digest, Table.single(), 40, rep_delay_s=5e-6))
    assert 5 < chunk.bits.sum() < 35
    assert np.array_equal(chunk.bits, (chunk.iq * np.exp(-0.7j)).real > -20)


def test_a_sequencer_that_fails_is_named() -> None:
    instrument = Instrument(Rack.read(OPTIONS | {"instrument": "simulator"}, "lab_five"), "lab_five")
    try:
        bad = SequencerProgram((2, 1), "wait_sync 100\nplay 0,0,100\nstop\n")
        program = Program((bad,), (), (1, 1), 0, 1000)
        instrument.start(program, {(2, 1): Wires("d1")})
        with pytest.raises(DriverFault, match=r"AWG_WAVE_PLAYBACK_INDEX_INVALID_PATH_0.*slot 2 sequencer 1"):
            instrument.finish(program, Event())
    finally:
        instrument.close()
