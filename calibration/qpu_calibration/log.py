"""What a calibration did, as lines of a log."""

from __future__ import annotations

from collections.abc import Iterator

from qpu_calibration.conduct import Entry
from qpu_calibration.graph import target_name, target_names
from qpu_calibration.step import Verdict


def log_lines(entry: Entry) -> Iterator[str]:
    """One entry: who was good, off or mended in one line, who was bad in a line each."""
    for verdict in (Verdict.GOOD, Verdict.OFF, Verdict.MENDED):
        targets = [target for target, one in entry.findings.items() if one.verdict is verdict]
        if targets:
            far = ", ".join(f"{entry.deviations[target]:.2f}" for target in targets if target in entry.deviations)
            found = f"{verdict}, {far} of what is tolerated" if far else verdict
            yield f"{entry.action} {entry.routine} of {target_names(targets)}: {found}"
    for target, one in entry.findings.items():
        if one.reason or one.complaint:
            yield f"{entry.action} {entry.routine} of {target_name(target)}: {one.reason or one.complaint}"
