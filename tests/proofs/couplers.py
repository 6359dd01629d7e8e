"""``python -m tests.proofs.couplers FIRST LAST``: gates of two qubits of random devices, from the design on.

Every qubit is brought up first, then every coupler; what the gates do to the truth is solved. Numbers whose truth is known
without solving the whole gate are compared with it in units of their errors.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_calibration.bench import Bench, Outcome
from qpu_calibration.catalog import routine
from qpu_calibration.conditional import wrapped
from qpu_calibration.edit import flux_level
from qpu_calibration.page import Target
from qpu_emulator.bring_up.conditional import Conditional
from qpu_emulator.bring_up.recipe import Recipe
from qpu_emulator.chip.device import Device, StaticCoupling
from qpu_emulator.windows.pair import Pair
from qpu_emulator.windows.static_pair import StaticPair
from tests.calibration.channel import error
from tests.calibration.conftest import raw
from tests.calibration.routines.test_bring_up_order import ORDER
from tests.calibration.routines.test_cz import CHAIN as CZ
from tests.calibration.routines.test_ecr import CHAIN as ECR

SIZE = 3


def main(seeds: range) -> None:
    """Print a line per coupler, and the spread of all scores."""
    scores: dict[str, list[float]] = {}
    worst = {"cz": 0.0, "ecr": 0.0}
    for family in worst:
        for seed in seeds:
            truth, design = raw("line", SIZE, family, seed)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "truth.json"
                truth.write(path)
                driver = open_driver("emulator", design.device, design, {"truth": str(path)})
                bench = Bench(Execution(driver, driver.capabilities()), design, seed=1000 * seed, figures=False, operator="proof")
                _ones(bench)
                before = bench.shots
                for pair in [gate.qubits for gate in design.gates if gate.name == family]:
                    refused = _pair(bench, truth, pair, ("zz", *(CZ if family == "cz" else ECR)), scores)
                    wrong, limit = error(truth, bench.snapshot, pair)
                    share = (wrong + limit) / limit
                    worst[family] = max(worst[family], share)
                    print(
                        f"{family} seed {seed} pair {pair}: {wrong:.2e} beside {limit:.2e}, {share:.3f} limits {refused}",
                        flush=True,
                    )
                print(f"  shots for couplers: {bench.shots - before}")
                driver.close()
    print("worst, in limits:", worst)
    for name, found in scores.items():
        print(f"{name}: {len(found)} scores, mean {np.mean(found):.2f}, spread {np.std(found):.2f}")


def _ones(bench: Bench) -> None:
    for targets in ([(q,) for q in range(0, SIZE, 2)], [(q,) for q in range(1, SIZE, 2)]):
        for name in ORDER:
            refused = bench.run(routine(name), targets).refused
            assert not refused, (name, refused)
    # neighbours stood elsewhere when the first ones were measured
    for q in range(SIZE):
        for name in ("ramsey", "fine_amplitude"):
            bench.run(routine(name), [(q,)])


def _pair(bench: Bench, truth: Device, pair: Target, names: tuple[str, ...], scores: dict[str, list[float]]) -> str:
    """Run all routines of a pair; what was refused."""
    coupler = next(one for one in truth.couplers if set(one.qubits) == set(pair))

    def score(outcome: Outcome, name: str, known: float) -> None:
        fit = outcome.fits[pair]
        scores.setdefault(f"{outcome.routine} {name}", []).append((fit[name] - known) / fit.error(name))

    for name in names:
        outcome = bench.run(routine(name), [pair])
        if outcome.refused:
            return f"{name}: {outcome.refused[pair]}"
        if name == "zz":
            rest = StaticPair(truth, coupler) if isinstance(coupler, StaticCoupling) else Pair(truth, coupler)
            score(outcome, "zz", rest.zz())
        if name in ("cz_chevron", "cz_phase"):
            assert not isinstance(coupler, StaticCoupling)
            score(outcome, "amplitude", Conditional(truth, coupler, Recipe(), {}).amplitude(-np.pi))
        if name == "cz_local_phases":
            assert not isinstance(coupler, StaticCoupling)
            level = np.array([flux_level(bench.snapshot, pair)])
            first, second, both = Conditional(truth, coupler, Recipe(), {}).phases(level)[:, 0]
            own = {"first": first, "second": second}
            for key, phase in own.items():
                left = phase + float(wrapped(both - np.pi)) / 2
                found = outcome.fits[pair]
                score(outcome, key, found[key] - float(wrapped(found[key] + left)))
    return ""


if __name__ == "__main__":
    main(range(int(sys.argv[1]), int(sys.argv[2]) + 1))
