"""Data of a plan, outside of a bench."""

from __future__ import annotations

import xarray as xr

from qpu_bridge.execution import Execution
from qpu_bridge.target import Snapshot
from qpu_calibration.measure import dataset, play, series
from qpu_calibration.plan import Plan


def measure(plan: Plan, snapshot: Snapshot, execution: Execution, seed: int | None = None) -> xr.Dataset:
    """Play a plan, and name what comes."""
    return dataset(plan, snapshot, play(plan, execution.prepare(series(plan, snapshot, seed)), execution))
