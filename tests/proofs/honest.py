"""Errors that routines state, held against hidden truths: ``python -m tests.proofs.honest`` measures 50 devices of each kind.

For every fitted number, z = (found - true) / stated error; over many devices that must be a unit normal (Kolmogorov, Smirnov).
Where a number has no single truth it is made one: T2 of an echo without slow noise, T2* as the time at which the envelope that
the noise's spectrum makes has fallen to 1/e. Each number that is looked for is first believed to be another.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import kstest, norm

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.target import Snapshot
from qpu_calibration.bench import Bench
from qpu_calibration.catalog import routine
from qpu_calibration.cross import with_axis, with_cross
from qpu_calibration.edit import (
    amplitude,
    flux_level,
    rotation,
    turns,
    with_amplitude,
    with_beta,
    with_flux,
    with_frequency,
    with_qubit,
    with_readout_frequency,
    with_turns,
    with_zz,
)
from qpu_calibration.fit import Fit
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.chip.device import Device
from qpu_emulator.makers import chip
from tests.proofs import known
from tests.proofs.known import Truth

SEED, DEVICES, LEAST_P = 20261121, 50, 1e-3
"""With some 60 numbers, a p-value below 1e-3 comes by chance once in 17 times."""
FIGURE = Path(__file__).parents[2] / "calibration" / "figures" / "honest.png"


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


def _flux(snapshot: Snapshot, draw: Draw) -> Snapshot:
    pair = _pair(snapshot)
    return with_flux(snapshot, pair, flux_level(snapshot, pair) * (1 + draw.uniform(-0.004, 0.004)))


def _turned(snapshot: Snapshot, draw: Draw) -> Snapshot:
    (name,) = {gate.name for gate in snapshot.gates} & {"cz", "ecr"}
    pair = _pair(snapshot)
    return with_turns(snapshot, name, pair, [turn + draw.uniform(-0.1, 0.1) for turn in turns(snapshot, name, pair)])


def _seen(snapshot: Snapshot, draw: Draw) -> Snapshot:
    # these chips have 43 to 51 kHz
    return with_zz(_stronger(snapshot, draw), _pair(snapshot), draw.uniform(44e3, 50e3))


def _stronger(snapshot: Snapshot, draw: Draw) -> Snapshot:
    factor = 1 + draw.uniform(-0.02, 0.02)
    return with_cross(snapshot, _pair(snapshot), lambda level: level * factor)


def _off_axis(snapshot: Snapshot, draw: Draw) -> Snapshot:
    return with_axis(snapshot, _pair(snapshot), draw.uniform(-0.06, 0.06))


def _pair(snapshot: Snapshot) -> tuple[int, ...]:
    return next(gate.qubits for gate in snapshot.gates if len(gate.qubits) == 2)


def _virtual(truth: Truth, _: Fit) -> Mapping[str, float]:
    # both are known to a turn, and the fit says them within half a turn
    return dict(zip(("first", "second"), turns(truth.right, "cz", truth.pair), strict=True))


ONE = (
    Case(
        "resonator_spectroscopy",
        lambda t, _: {
            "frequency": t.device.resonators[0].frequency - t.device.resonators[0].chi,
            "linewidth": t.device.resonators[0].kappa,
        },
    ),
    Case("qubit_spectroscopy", lambda t, _: {"f01": t.device.transmons[0].frequency}, _moved(0.2e6)),
    Case("rabi", lambda t, _: {"pi_amplitude": amplitude(t.right, 0)}, _louder(0.1)),
    Case(
        "readout_frequency",
        lambda t, _: {
            "frequency": t.device.resonators[0].frequency,
            "linewidth": t.device.resonators[0].kappa,
            "chi": abs(t.device.resonators[0].chi),
        },
        _detuned_readout,
    ),
    Case("readout", known.readout),
    Case("ramsey", lambda t, _: {"f01": t.device.transmons[0].frequency}, _moved(5e3)),
    Case("anharmonicity", lambda t, _: {"anharmonicity": t.device.transmons[0].anharmonicity}),
    Case("drag", lambda t, _: {"beta": rotation(t.right, 0)[1].beta}, _bent),
    Case("fine_amplitude", lambda t, _: {f"{n}_amplitude": amplitude(t.right, 0, n) for n in ("x", "sx")}, _louder(0.005)),
    Case("rx_curve", lambda t, _: dict.fromkeys(("quarter_error", "half_error", "whole_error"), 0.0)),
    Case("t1", lambda t, _: {"t1": t.device.transmons[0].t1 or np.inf}, _lived),
    Case("echo", lambda t, _: {"t2": t.device.transmons[0].t2 or np.inf}, _lived, quiet=True),
    Case("t2_star", lambda t, _: {"t2_star": known.faded(t.device, 3e-4), "detuning": 0.0}, _lived),
    Case("rb", known.benchmarked, quiet=True),
)
TUNABLE = (
    Case("zz", known.zz),
    Case("assignment", known.assignment),
    Case("cz_chevron", known.half_turn),
    Case("cz_phase", known.half_turn, _flux),
    Case("cz_leakage", known.leaked),
    Case("cz_local_phases", _virtual, _turned),
    Case("rzz_curve", lambda t, _: {f"angle_{n}": 0.0 for n in ("sixteenth", "quarter", "rest", "whole")}),
)
STATIC = (
    Case("zz", known.zz),
    Case("cr_tomography", known.terms, _seen),
    Case("cr_cancellation", known.cancelled, _seen),
    Case("cr_phase", known.axis, _off_axis),
    Case("ecr_amplitude", known.angle, _stronger),
    Case("ecr_target_phase", known.target_left, _turned),
    Case("ecr_control_phase", known.control_left, _turned),
)


def one(seed: int) -> Truth:
    """A random transmon with its resonator, of either family."""
    whole = chip.build(chip.random("line", 2, ("cz", "ecr")[seed % 2], seed), "emu_one", seed)
    parts = {"transmons": whole.transmons[:1], "resonators": whole.resonators[:1], "couplers": ()}
    return _solved(whole.model_copy(update=parts))


def two(seed: int, family: str) -> Truth:
    """Two random transmons and what joins them."""
    return _solved(chip.build(chip.random("line", 2, family, seed), "emu_two", seed))


def _solved(device: Device) -> Truth:
    right = solve_snapshot(device, datetime(2026, 11, 21, tzinfo=UTC))
    return Truth(device, right, right)


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
                here = replace(truth, believed=case.spoiled(truth.right, draw))
                bench = Bench(execution, here.believed, seed=seed * 1000 + place, figures=False)
                target = (0,) if len(truth.device.transmons) == 1 else truth.pair
                # as a calibration ends: its last pass
                (fit,) = bench.look(looked, [target], looked.passes(looked.settings)[-1])
                if not fit.good:
                    print(f"seed {seed}: {case.routine} is not believed: {fit.reason}")
                    continue
                for name, value in case.true(here, fit).items():
                    yield f"{case.routine} {name}", (fit[name] - value) / fit.error(name)


def collected(seeds: Iterable[int]) -> dict[str, list[float]]:
    """All z-scores of some devices of either kind, by routine and number."""
    found: dict[str, list[float]] = defaultdict(list)
    for seed in seeds:
        for cases, truth in ((ONE, one(seed)), (TUNABLE, two(seed, "cz")), (STATIC, two(seed, "ecr"))):
            for name, z in scores(seed, cases, truth):
                # what two kinds of pairs have in common is told apart
                found[name.replace("zz zz", "zz of ecr") if cases is STATIC else name].append(z)
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


def table(found: Mapping[str, Sequence[float]]) -> list[str]:
    """A line per number."""
    lines = [f"{'number':42s} {'n':>3s} {'mean':>6s} {'sigma':>6s} {'p':>7s}"]
    for name, scored in found.items():
        p = kstest(scored, "norm").pvalue
        lines.append(f"{name:42s} {len(scored):3d} {np.mean(scored):6.2f} {np.std(scored):6.2f} {p:7.4f}")
    return lines


def main(devices: int) -> None:
    """Measure, and write scores and figure after each device; print a table."""
    found: dict[str, list[float]] = defaultdict(list)
    FIGURE.parent.mkdir(exist_ok=True)
    for seed in range(SEED, SEED + devices):
        for name, scored in collected([seed]).items():
            found[name] += scored
        facts = {"first_seed": SEED, "devices": seed - SEED + 1, "made": datetime.now(UTC).date().isoformat()}
        scores = ",\n".join(f'"{name}": {[round(float(z), 3) for z in scored]}' for name, scored in found.items())
        FIGURE.with_suffix(".json").write_text(f'{json.dumps(facts)[:-1]}, "scores": {{\n{scores}\n}}}}\n')
    drawn(found).savefig(FIGURE, dpi=80)
    print(*table(found), sep="\n")
    if min(kstest(scored, "norm").pvalue for scored in found.values()) < LEAST_P:
        sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DEVICES)
