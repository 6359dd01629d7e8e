"""Errors that routines state, held against hidden truths: ``python -m tests.proofs.honest`` measures 50 devices of each kind.

With names of routines only these are measured again; their scores take the place of those in the file of figures.

For every fitted number, z = (found - true) / stated error; over many devices that must be a unit normal (Kolmogorov, Smirnov).
Where a number has no single truth it is made one: T2 of an echo without slow noise, T2* as the time at which the envelope that
the noise's spectrum makes has fallen to 1/e. Each number that is looked for is first believed to be another.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from matplotlib.figure import Figure
from scipy.stats import kstest, norm

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.target import Snapshot
from qpu_calibration.bench import Bench
from qpu_calibration.catalog import routine
from qpu_calibration.graph import Graph
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.chip.device import Device
from qpu_emulator.makers import chip
from tests.proofs.honest_cases import APART, ONE, STATIC, TUNABLE, Case
from tests.proofs.known import Truth

SEED, DEVICES, LEAST_P = 20261121, 50, 1e-3
"""With some 120 numbers, a p-value below 1e-3 comes by chance once in 9 times."""
FIGURE = Path(__file__).parents[2] / "calibration" / "figures" / "honest.png"


def one(seed: int) -> Truth:
    """A random transmon with its resonator, of either family."""
    whole = chip.build(chip.random("line", 2, ("cz", "ecr")[seed % 2], seed), "emu_one", seed)
    parts = {"transmons": whole.transmons[:1], "resonators": whole.resonators[:1], "couplers": ()}
    return _solved(whole.model_copy(update=parts))


def two(seed: int, family: str) -> Truth:
    """Two random transmons and what joins them."""
    return _solved(chip.build(chip.random("line", 2, family, seed), "emu_two", seed))


def apart(seed: int) -> Truth:
    """Two such pairs of either family with nothing between them."""
    whole = chip.build(chip.random("line", 4, ("cz", "ecr")[seed % 2], seed), "emu_apart", seed)
    return _solved(whole.model_copy(update={"couplers": (whole.couplers[0], whole.couplers[2])}))


def _solved(device: Device) -> Truth:
    right = solve_snapshot(device, datetime(2026, 11, 21, tzinfo=UTC))
    return Truth(device, right, right)


KINDS: tuple[tuple[Sequence[Case], Callable[[int], Truth]], ...] = (
    (ONE, one),
    (TUNABLE, partial(two, family="cz")),
    (STATIC, partial(two, family="ecr")),
    (APART, apart),
)
"""What is measured, on devices of which kind."""


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


def scores(seed: int, cases: Sequence[Case], truth: Truth, only: Collection[str] = ()) -> Iterator[tuple[str, float]]:
    """Names and z-scores; a fit that is not believed has none, and says so.

    Args:
        seed: Of what is believed and of the device's noise.
        cases: Routines of one kind.
        truth: The device.
        only: Names of the routines that are measured, each as it is among all; all, if there are none.
    """
    draw = np.random.default_rng([seed, 1])
    graph = Graph.of(truth.right)
    for changed in dict.fromkeys(case.changed for case in cases):
        device = changed(truth.device, draw)
        with opened(device, truth.right) as execution:
            for place, case in enumerate(cases):
                if case.changed is not changed or (only and case.routine not in only):
                    continue
                looked, own = routine(case.routine), np.random.default_rng([seed, place])
                here = Truth(device, truth.right, case.spoiled(truth.right, own))
                bench = Bench(execution, here.believed, seed=seed * 1000 + place, figures=False)
                # as a calibration ends: its last pass
                step = looked.passes(looked.settings)[-1]
                drawn = {"seed": seed} if "seed" in type(step).model_fields else {}
                step = step.model_copy(update={**case.settings, **drawn})
                for fit in bench.look(looked, graph.targets(case.routine), step):
                    if not fit.good:
                        print(f"seed {seed}: {case.routine} is not believed: {fit.reason}")
                        continue
                    for name, value in case.true(here, fit).items():
                        yield f"{case.routine} {name}", (fit[name] - value) / fit.error(name)


def collected(seeds: Iterable[int], only: Collection[str] = ()) -> dict[str, list[float]]:
    """All z-scores of some devices of each kind, by routine and number; ``only`` as for `scores`."""
    found: dict[str, list[float]] = defaultdict(list)
    twice = {case.routine for case in TUNABLE} & {case.routine for case in STATIC}
    for seed in seeds:
        for cases, made in KINDS:
            if only and not any(case.routine in only for case in cases):
                continue
            for name, z in scores(seed, cases, made(seed), only):
                # what both kinds of pairs have in common is told apart
                found[f"{name} (ecr)" if cases is STATIC and name.split()[0] in twice else name].append(z)
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


def main(
    routines: Annotated[list[str] | None, typer.Argument(help="Only these are measured again.")] = None,
    devices: Annotated[int, typer.Option(help="Of each kind.")] = DEVICES,
) -> None:
    """Measure, and write scores and figure after each device; print a table."""
    only = routines or []
    if unknown := set(only) - {case.routine for cases, _ in KINDS for case in cases}:
        raise typer.BadParameter(f"routines that are scored; got {', '.join(sorted(unknown))}")
    known: dict[str, Any] = {"first_seed": SEED, "devices": devices}
    facts = json.loads(FIGURE.with_suffix(".json").read_text()) if only else known
    found: dict[str, list[float]] = facts.pop("scores", {})
    # in their places, so that the figure stays as it is
    found |= {name: [] for name in found if name.split()[0] in only}
    for seed in range(SEED, SEED + devices):
        for name, scored in collected([seed], only).items():
            found.setdefault(name, []).extend(scored)
        facts["made"] = datetime.now(UTC).date().isoformat()
        scores = ",\n".join(f'"{name}": {[round(float(z), 3) for z in scored]}' for name, scored in found.items())
        FIGURE.with_suffix(".json").write_text(f'{json.dumps(facts)[:-1]}, "scores": {{\n{scores}\n}}}}\n')
    drawn(found).savefig(FIGURE, dpi=80)
    print(*table({name: scored for name, scored in found.items() if not only or name.split()[0] in only}), sep="\n")
    if min(kstest(scored, "norm").pvalue for scored in found.values()) < LEAST_P:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
