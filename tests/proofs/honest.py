"""Errors that routines state, held against hidden truths: ``python -m tests.proofs.honest`` measures 50 devices of each kind.

For every fitted number, z = (found - true) / stated error; over many devices that must be a unit normal (Kolmogorov, Smirnov).
Where a number has no single truth it is made one: T2 of an echo without slow noise, T2* as the time at which the envelope that
the noise's spectrum makes has fallen to 1/e. Each number that is looked for is first believed to be another.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import brentq
from scipy.stats import kstest, norm

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.target import Snapshot
from qpu_calibration.bench import Bench
from qpu_calibration.catalog import routine
from qpu_calibration.edit import (
    amplitude,
    rotation,
    with_amplitude,
    with_beta,
    with_frequency,
    with_qubit,
    with_readout_frequency,
)
from qpu_calibration.fit import Fit
from qpu_calibration.page import Target
from qpu_calibration.plan import Kind
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.chip.device import Device, TunableCoupler
from qpu_emulator.makers import chip
from qpu_emulator.noise import Spectrum
from qpu_emulator.windows.pair import Pair

SEED, DEVICES, LEAST_P = 20261121, 50, 1e-3
"""With some 20 numbers, a p-value below 1e-3 comes by chance once in 50 times: it is no accident."""
FIGURE = Path(__file__).parents[2] / "calibration" / "figures" / "honest.png"


@dataclass(frozen=True)
class Truth:
    """A device and the snapshot that is solved from it."""

    device: Device
    right: Snapshot


Draw = np.random.Generator


@dataclass(frozen=True)
class Case:
    """One routine.

    Attributes:
        routine: Its name.
        true: What its numbers should be, by name.
        spoiled: What is believed instead of the truth.
        quiet: Without slow noise.
    """

    routine: str
    true: Callable[[Truth, Fit], Mapping[str, float]]
    spoiled: Callable[[Snapshot, Draw], Snapshot] = lambda snapshot, _: snapshot
    quiet: bool = False


def _moved(span_hz: float) -> Callable[[Snapshot, Draw], Snapshot]:
    return lambda s, draw: with_frequency(s, 0, s.qubits[0].frequency + draw.uniform(-span_hz, span_hz))


def _detuned_readout(snapshot: Snapshot, draw: Draw) -> Snapshot:
    here = snapshot.frame(snapshot.measure(0).drive_frame).frequency
    return with_readout_frequency(snapshot, 0, here + draw.uniform(-1e6, 1e6))


def _louder(span: float) -> Callable[[Snapshot, Draw], Snapshot]:
    def spoiled(snapshot: Snapshot, draw: Draw) -> Snapshot:
        for name in ("x", "sx"):
            snapshot = with_amplitude(snapshot, 0, name, amplitude(snapshot, 0, name) * (1 + draw.uniform(-span, span)))
        return snapshot

    return spoiled


def _lived(snapshot: Snapshot, draw: Draw) -> Snapshot:
    return with_qubit(
        snapshot, 0, t1=snapshot.qubits[0].t1 * draw.uniform(0.6, 1.6), t2=snapshot.qubits[0].t2 * draw.uniform(0.6, 1.6)
    )


def _bent(snapshot: Snapshot, draw: Draw) -> Snapshot:
    return with_beta(snapshot, 0, rotation(snapshot, 0)[1].beta * (1 + draw.uniform(-0.1, 0.1)))


def faded(device: Device, scan_s: float) -> float:
    """T2*: where white noise, and slow noise of a Gaussian phase, have brought a fringe to 1/e."""
    transmon = device.transmons[0]
    spectrum = Spectrum.of(device, 1.0, scan_s)

    def rest(t: float) -> float:
        ratio = t / spectrum.times
        moving = 2 * (spectrum.moving[0] * spectrum.times) ** 2 * (ratio - 1 + np.exp(-ratio))
        spread = (spectrum.static[0] * t) ** 2 + float(moving.sum())
        return float(t / (transmon.t2 or np.inf) + (2 * np.pi) ** 2 * spread / 2 - 1)

    return brentq(rest, 1e-7, 1.0)


def _zz(truth: Truth, fit: Fit) -> Mapping[str, float]:
    (coupler,) = truth.device.couplers
    assert isinstance(coupler, TunableCoupler)
    return {"zz": Pair(truth.device, coupler).zz()}


ONE = (
    Case("resonator_spectroscopy", lambda t, _: {"frequency": t.device.resonators[0].frequency - t.device.resonators[0].chi}),
    Case("qubit_spectroscopy", lambda t, _: {"f01": t.device.transmons[0].frequency}, _moved(0.2e6)),
    Case("rabi", lambda t, _: {"pi_amplitude": amplitude(t.right, 0)}, _louder(0.1)),
    Case("readout_frequency", lambda t, _: {"frequency": t.device.resonators[0].frequency}, _detuned_readout),
    Case("ramsey", lambda t, _: {"f01": t.device.transmons[0].frequency}, _moved(5e3)),
    Case("anharmonicity", lambda t, _: {"anharmonicity": t.device.transmons[0].anharmonicity}),
    Case("drag", lambda t, _: {"beta": rotation(t.right, 0)[1].beta}, _bent),
    Case("fine_amplitude", lambda t, _: {f"{n}_amplitude": amplitude(t.right, 0, n) for n in ("x", "sx")}, _louder(0.005)),
    Case("rx_curve", lambda t, _: dict.fromkeys(("quarter_error", "half_error", "whole_error"), 0.0)),
    Case("t1", lambda t, _: {"t1": t.device.transmons[0].t1 or np.inf}, _lived),
    Case("echo", lambda t, _: {"t2": t.device.transmons[0].t2 or np.inf}, _lived, quiet=True),
    Case("t2_star", lambda t, _: {"t2_star": faded(t.device, 3e-4)}, _lived),
)
TWO = (
    Case("zz", _zz),
    Case("rzz_curve", lambda t, _: {f"angle_{n}": 0.0 for n in ("sixteenth", "quarter", "rest", "whole")}),
    Case("cz_local_phases", lambda t, _: {f"{n}_left": 0.0 for n in ("first", "second")}),
)


def one(seed: int) -> Truth:
    """A random transmon with its resonator, of either family."""
    whole = chip.build(chip.random("line", 2, ("cz", "ecr")[seed % 2], seed), "emu_one", seed)
    parts = {"transmons": whole.transmons[:1], "resonators": whole.resonators[:1], "couplers": ()}
    return _solved(whole.model_copy(update=parts))


def two(seed: int) -> Truth:
    """Two random transmons and the coupler between them."""
    return _solved(chip.build(chip.random("line", 2, "cz", seed), "emu_two", seed))


def _solved(device: Device) -> Truth:
    return Truth(device, solve_snapshot(device, datetime(2026, 11, 21, tzinfo=UTC)))


@contextmanager
def opened(device: Device, snapshot: Snapshot) -> Iterator[Execution]:
    """A driver with this truth."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.json"
        device.write(path)
        driver = open_driver("emulator", snapshot.device, snapshot, {"truth": str(path)})
        try:
            yield Execution(driver, driver.capabilities())
        finally:
            driver.close()


def scores(seed: int, cases: Sequence[Case], truth: Truth) -> Iterator[tuple[str, float]]:
    """Names and z-scores; a fit that is not believed has none, and says so.

    Args:
        seed: Of what is believed and of the device's noise.
        cases: Routines of one kind.
        truth: The device.
    """
    still = tuple(t.model_copy(update={"quasi_static": 0.0, "one_over_f": 0.0}) for t in truth.device.transmons)
    quiet = truth.device.model_copy(update={"transmons": still})
    for silent in (False, True):
        chosen = [(place, case) for place, case in enumerate(cases) if case.quiet is silent]
        if not chosen:
            continue
        with opened(quiet if silent else truth.device, truth.right) as execution:
            for place, case in chosen:
                draw = np.random.default_rng([seed, place])
                looked = routine(case.routine)
                bench = Bench(execution, case.spoiled(truth.right, draw), seed=seed * 1000 + place, figures=False)
                target: Target = (0,) if looked.kind is Kind.QUBIT else truth.device.couplers[0].qubits
                (fit,) = bench.look(looked, [target])
                if not fit.good:
                    print(f"seed {seed}: {case.routine} is not believed: {fit.reason}")
                    continue
                for name, value in case.true(truth, fit).items():
                    yield f"{case.routine} {name}", (fit[name] - value) / fit.error(name)


def collected(seeds: Iterable[int]) -> dict[str, list[float]]:
    """All z-scores of some devices of either kind, by routine and number."""
    found: dict[str, list[float]] = defaultdict(list)
    for seed in seeds:
        for cases, truth in ((ONE, one(seed)), (TWO, two(seed))):
            for name, z in scores(seed, cases, truth):
                found[name].append(z)
    return dict(found)


def drawn(found: Mapping[str, Sequence[float]]) -> Figure:
    """Cumulative z-scores beside the unit normal's."""
    figure = Figure(figsize=(15, 1 + 2.1 * -(-len(found) // 6)), layout="constrained")
    grid = np.linspace(-4, 4, 201)
    for place, (name, scored) in enumerate(found.items()):
        axes = figure.add_subplot(-(-len(found) // 6), 6, place + 1)
        axes.step(np.sort(scored), (np.arange(len(scored)) + 0.5) / len(scored), where="mid")
        axes.plot(grid, norm.cdf(grid), "k", lw=0.8)
        axes.set_xlim(-4, 4)
        axes.set_title(f"{name}\np = {kstest(scored, 'norm').pvalue:.3f}", fontsize=7)
        axes.tick_params(labelsize=6)
    return figure


def main(devices: int) -> None:
    """Measure, print a table and draw the figure."""
    found = collected(range(SEED, SEED + devices))
    print(f"{'number':42s} {'n':>3s} {'mean':>6s} {'sigma':>6s} {'p':>7s}")
    for name, scored in found.items():
        print(f"{name:42s} {len(scored):3d} {np.mean(scored):6.2f} {np.std(scored):6.2f} {kstest(scored, 'norm').pvalue:7.4f}")
    FIGURE.parent.mkdir(exist_ok=True)
    drawn(found).savefig(FIGURE, dpi=80)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DEVICES)
