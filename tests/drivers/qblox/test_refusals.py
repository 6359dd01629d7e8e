"""What the vendor's tools accept without a word, this driver refuses before anything is uploaded, and says why."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Run
from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Acquisition,
    Bits,
    Builder,
    Column,
    Discriminator,
    Output,
    Schedule,
    SlotKind,
    Table,
    VariableKind,
    Waveform,
)
from qpu_bridge.schedule.shapes import constant, drag, gaussian
from qpu_bridge.target import Snapshot
from qpu_drivers.qblox.driver import QbloxDriver
from qpu_drivers.qblox.instrument import Instrument

X = drag(20, 5, 0.6)


class Bench:
    """A builder with the lines and carriers of the built-in snapshot ``five``."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.build = build = Builder(snapshot.clock)
        ports = {spec.name: build.port(spec.name, spec.kind) for spec in snapshot.ports}
        self.frames = {spec.name: build.frame(spec.name, ports[spec.port], spec.frequency) for spec in snapshot.frames}
        self.ports = ports

    def play(self, frame: str = "q0", waveform: Waveform = X, *given: Any, **options: Any) -> None:
        self.build.play(self.frames[frame], waveform, *given, **options)

    def bit(self, name: str = "b") -> int:
        return self.build.column(Column(name, discriminator=Discriminator(0.0, 1.0)))

    def capture(self, column: int, samples: int = 400, frame: str = "a0", **options: Any) -> None:
        self.build.capture(self.frames[frame], column, samples, **options)


def noise(samples: int, seed: int = 1) -> Waveform:
    return Waveform.of(np.random.default_rng(seed).uniform(-0.7, 0.7, samples))


def broken(schedule: Schedule, **fields: Any) -> Schedule:
    """With fields of its first event changed behind the builder's back, as a peer on the wire could."""
    events = schedule.events.copy()
    for name, value in fields.items():
        events[name][0] = value
    return replace(schedule, events=events)


CASES: dict[str, tuple[str, Callable[[Bench], Any]]] = {}
"""Name -> words of the refusal, and what makes a schedule; or a schedule, a table, shots and a wait."""


def case(words: str) -> Callable[[Callable[[Bench], Any]], Callable[[Bench], Any]]:
    def keep(write: Callable[[Bench], Any]) -> Callable[[Bench], Any]:
        CASES[write.__name__] = (words, write)
        return write

    return keep


@case("magnitude at most 1.0; got 1.49")
def an_amplitude_above_1(bench: Bench) -> None:
    bench.play(amplitude=1.5)


@case("row 1")
def a_row_that_lifts_an_amplitude_above_1(bench: Bench) -> Any:
    bench.play(amplitude=bench.build.slot(SlotKind.AMPLITUDE))
    return bench.build.build(), Table(np.array([[0.5], [3.0]]))


@case("slot 0")
def an_axis_that_passes_1(bench: Bench) -> None:
    bench.play(amplitude=bench.build.sweep(SlotKind.AMPLITUDE, 0.0, 0.25, 6))


@case("add up to a magnitude")
def two_carriers_that_add_up_above_1(bench: Bench) -> None:
    bench.play("m0", constant(400), 0.6, at=0)
    bench.play("m1", constant(400), 0.6, at=0)


@case("16384 samples in 1024 entries; got 18000")
def too_many_samples_of_envelopes(bench: Bench) -> None:
    for seed in range(9):
        bench.play(waveform=noise(2000, seed), amplitude=0.5)


@case("got 17000 samples")
def one_envelope_longer_than_the_memory(bench: Bench) -> None:
    bench.play(waveform=noise(17_000), amplitude=0.5)


@case("in 1025 entries")
def too_many_envelopes(bench: Bench) -> None:
    for seed in range(1100):
        bench.play(waveform=noise(8, seed), amplitude=0.5)


@case("one of the 1 in the schedule's table")
def an_envelope_that_is_not_there(bench: Bench) -> Any:
    bench.play()
    return broken(bench.build.build(), waveform=5)


@case("QCM-RF must have at most 16384 instructions")
def a_program_longer_than_a_sequencer_holds(bench: Bench) -> None:
    for k in range(8300):
        bench.play(amplitude=0.3, phase=0.001 * k)


@case("QRM-RF must have at most 12288 instructions")
def a_program_that_only_the_readout_module_cannot_hold(bench: Bench) -> None:
    for k in range(6500):  # each takes two
        bench.play("m0", X, 0.3 + 1e-4 * (k % 2))


@case("at least 4 samples; got 2")
def a_pulse_of_2_ns(bench: Bench) -> None:
    bench.play(waveform=constant(2), amplitude=0.5)


@case("0 or at least 4 ticks; got 2")
def an_axis_on_which_a_wait_becomes_2_ns(bench: Bench) -> None:
    bench.play()
    bench.build.wait(bench.build.sweep(SlotKind.DURATION, 0, 2, 4))
    bench.play()


@case("from 4600000000 Hz to 5600000000 Hz; got 5900000000")
def a_carrier_out_of_reach(bench: Bench) -> None:
    far = bench.build.frame("far", bench.ports["d0"], 5.9e9)
    bench.build.play(far, X, 0.3)


@case("got 5821000000 Hz")
def an_axis_of_frequencies_that_leaves_the_band(bench: Bench) -> None:
    bench.build.set_frequency(bench.frames["q0"], bench.build.sweep(SlotKind.FREQUENCY, 0.0, 1e8, 9))
    bench.play(amplitude=0.3)


@case("row 0")
def a_row_of_a_frequency_that_leaves_the_band(bench: Bench) -> Any:
    bench.build.set_frequency(bench.frames["q0"], bench.build.slot(SlotKind.FREQUENCY))
    bench.play(amplitude=0.3)
    return bench.build.build(), Table(np.array([[-2e9]]))


@case("at least 300 ticks apart")
def captures_200_ns_apart(bench: Bench) -> None:
    for k in range(2):
        bench.capture(bench.build.column(Column(f"c{k}", output=Output.IQ)), 100, at=200 * k)


@case("weights must last at most 16384")
def a_capture_longer_than_the_weights(bench: Bench) -> None:
    bench.capture(bench.build.column(Column("c", output=Output.IQ)), 20_000, kernel=gaussian(20_000, 4000))


@case("multiple of 4")
def a_capture_that_is_no_multiple_of_4_ns(bench: Bench) -> None:
    bench.capture(bench.build.column(Column("c", output=Output.IQ)), 402)


@case("trace must last at most 16384")
def a_trace_longer_than_the_scope(bench: Bench) -> None:
    bench.capture(bench.build.column(Column("c", acquisition=Acquisition.RAW)), 20_000)


@case("real shape times a constant")
def a_kernel_whose_phase_turns(bench: Bench) -> None:
    turning = Waveform.of(np.exp(2j * np.pi * np.arange(400) / 100))
    bench.capture(bench.build.column(Column("c", output=Output.IQ)), kernel=turning)


@case("3000000 bins")
def more_points_than_bins(bench: Bench) -> Any:
    for _ in range(2):
        bench.play("q1", X, 0.2, phase=bench.build.sweep(SlotKind.PHASE, 0.0, 0.001, 2000))
    bench.capture(bench.build.column(Column("c", output=Output.IQ, average=True)))


@case("at most 32 captures")
def more_captures_than_a_sequencer_has_acquisitions(bench: Bench) -> None:
    for k in range(40):
        bench.capture(bench.build.column(Column(f"c{k}", output=Output.IQ)))


@case("ends, at tick 20")
def two_pulses_of_one_carrier_at_a_time(bench: Bench) -> None:
    bench.play(amplitude=0.3, at=0)
    bench.play(amplitude=0.3, at=10)


@case("at most 5 carriers")
def more_carriers_than_sequencers(bench: Bench) -> None:
    for k in range(7):
        bench.build.play(bench.build.frame(f"extra{k}", bench.ports["d0"], 5.1e9 + 1e6 * k), X, 0.1, at=0)


@case("must be real")
def a_complex_flux_pulse(bench: Bench) -> None:
    bench.play("c01", X, 0.3)


@case("wait between shots")
def no_pause_between_shots(bench: Bench) -> Any:
    bench.play()
    return bench.build.build(), Table.single(), 10, 0.0


@case("until it reads the bit")
def a_branch_before_its_bit_can_be_known(bench: Bench) -> None:
    column = bench.bit()
    bench.capture(column)
    bench.build.wait(100)
    with bench.build.branch(Bits((column,))):
        bench.play(amplitude=0.5)
    with bench.build.otherwise():
        bench.build.wait(20)


@case("equally long")
def a_branch_of_unequal_arms(bench: Bench) -> None:
    column = bench.bit()
    bench.capture(column)
    bench.build.wait(600)
    with bench.build.branch(Bits((column,))):
        bench.play(amplitude=0.5)


@case("feature expression")
def a_phase_computed_from_bits(bench: Bench) -> None:
    variable = bench.build.variable("z", VariableKind.FLOAT)
    bench.build.follow_phase(bench.frames["q0"], variable)
    bench.play(amplitude=0.5)


@case("feature while")
def a_loop_until_a_bit_is_0(bench: Bench) -> None:
    column = bench.bit()
    bench.capture(column)
    bench.build.wait(600)
    with bench.build.loop_while(Bits((column,)), 5):
        bench.capture(column)
        bench.build.wait(600)


@case("read each instruction before it is played")
def pulses_faster_than_the_processor_reads_them(bench: Bench) -> Any:
    slots = [bench.build.slot(SlotKind.PHASE) for _ in range(40)]
    axis = bench.build.axis(3)
    for _ in range(50):
        for slot in slots[:20]:
            bench.play(waveform=constant(4), amplitude=0.2, phase=slot)
    axis.sweep(SlotKind.PHASE, 0.0, 0.1)
    return bench.build.build(), Table(np.random.default_rng(3).uniform(0, 6, (3, 41))), 20, 1e-6


@pytest.fixture(scope="module")
def device() -> Iterator[tuple[QbloxDriver, Snapshot]]:
    if find_spec("q1simulator") is None:  # to import it needs a stand-in for Qt
        pytest.skip("pip install 'qpu-bridge[test]'")
    options = tomllib.loads((Path(__file__).parent / "lab.toml").read_text())["devices"]["lab_five"]["options"]
    snapshot = plugins.open_snapshot("five", "lab_five")
    driver = QbloxDriver("lab_five", snapshot, options | {"instrument": "simulator"})
    yield driver, snapshot
    driver.close()


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_played_is_refused_before_it_is_uploaded(device: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def upload(*given: object) -> None:
        raise AssertionError("this was uploaded")

    monkeypatch.setattr(Instrument, "start", upload)
    driver, snapshot = device
    words, write = CASES[name]
    with pytest.raises(ScheduleError, match=words):
        play(driver, snapshot, write)


def play(driver: QbloxDriver, snapshot: Snapshot, write: Callable[[Bench], Any]) -> None:
    bench = Bench(snapshot)
    made = write(bench)
    given = made if isinstance(made, tuple) else (bench.build.build() if made is None else made,)
    defaults = (None, Table(np.zeros((1, len(bench.build._slots)))), 10, None)
    schedule, table, shots, wait = (*given, *defaults[len(given) :])
    driver.load(schedule)
    list(driver.run(Run(schedule.digest, table, shots, rep_delay_s=wait)))
