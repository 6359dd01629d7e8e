"""Taking what fits have found into a snapshot, as far as the rack file allows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qpu_bridge.errors import ScheduleError, SettingsError
from qpu_bridge.schedule import Limits
from qpu_bridge.target import Snapshot
from qpu_calibration.fit import ROUTINE_ERRORS, Fit, error_sentence
from qpu_calibration.guard import refusal
from qpu_calibration.page import Target
from qpu_calibration.routine import Routine


def taken(routine: Routine[Any], snapshot: Snapshot, fits: Sequence[Fit], limits: Limits) -> tuple[Snapshot, dict[Target, str]]:
    """The snapshot after some fits, and why it does not have the numbers of those that it does not have."""
    after, refused = snapshot, {fit.target: fit.reason for fit in fits if not fit.good}
    for fit in (fit for fit in fits if fit.good):
        try:
            after = routine.update(after, fit)
        except (ScheduleError, SettingsError) as error:
            refused[fit.target] = error.sentence
        except ROUTINE_ERRORS as error:
            refused[fit.target] = error_sentence(error, "the update must be able to use what was found")
    reason = refusal(snapshot, after, limits)
    if reason and len(fits) == 1:
        return snapshot, {fits[0].target: reason}
    if reason:
        # whose number it is shows one by one
        for fit in fits:
            snapshot, own = taken(routine, snapshot, [fit], limits)
            refused |= own
        return snapshot, refused
    return after, refused


def again(
    routine: Routine[Any], snapshot: Snapshot, passes: Iterable[Sequence[Fit]], refused: Mapping[Target, str], limits: Limits
) -> Snapshot:
    """The snapshot after the fits of some passes, without those of targets that were refused in any of them."""
    for found in passes:
        snapshot, _ = taken(routine, snapshot, [fit for fit in found if fit.target not in refused], limits)
    return snapshot
