"""The random schedules of this folder, more of them than a test has time for.

    python -m tests.drivers.qblox.oracle.many --examples 500 --seed 7

Prints for each kind how many were held against their meaning, and how many the driver refused, by what must hold. Ends with the
traceback of the smallest schedule that fails, if there is one.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Schedule, Table
from tests.drivers.qblox.oracle import lab, test_captures, test_samples

Case = tuple[Schedule, Table]
KINDS: dict[str, tuple[st.SearchStrategy[Case], Callable[[Case], None]]] = {
    "straight blocks": (lab.fixed_schedules(), lambda case: test_samples.hold(*case, lambda program: None)),
    "linear axes": (lab.swept_schedules(), lambda case: test_samples.hold(*case, lambda program: None)),
    "rows": (lab.schedules_with_rows(), lambda case: test_samples.hold(*case, lambda program: None)),
    "numbers put into captures": (lab.measured_schedules(), test_captures.hold_numbers),
    "inputs plugged into outputs": (lab.measured_schedules(), test_captures.hold_loopback),
}


def search(cases: st.SearchStrategy[Case], hold: Callable[[Case], None], examples: int, number: int) -> Counter[str]:
    found: Counter[str] = Counter()

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases)
    def each(case: Case) -> None:
        try:
            hold(case)
        except ScheduleError as error:
            found[error.must] += 1
        else:
            found["held"] += 1

    each()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    for name, (cases, hold) in KINDS.items():
        begun = time.monotonic()
        with redirect_stdout(StringIO()):  # the simulator's remark on its version, each time
            found = search(cases, hold, given.examples, given.seed)
        print(f"{name}: {dict(found)}, {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
