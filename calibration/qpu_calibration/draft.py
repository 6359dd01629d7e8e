"""Drafts: changes that are believed and not yet a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from qpu_bridge.target import Snapshot
from qpu_bridge.target.versions import Versions
from qpu_calibration.fit import Fit
from qpu_calibration.page import Target


@dataclass(frozen=True)
class Draft:
    """One change.

    Attributes:
        before: What was believed before it.
        routine: What made it.
        targets: Whose numbers are others.
        fits: What was found.
        run: Where the raw data are, empty where nothing is kept.
        reason: Why, in one line, where no fit speaks for it.
    """

    before: Snapshot
    routine: str
    targets: tuple[Target, ...]
    fits: tuple[Fit, ...] = ()
    run: str = ""
    reason: str = ""


def published(versions: Versions, snapshot: Snapshot, drafts: Sequence[Draft], operator: str) -> Snapshot:
    """Make one version of a snapshot and the changes that led to it: users have them together or not at all.

    Raises:
        SettingsError: If somebody else has put another version in use meanwhile.
    """
    return versions.commit(
        snapshot,
        routine=", ".join(dict.fromkeys(draft.routine for draft in drafts)),
        parent=snapshot.calibration_id,
        targets=tuple(dict.fromkeys(target for draft in drafts for target in draft.targets)),
        operator=operator,
        software=version("qpu-bridge"),
        reason="; ".join(draft.reason for draft in drafts if draft.reason),
        data=tuple(draft.run for draft in drafts if draft.run),
        fits=tuple(fit.model_dump(mode="json") for draft in drafts for fit in draft.fits),
    )
