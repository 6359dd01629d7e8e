"""Limits from rack and snapshot, and snapshots that do not fit."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qpu_bridge import plugins
from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Feature, SlotKind
from qpu_bridge.target import SampledShape, Snapshot
from qpu_drivers.qblox.capabilities import limits
from qpu_drivers.qblox.rack import Rack

LAB = Path(__file__).parent / "lab.toml"


@pytest.fixture
def options() -> dict[str, Any]:
    return tomllib.loads(LAB.read_text())["devices"]["lab_five"]["options"]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return plugins.open_snapshot("five", "lab_five")


def test_limits_are_those_of_the_modules(options: dict[str, Any], snapshot: Snapshot) -> None:
    found = limits(Rack.read(options, "lab_five"), snapshot)
    ports = {port.name: port for port in found.ports}
    assert (ports["d0"].min_frequency, ports["d0"].max_frequency) == (4.6e9, 5.6e9)
    assert (ports["c01"].min_frequency, ports["c01"].max_frequency) == (0, 0)
    # four flux lines share six sequencers; the two lines of a QRM-RF need five for five qubits
    assert (ports["c01"].max_frames, ports["d0"].max_frames, ports["r"].max_frames, ports["a"].max_frames) == (3, 5, 6, 6)
    assert (ports["a"].min_separation, ports["a"].max_kernel, ports["a"].max_raw, ports["a"].granularity) == (
        300,
        16384,
        16384,
        4,
    )
    assert ports["a"].max_captures == 32
    assert ports["r"].oscillator == ports["a"].oscillator != ports["d0"].oscillator
    assert ports["d0"].oscillator != ports["d1"].oscillator
    assert found.branch_latency == 364 + 24 + 12 == snapshot.timing.feedback_latency
    assert found.max_feedback_frames == 5
    assert Feature.BRANCH in found.features
    assert Feature.WHILE not in found.features
    assert SlotKind.VALUE not in found.sweeps


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str, str]] = {
    "a carrier out of reach": (lambda o: o["wiring"]["d3"].update(lo=5_500_000_000), "within 500 MHz", r"Change wiring\.d3\.lo"),
    "a line that is not wired": (lambda o: o["wiring"].pop("c34"), "must be wired", r"Add wiring\.c34"),
    "a line that nobody has": (
        lambda o: o["wiring"].update(c9={"slot": 6, "output": 1, "lo": 5_000_000_000}),
        "in the snapshot",
        "c9",
    ),
    "an input for a drive": (
        lambda o: (o["wiring"].pop("a"), o["wiring"].update(d0={"slot": 10, "input": 0})),
        "wired to an output",
        "Mend",
    ),
    "a flux line at an RF output": (
        lambda o: o["wiring"].update(c34={"slot": 6, "output": 1, "lo": 5_000_000_000}),
        "one baseband output",
        r"wiring\.c34",
    ),
    "a latency that is too long": (lambda o: o["wiring"]["a"].update(time_of_flight=60), "feedback_latency", "Raise it"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_snapshot_that_does_not_fit_is_refused_with_what_to_change(
    options: dict[str, Any], snapshot: Snapshot, case: str
) -> None:
    spoil, must, remedy = WRONG[case]
    spoil(options)
    with pytest.raises(SettingsError, match=must) as caught:
        limits(Rack.read(options, "lab_five"), snapshot)
    assert caught.match(remedy)


def test_more_carriers_than_sequencers_are_refused(options: dict[str, Any], snapshot: Snapshot) -> None:
    extra = tuple(snapshot.frame("m0").model_copy(update={"name": f"x{k}", "frequency": 7.3e9 + 1e6 * k}) for k in range(2))
    crowded = snapshot.model_copy(update={"frames": (*snapshot.frames, *extra)})
    with pytest.raises(SettingsError, match=r"a sequencer for each of its carriers, and has 6; got 7 .*modules\.10"):
        limits(Rack.read(options, "lab_five"), crowded)


def test_a_kernel_whose_phase_changes_is_refused(options: dict[str, Any], snapshot: Snapshot) -> None:
    turning = np.exp(1j * np.linspace(0, 1, 800))
    shapes = dict(snapshot.waveforms)
    shapes["kernel0"] = SampledShape(shape="samples", real=tuple(turning.real), imag=tuple(turning.imag))
    with pytest.raises(SettingsError, match="a real shape times a constant phase"):
        limits(Rack.read(options, "lab_five"), snapshot.model_copy(update={"waveforms": shapes}))


def test_the_options_are_not_touched(options: dict[str, Any], snapshot: Snapshot) -> None:
    before = copy.deepcopy(options)
    limits(Rack.read(options, "lab_five"), snapshot)
    assert options == before
