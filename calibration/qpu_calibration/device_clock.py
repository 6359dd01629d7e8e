"""What time it is on a device: only the time stamps of results tell."""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import SettingsError
from qpu_calibration.axis import Axis
from qpu_calibration.bench import Bench
from qpu_calibration.plan import write
from qpu_calibration.reading import Reading


def read_device_clock(bench: Bench) -> int:
    """Measure one qubit once, for the time stamp: the shortest that every device can play.

    Returns:
        The device's clock, ns.

    Raises:
        Cancelled: If somebody wanted the device back.
        SettingsError: If the device has no qubit.
    """
    qubits = sorted(bench.snapshot.qubits, key=lambda qubit: not qubit.operational)
    if not qubits:
        raise SettingsError("a device must have a qubit to be heard", given="none", where=bench.snapshot.device)
    once = Axis("once", np.zeros(1))
    schedules, _ = write(bench.snapshot, [(qubits[0].index,)], [once], lambda page, at: page.measure(), Reading.ONES)
    for schedule, table in schedules:
        for _ in bench.execution.run(schedule, [table], 1, seed=bench.seed, cancelled=bench.cancelled):
            pass
    assert bench.execution.device_ns is not None
    return bench.execution.device_ns
