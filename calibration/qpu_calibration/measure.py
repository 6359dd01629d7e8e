"""Measuring a plan: the same road as a job's, and data with names."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qpu_bridge.execution import Execution, Pieces, Series
from qpu_bridge.target import Snapshot
from qpu_calibration.page import Target
from qpu_calibration.plan import Kind, Plan
from qpu_calibration.reading import Reading


def series(plan: Plan, snapshot: Snapshot, seed: int | None = None) -> list[Series]:
    """What a device is to play for a plan.

    Args:
        plan: What.
        snapshot: What it was written with.
        seed: Of the first schedule, for simulated devices; each has its own.
    """
    # the numbers' own, not the driver's, which was started with older ones
    delay_s = max(snapshot.timing.default_rep_delay, snapshot.timing.passive_reset)
    return [
        Series(schedule, [table], plan.shots, delay_s, None if seed is None else (seed + number) % 2**63)
        for number, (schedule, table) in enumerate(plan.schedules)
    ]


def play(
    plan: Plan,
    pieces: Pieces,
    execution: Execution,
    *,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[Any]:
    """Play a plan.

    Args:
        plan: What.
        pieces: Its `series`, prepared.
        execution: The road to the device, as for a job.
        cancelled: Asked between chunks; a caller that cannot wait so long aborts the driver as well.
        progress: Told how many of how many schedules are done.

    Returns:
        Of each schedule, ``[schedules, rows, targets, places, rounds, ...]``.

    Raises:
        Cancelled: If ``cancelled`` said so.
        ScheduleError: If the device cannot play a schedule.
    """
    found: list[list[NDArray[Any]]] = [[] for _ in plan.schedules]
    with closing(execution.run_all(pieces, cancelled=cancelled, watched=True)) as chunks:
        for number, chunk in chunks:
            found[number].append(_numbers(plan, chunk))
            if progress is not None and chunk.first_row + chunk.rows == len(plan.schedules[number][1]):
                progress(number + 1, len(plan.schedules))
    # mostly one chunk each, which need not be copied twice
    return np.stack([np.concatenate(parts) if len(parts) > 1 else parts[0] for parts in found])


def _numbers(plan: Plan, chunk: Any) -> NDArray[Any]:
    """The numbers of one chunk, ``[rows, targets, places, rounds, ...]``."""
    if plan.reading is Reading.TRACE:
        # readouts may last differently long
        samples = max(trace.shape[-1] for trace in chunk.raw.values())
        padded = (np.pad(t, [(0, 0), (0, samples - t.shape[-1])], constant_values=np.nan) for _, t in sorted(chunk.raw.items()))
        traces = np.stack(list(padded), axis=1)
        apart = traces.reshape(len(traces), plan.rounds, len(plan.targets), -1, traces.shape[-1])
        return np.moveaxis(apart, 1, 3)
    source = chunk.bits if plan.reading.bits else chunk.mean if plan.reading is Reading.MEAN else chunk.iq
    # columns are written round by round, target by target, place by place
    columns = source.reshape(*source.shape[:-1], plan.rounds, len(plan.targets), -1)
    if plan.reading is Reading.MEAN:
        averaged: NDArray[Any] = np.moveaxis(columns, 1, 3)
        return averaged
    single: NDArray[Any] = np.moveaxis(columns, (3, 4, 2, 1), (1, 2, 3, 4))
    if plan.reading is Reading.POINTS:
        return single
    if plan.reading is Reading.ONES:
        return np.asarray(single.mean(axis=-1))
    weights = 2 ** np.arange(single.shape[2])
    outcome = np.tensordot(single, weights, axes=(2, 0))
    share = np.stack([(outcome == k).mean(axis=-1) for k in range(2 ** single.shape[2])], axis=-1)
    return share[:, :, None]


def dataset(plan: Plan, snapshot: Snapshot, numbers: NDArray[Any]) -> xr.Dataset:
    """Give names to the numbers of a plan.

    Args:
        plan: What was played.
        snapshot: What it was written with; its name and its readout errors go into the data.
        numbers: As of `play`.

    Returns:
        Dimensions: ``qubit`` or ``coupler``, then ``place`` (of couplers), the axes, ``round`` (if measured more than once),
        ``shot``, ``outcome`` or ``sample`` where the reading has them. Units stand in ``attrs["units"]`` of the coordinates.
        Traces that are shorter than others end with NaN.
    """
    steps = [axis.points for axis in plan.stepped]
    sweeps = [axis.points for axis in plan.swept]
    shaped = numbers.reshape(*steps, *sweeps, *numbers.shape[2:])
    own = [axis.dimension for axis in (*plan.stepped, *plan.swept)]
    last = {Reading.POINTS: ["shot"], Reading.JOINT: ["outcome"], Reading.TRACE: ["sample"]}.get(plan.reading, [])
    name, kind = plan.reading.value if plan.reading.bits else "iq", plan.kind.value
    given = [*own, kind, "place", "round", *last]
    # of what there is one only, the dimension goes
    gone = {"place": plan.kind is Kind.QUBIT or plan.reading is Reading.JOINT, "round": plan.rounds == 1}
    order = [kind, "place", *(axis.dimension for axis in plan.axes), "round", *last]
    array = shaped.transpose([given.index(dim) for dim in order])[tuple(0 if gone.get(dim) else slice(None) for dim in order)]
    coords: dict[str, Any] = {kind: [label(target) for target in plan.targets]}
    for axis in plan.axes:
        dims = (axis.dimension,) if axis.values.ndim == 1 else (kind, axis.dimension)
        coords[axis.name] = dims, axis.values, {"units": axis.unit}
    contents: dict[str, Any] = {name: ([dim for dim in order if not gone.get(dim)], array)}
    for field in ("prob_meas1_prep0", "prob_meas0_prep1"):
        beliefs = np.array([[getattr(snapshot.measure(qubit), field) for qubit in target] for target in plan.targets])
        contents[field] = ((kind, "place"), beliefs) if plan.kind is Kind.COUPLER else (kind, beliefs[:, 0])
    contents |= {fact: (kind, values) for fact, values in plan.facts.items()}
    attrs = {"shots": plan.shots, "reading": plan.reading.value, "kind": kind, "calibration_id": snapshot.calibration_id}
    # one call: each assignment to a dataset looks through all that is in it
    return xr.Dataset(contents, coords, attrs)


def label(target: Target) -> int | str:
    """A target as a coordinate: ``3``, or ``"3_4"``."""
    return target[0] if len(target) == 1 else "_".join(map(str, target))


def targets_of(data: xr.Dataset) -> list[Target]:
    """Which qubits or couplers data are of."""
    labels = data[data.attrs["kind"]].values.tolist()
    return [(int(one),) if not isinstance(one, str) else tuple(int(part) for part in one.split("_")) for one in labels]
