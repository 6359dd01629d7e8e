"""What came of a day on which a device was kept: shots, errors of users' jobs, repairs, and tables of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_calibration.conduct import Entry
from qpu_calibration.step import Action, Verdict
from tests.proofs.user import Errors


@dataclass
class Day:
    """What came of it.

    Attributes:
        full: Shots of the calibration of everything at hour 0.
        kept: Hour -> shots of its monitors.
        repaired: Hour -> what was changed, routine and targets.
        entries: All that monitors did, with its hour.
        errors: Hour -> what the user finds with the numbers in use.
        control: Hour -> the same with the numbers of hour 0.
        best: Hour -> the same with the truth's numbers.
        anew: Hour -> the same with those of another full calibration.
        t1: Hour -> T1 that the user is told of each qubit, of the hidden one.
    """

    full: int = 0
    kept: dict[float, int] = field(default_factory=dict)
    repaired: dict[float, list[str]] = field(default_factory=dict)
    entries: list[tuple[float, Entry]] = field(default_factory=list)
    errors: dict[float, Errors] = field(default_factory=dict)
    control: dict[float, Errors] = field(default_factory=dict)
    best: dict[float, Errors] = field(default_factory=dict)
    anew: dict[float, Errors] = field(default_factory=dict)
    t1: dict[float, list[float]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Shots of all monitors together, of a full calibration."""
        return sum(self.kept.values()) / self.full

    def ratios(self, found: dict[float, Errors], width: int, beside: dict[float, Errors] | None = None) -> NDArray[np.float64]:
        """Errors of qubits (width 1) or couplers (2), of those beside, or of fresh: ``float64[jobs, targets]``."""
        return np.array(
            [
                [
                    error / (beside or {hour: self.errors[0.0]})[hour][target]
                    for target, error in errors.items()
                    if len(target) == width
                ]
                for hour, errors in found.items()
                if hour > 0
            ]
        )


def outcome(day: Day) -> dict[str, Any]:
    """The day in numbers, for a file of figures."""
    told = np.array(list(day.t1.values()))
    return {
        "full_shots": day.full,
        "monitor_shots": sum(day.kept.values()),
        "share": round(day.share, 3),
        "rounds": sum(shots > 1 for shots in day.kept.values()),
        "qubits": _compared(day, 1),
        "couplers": _compared(day, 2),
        "told_t1_of_hidden": [round(float(one), 2) for one in (told.min(), np.median(told), told.max())],
        "repaired": sorted({name for names in day.repaired.values() for name in names}),
    }


def _compared(day: Day, width: int) -> dict[str, Any]:
    kept = day.ratios(day.errors, width)
    of_right = day.ratios({hour: day.errors[hour] for hour in day.best}, width, day.best)
    return {
        "fresh": [float(f"{error:.3g}") for target, error in day.errors[0.0].items() if len(target) == width],
        "worst_kept": round(float(kept.max()), 3),
        "mean_kept": round(float(kept.mean()), 3),
        "kept_above_1.2": f"{int((kept > 1.2).sum())} of {kept.size}",
        "worst_unkept": round(float(day.ratios(day.control, width).max()), 2),
        "worst_right": round(float(day.ratios(day.best, width).max()), 3),
        "worst_kept_of_right": round(float(of_right.max()), 3),
        "kept_of_right_above_1.2": f"{int((of_right > 1.2).sum())} of {of_right.size}",
        "worst_kept_of_anew": round(float(day.ratios({hour: day.errors[hour] for hour in day.anew}, width, day.anew).max()), 3),
    }


def show(day: Day) -> None:
    """Print errors hour by hour, and what each routine did."""
    fresh = day.errors[0.0]
    print("           " + " ".join("-".join(map(str, target)).rjust(4) for target in fresh))
    for hour in sorted({*day.errors, *(hour for hour, shots in day.kept.items() if shots > 1)}):
        print(f"{hour:5.2f} h {day.kept.get(hour, 0):7d} shots  {'; '.join(day.repaired.get(hour, []))}")
        for name, found in (("kept", day.errors), ("hour 0", day.control), ("right", day.best), ("anew", day.anew)):
            if hour in found:
                print(f"{name:>10} " + " ".join(f"{error / fresh[target]:.2f}" for target, error in found[hour].items()))
    _print_routines(day)


def _print_routines(day: Day) -> None:
    """How often each routine looked and repaired, and with how many shots."""
    table: dict[str, dict[str, int]] = {}
    for _, entry in day.entries:
        row = table.setdefault(entry.routine, dict.fromkeys(("looks", "off", "bad", "mended", "calibrated", "shots"), 0))
        found = [one.verdict for one in entry.findings.values()]
        row["looks" if entry.action is Action.LOOK else "calibrated"] += len(found)
        if entry.action is Action.LOOK:
            for verdict in (Verdict.OFF, Verdict.BAD, Verdict.MENDED):
                row[verdict] += found.count(verdict)
        row["shots"] += entry.shots
    for name, row in sorted(table.items(), key=lambda item: -item[1]["shots"]):
        print(f"{name:22s}", "  ".join(f"{key} {value:6d}" for key, value in row.items()))
