"""The driver on the vendor's dummy, whose answers are a formula of slot, sequencer, acquisition and bin."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Chunk, Run, State, check_chunk
from qpu_bridge.errors import Cancelled, DriverFault, ScheduleError, SettingsError
from qpu_bridge.schedule import (
    Acquisition,
    Bits,
    Builder,
    Column,
    Discriminator,
    Linear,
    Output,
    Rows,
    Schedule,
    Shots,
    SlotKind,
    Table,
)
from qpu_bridge.schedule.shapes import constant, drag
from qpu_bridge.target import Snapshot
from qpu_bridge.transport import DriverServer, RemoteDriver
from qpu_drivers.qblox import playing
from qpu_drivers.qblox.answers import SCOPE, answers
from qpu_drivers.qblox.driver import QbloxDriver

LAB = Path(__file__).parent / "lab.toml"
LINE = Discriminator(0.7, -20.0)
READOUT = 10
"""Slot of the QRM-RF: qubit k is read by its sequencer k."""


def options() -> dict[str, Any]:
    return tomllib.loads(LAB.read_text())["devices"]["lab_five"]["options"]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return plugins.open_snapshot("five", "lab_five")


@pytest.fixture(scope="module")
def driver(assembler: Path, snapshot: Snapshot) -> Iterator[QbloxDriver]:
    made = QbloxDriver("lab_five", snapshot, options())
    yield made
    made.close()


class Bench:
    """Readout of some qubits at once, 400 ns, after a pulse of qubit 0."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.build = Builder(snapshot.clock)
        ports = {port.name: self.build.port(port.name, port.kind) for port in snapshot.ports}
        self.frames = {frame.name: self.build.frame(frame.name, ports[frame.port], frame.frequency) for frame in snapshot.frames}

    def measure(self, *columns: Column, phase: float = 0.0) -> list[int]:
        self.build.barrier()
        start = self.build.now(self.frames["m0"])
        found = []
        for qubit, column in enumerate(columns):
            found.append(self.build.column(column))
            self.build.play(self.frames[f"m{qubit}"], constant(440), 0.15, at=start)
            self.build.capture(self.frames[f"a{qubit}"], found[-1], 400, phase=phase, at=start + 40)
        self.build.barrier()
        return found


def play(driver: QbloxDriver | RemoteDriver, schedule: Schedule, rows: int, shots: int, **more: Any) -> list[Chunk]:
    """All chunks, each checked."""
    driver.load(schedule)
    run = Run(schedule.digest, Table(np.zeros((rows, len(schedule.slots)))), shots, **more)
    found: list[Chunk] = []
    for chunk in driver.run(run):
        check_chunk(schedule, run, chunk, sum(one.rows for one in found))
        found.append(chunk)
    return found


def joined(chunks: list[Chunk], name: str) -> np.ndarray:
    return np.concatenate([getattr(chunk, name) for chunk in chunks])


def test_each_bin_comes_back_in_its_row_point_shot_and_column(driver: QbloxDriver, snapshot: Snapshot) -> None:
    """Bins count through shots, points and rows; the sum of a window is the answer of the formula, conjugated."""
    bench = Bench(snapshot)
    bench.build.play(bench.frames["q0"], drag(36, 9, 0.2), 0.3, bench.build.sweep(SlotKind.PHASE, 0.0, 0.1, 3))
    bench.build.play(bench.frames["q0"], drag(36, 9, 0.2), 0.3, bench.build.slot(SlotKind.PHASE))
    bench.measure(*[Column(f"c{k}", output=Output.BOTH, discriminator=LINE) for k in range(5)])
    (chunk,) = play(driver, bench.build.build(), rows=4, shots=6)
    bins = np.arange(4 * 3 * 6).reshape(4, 3, 6)
    for qubit in range(5):
        expected = 400 * answers((READOUT, qubit), 0, bins).conj()
        assert np.allclose(chunk.iq[..., qubit], expected, atol=1e-3)
        assert np.array_equal(chunk.bits[..., qubit], (expected * np.exp(-0.7j)).real > -20)
    assert len(np.unique(chunk.iq)) > 300


def test_the_same_through_the_wire(driver: QbloxDriver, snapshot: Snapshot, tmp_path: Path) -> None:
    bench = Bench(snapshot)
    bench.measure(*[Column(f"c{k}", output=Output.IQ) for k in range(5)])
    with DriverServer(driver, f"ipc://{tmp_path}/d"):
        remote = RemoteDriver(f"ipc://{tmp_path}/d")
        chunks = play(remote, bench.build.build(), rows=3, shots=7)
        remote.close()
    expected = [400 * answers((READOUT, qubit), 0, np.arange(21).reshape(3, 7)).conj() for qubit in range(5)]
    assert np.allclose(joined(chunks, "iq"), np.stack(expected, -1), atol=1e-3)


def test_the_phase_of_a_capture_turns_its_value_back(driver: QbloxDriver, snapshot: Snapshot) -> None:
    bench = Bench(snapshot)
    bench.measure(Column("c", output=Output.IQ), phase=0.6)
    (chunk,) = play(driver, bench.build.build(), rows=1, shots=4)
    expected = 400 * answers((READOUT, 0), 0, np.arange(4)).conj() * np.exp(-0.6j)
    assert np.allclose(chunk.iq[0, :, 0], expected, atol=1e-3)


def test_an_average_is_one_bin_for_each_row_and_point(driver: QbloxDriver, snapshot: Snapshot) -> None:
    bench = Bench(snapshot)
    bench.build.play(bench.frames["q0"], drag(36, 9, 0.2), 0.3, bench.build.sweep(SlotKind.PHASE, 0.0, 0.1, 3))
    bench.build.play(bench.frames["q0"], drag(36, 9, 0.2), 0.3, bench.build.slot(SlotKind.PHASE))
    bench.measure(Column("c", output=Output.IQ, average=True))
    (chunk,) = play(driver, bench.build.build(), rows=2, shots=100)
    assert np.allclose(chunk.mean[..., 0], 400 * answers((READOUT, 0), 0, np.arange(6).reshape(2, 3)).conj(), atol=1e-3)


def test_a_trace_is_that_of_the_scope_demodulated(driver: QbloxDriver, snapshot: Snapshot) -> None:
    """Sample k of the scope is at tick 40 + k of the shot; m1 is 80 MHz above the oscillator."""
    bench = Bench(snapshot)
    bench.measure(*[Column(f"c{k}", acquisition=Acquisition.RAW) for k in range(2)], phase=0.3)
    (chunk,) = play(driver, bench.build.build(), rows=1, shots=2)
    for qubit, offset in enumerate((20e6, 80e6)):
        times = (40 + np.arange(400) + 0.5) * 1e-9
        scope = answers((READOUT, qubit), SCOPE, np.arange(400))
        expected = np.conj(scope * np.exp(-2j * np.pi * offset * times)) * np.exp(-0.3j)
        assert np.allclose(chunk.raw[qubit][0, 0], expected, atol=1e-3)


def test_rows_are_cut_so_that_a_program_plays_for_a_while(driver: QbloxDriver, snapshot: Snapshot) -> None:
    bench = Bench(snapshot)
    bench.build.play(bench.frames["q0"], drag(36, 9, 0.2), 0.3, bench.build.slot(SlotKind.PHASE))
    bench.measure(Column("c", output=Output.IQ))
    chunks = play(driver, bench.build.build(), rows=5, shots=10, rep_delay_s=0.09)
    assert [chunk.rows for chunk in chunks] == [2, 2, 1]
    two = 400 * answers((READOUT, 0), 0, np.arange(20).reshape(2, 10)).conj()
    assert np.allclose(joined(chunks, "iq")[..., 0], np.concatenate([two, two, two[:1]]), atol=1e-3)
    assert chunks[0].stopped_ns <= chunks[1].started_ns


def test_shots_that_do_not_fit_into_the_bins_are_played_in_several_programs(
    driver: QbloxDriver, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qpu_drivers.qblox.compile.template.BINS", 100)
    bench = Bench(snapshot)
    bench.measure(Column("a", output=Output.IQ), Column("b", output=Output.BOTH, average=True, discriminator=LINE))
    (chunk,) = play(driver, bench.build.build(), rows=1, shots=130)
    assert chunk.notes["programs"] == 4
    bins = np.concatenate([np.arange(33), np.arange(33), np.arange(33), np.arange(31)])
    assert np.allclose(chunk.iq[0, :, 0], 400 * answers((READOUT, 0), 0, bins).conj(), atol=1e-3)
    assert np.allclose(chunk.mean[0, 0], (400 * answers((READOUT, 1), 0, bins).conj()).mean(), atol=1e-3)


def test_rows_that_shots_go_round_stay_together(driver: QbloxDriver, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qpu_drivers.qblox.compile.template.BINS", 100)
    bench = Bench(snapshot)
    bench.build.play(bench.frames["q0"], drag(36, 9, 0.2), 0.3, bench.build.slot(SlotKind.PHASE))
    bench.measure(Column("a", output=Output.IQ))
    cyclic = bench.build.build(order="cyclic")
    (chunk,) = play(driver, cyclic, rows=30, shots=4)
    assert (chunk.rows, chunk.notes["programs"]) == (30, 2)
    with pytest.raises(ScheduleError, match="bins"):
        play(driver, cyclic, rows=120, shots=4)


def test_what_was_uploaded_is_not_uploaded_again(
    driver: QbloxDriver, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dummy assembles what is uploaded, so the number of its calls is the number of uploads."""
    from qblox_instruments.ieee488_2 import ModuleDummyTransport

    uploads: list[str] = []
    real = ModuleDummyTransport._set_sequencer_program

    def count(self: Any, parameters: list[Any], *rest: Any) -> None:
        uploads.append(parameters[0])
        real(self, parameters, *rest)

    bench = Bench(snapshot)
    bench.build.play(bench.frames["q0"], drag(36, 9, 0.2), 0.3)
    bench.measure(Column("a"), Column("b"))
    schedule = replace(bench.build.build(), columns=(Column("a", discriminator=LINE), Column("b", discriminator=LINE)))
    play(driver, schedule, rows=1, shots=3)
    transport = driver._instrument.cluster._transport._modules
    for module in transport.values():
        if module is not None:
            monkeypatch.setitem(module._cmds, "SEQuencer#:PROGram", count.__get__(module))
    play(driver, schedule, rows=1, shots=3)
    assert uploads == []
    play(driver, schedule, rows=1, shots=4)
    assert 0 < len(uploads) <= 3


def test_refusals_of_the_instrument_name_the_sequencer(
    driver: QbloxDriver, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(snapshot)
    bench.measure(Column("a", output=Output.IQ))
    schedule = bench.build.build()
    driver.load(schedule)
    (part,) = driver._held[schedule.digest].parts
    good = part.template.program(Table.single(), 5, 10_000)
    bad = replace(good, sequencers=tuple(replace(one, text="plai 0,0,100\nstop\n") for one in good.sequencers))
    monkeypatch.setattr(playing, "_fitting", lambda *given, **more: [bad])
    with pytest.raises(DriverFault, match=r"plai.*slot 10 sequencer 0"):
        play(driver, schedule, rows=1, shots=5)
    assert driver.status().state is State.FAULTED
    assert "plai" in driver.status().message
    monkeypatch.undo()
    play(driver, schedule, rows=1, shots=5)
    assert driver.status().state is State.IDLE


@pytest.mark.parametrize("said", ["ERROR;STOPPED;;;SEQUENCE_PROCESSOR_RT_EXEC_COMMAND_UNDERFLOW,;", "OKAY;RUNNING;;;;"])
def test_a_sequencer_that_fails_or_hangs_is_a_fault_with_its_flags(
    driver: QbloxDriver, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    bench = Bench(snapshot)
    bench.measure(Column("a", output=Output.IQ))
    module = driver._instrument.cluster._transport._modules[str(READOUT)]
    monkeypatch.setattr(driver._instrument, "_rack", driver._rack.model_copy(update={"timeout_s": 0.05}))

    def state(*given: Any) -> None:
        module._data_out = said

    monkeypatch.setitem(module._cmds, "SEQuencer#:STATE?", state)
    with pytest.raises(DriverFault, match="slot 10 sequencer 0") as caught:
        play(driver, bench.build.build(), rows=1, shots=2)
    assert ("UNDERFLOW" in str(caught.value)) == ("UNDERFLOW" in said)


def test_abort_ends_a_program_that_plays(driver: QbloxDriver, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(snapshot)
    bench.measure(Column("a", output=Output.IQ))
    module = driver._instrument.cluster._transport._modules[str(READOUT)]
    waiting, stopped = [], []

    def state(*given: Any) -> None:
        module._data_out = "OKAY;RUNNING;;;;"
        if not waiting:
            waiting.append(Thread(target=driver.abort))
            waiting[0].start()

    stop = module._stop
    monkeypatch.setitem(module._cmds, "SEQuencer#:STATE?", state)
    monkeypatch.setitem(module._cmds, "SEQuencer#:STOP", lambda *given: (stopped.append(given), stop(*given)))
    with pytest.raises(Cancelled):
        play(driver, bench.build.build(), rows=1, shots=2)
    waiting[0].join()
    assert stopped
    assert driver.status().state is State.IDLE


def test_a_branch_is_compiled_and_its_bits_come_from_the_sequencer(driver: QbloxDriver, snapshot: Snapshot) -> None:
    bench = Bench(snapshot)
    (herald,) = bench.measure(Column("reset", discriminator=LINE, returned=False))
    bench.build.wait(420)
    with bench.build.branch(Bits((herald,))):
        bench.build.play(bench.frames["q0"], drag(36, 9, 0.2), 0.6)
    with bench.build.otherwise():
        bench.build.wait(36)
    bench.build.wait(300)
    bench.measure(Column("c", discriminator=LINE))
    (chunk,) = play(driver, bench.build.build(), rows=1, shots=50)
    expected = (400 * answers((READOUT, 0), 1, np.arange(50)).conj() * np.exp(-0.7j)).real > -20
    assert np.array_equal(chunk.bits[0, :, 0], expected)


def test_traces_that_this_device_cannot_take_are_refused(driver: QbloxDriver, snapshot: Snapshot) -> None:
    bench = Bench(snapshot)
    (column,) = bench.measure(Column("a", acquisition=Acquisition.RAW))
    bench.build.wait(400)
    bench.build.capture(bench.frames["a0"], column, 400)
    with pytest.raises(ScheduleError, match="captured once in each shot"):
        driver.load(bench.build.build())
    bench = Bench(snapshot)
    bench.measure(Column("a", acquisition=Acquisition.RAW))
    with pytest.raises(ScheduleError, match="shots inside of rows"):
        driver.load(bench.build.build(order="cyclic"))


def test_a_mean_of_captures_that_not_every_shot_makes_is_refused(driver: QbloxDriver, snapshot: Snapshot) -> None:
    bench = Bench(snapshot)
    (herald,) = bench.measure(Column("h", discriminator=LINE))
    bench.build.wait(400)
    mean = bench.build.column(Column("m", output=Output.IQ, average=True))
    bench.build.capture(bench.frames["a1"], mean, 400)
    bench.build.wait(400)
    with bench.build.branch(Bits((herald,))):
        bench.build.capture(bench.frames["a1"], mean, 400)
    with bench.build.otherwise():
        bench.build.wait(400)
    with pytest.raises(ScheduleError, match="written by the last of them in each shot"):
        driver.load(bench.build.build())


def test_nobodys_working_directory_is_written_to(
    driver: QbloxDriver, snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bench = Bench(snapshot)
    bench.measure(Column("fresh", output=Output.IQ))
    play(driver, bench.build.build(), rows=1, shots=11)
    assert list(tmp_path.iterdir()) == []
    assert Path(os.getcwd()) == tmp_path


def test_a_dummy_that_is_told_nothing_gives_zeros(assembler: Path, snapshot: Snapshot) -> None:
    silent = QbloxDriver("lab_five", snapshot, options() | {"answers": "nothing"})
    try:
        bench = Bench(snapshot)
        bench.measure(Column("a", output=Output.BOTH, discriminator=Discriminator(0.0, -1.0)))
        (chunk,) = play(silent, bench.build.build(), rows=1, shots=3)
        assert not chunk.iq.any()
        assert not chunk.bits.any(), "an unwritten column is 0, whatever its line"
    finally:
        silent.close()


def test_results_of_a_dummy_are_called_simulated(driver: QbloxDriver) -> None:
    capabilities = driver.capabilities()
    assert capabilities.simulated
    assert capabilities.source.startswith("dummy cluster of qblox-instruments 1.")
    assert capabilities.sign == -1


def test_without_the_vendors_package_the_remedy_is_told(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "qblox_instruments", None)
    with pytest.raises(SettingsError, match=r"pip install 'qpu-bridge\[qblox\]'"):
        QbloxDriver("lab_five", snapshot, options())


def test_the_loops_of_a_schedule_may_stand_in_any_order(driver: QbloxDriver, snapshot: Snapshot) -> None:
    """Bins are those of rows, points and shots, whichever loop turns first."""
    bench = Bench(snapshot)
    bench.build.play(bench.frames["q0"], drag(36, 9, 0.2), 0.3, bench.build.sweep(SlotKind.PHASE, 0.0, 0.1, 3))
    bench.measure(Column("c", output=Output.IQ))
    plain = bench.build.build()
    (axis,) = (loop for loop in plain.loops if isinstance(loop, Linear))
    turned = replace(plain, body=(replace(axis, body=(Shots((Rows(plain.realtime),)),)),))
    for schedule in (plain, turned):
        (chunk,) = play(driver, schedule, rows=2, shots=4)
        assert chunk.iq.shape == (2, 3, 4, 1)
        assert len(np.unique(chunk.iq)) == 24
