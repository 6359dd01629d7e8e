"""A device at another time: its transmons have wandered, and defects have come and gone."""

from __future__ import annotations

import math

import numpy as np

from qpu_emulator.chip.device import Device, Transmon
from qpu_emulator.chip.wander import Defect, Wander, ornstein_uhlenbeck, telegraph

STEP_S = 60.0
"""A device that drifts stands still for so long of its own time, s, and its solved pulses stay valid."""

_PROCESSES = 3
_DEFECTS = 64


def drifts(device: Device) -> bool:
    """Whether anything changes with time."""
    return any(transmon.wander is not None or transmon.defects for transmon in device.transmons)


def at(device: Device, hours: float, scale: float = 1.0) -> Device:
    """The device as it is some time after the numbers in its file held.

    The same device, seed and time always give the same result.

    Args:
        device: With its wanders and defects.
        hours: At least 0.
        scale: Factor on every displacement, also on what a defect does.

    Returns:
        The same chip with other frequencies, Rabi rates, T1 and T2 (pure dephasing stays what it was).
    """
    if scale == 0 or not drifts(device):
        return device
    count = len(device.transmons)
    wanders = [transmon.wander or Wander() for transmon in device.transmons]
    names = np.arange(count * _PROCESSES)
    correlation = np.repeat([wander.hours for wander in wanders], _PROCESSES)
    moved = scale * ornstein_uhlenbeck(device.seed, names, hours, correlation).reshape(count, _PROCESSES)
    near = _near(device, hours)
    transmons = []
    for index, (transmon, wander) in enumerate(zip(device.transmons, wanders, strict=True)):
        here = [defect for number, defect in enumerate(transmon.defects) if near[index, number]]
        shift = wander.frequency * moved[index, 0] + scale * sum(defect.shift for defect in here)
        longer = math.exp(wander.t1 * moved[index, 2])
        rate = transmon.relaxation_rate / longer + scale * sum(defect.relaxation for defect in here)
        transmons.append(_moved(transmon, shift, 1 + wander.amplitude * moved[index, 1], rate))
    return device.model_copy(update={"transmons": tuple(transmons)})


def typical(device: Device) -> Device:
    """The device with the drift of a good laboratory, where its file says nothing of drift.

    Frequencies wander by 1.5 kHz, pi pulses by 0.3 %, T1 by 15 % with a correlation time of 12 h, and one defect per transmon
    takes away 40 % of T1 and 2 kHz for some hours (sizes as in arXiv:1901.04417 and arXiv:1809.01043).
    """
    if drifts(device):
        return device
    transmons = []
    for transmon in device.transmons:
        wander = Wander(frequency=1500.0, amplitude=0.003, t1=0.0 if transmon.t1 is None else 0.15)
        defect = Defect(relaxation=0.67 * transmon.relaxation_rate, shift=2000.0)
        transmons.append(transmon.model_copy(update={"wander": wander, "defects": (defect,)}))
    return device.model_copy(update={"transmons": tuple(transmons)})


def aged(device: Device, hours: float) -> Device:
    """The device after some hours, as a file of its own: its time 0 is then.

    One whose file says nothing of drift ages by the typical one, and says nothing of it afterwards either.

    Args:
        device: Fresh, as it was calibrated.
        hours: At least 0.
    """
    later = at(typical(device), hours)
    near = _near(typical(device), hours)
    transmons = []
    for index, (new, old) in enumerate(zip(later.transmons, device.transmons, strict=True)):
        defects = tuple(
            defect.model_copy(update={"near": bool(near[index, number])}) for number, defect in enumerate(old.defects)
        )
        if defects:
            # what the defects do is added again from now on
            here = [defect for defect in defects if defect.near]
            rate = new.relaxation_rate - sum(defect.relaxation for defect in here)
            new = _moved(new, -sum(defect.shift for defect in here), 1.0, rate)
        transmons.append(new.model_copy(update={"wander": old.wander, "defects": defects}))
    return later.model_copy(update={"transmons": tuple(transmons), "seed": device.seed + 1})


def _near(device: Device, hours: float) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Which defects are near, ``bool[transmons, defects]``."""
    out = np.zeros((len(device.transmons), _DEFECTS), bool)
    places = [(index, number) for index, transmon in enumerate(device.transmons) for number in range(len(transmon.defects))]
    if places:
        found = [device.transmons[index].defects[number] for index, number in places]
        names = np.array([2**32 + index * _DEFECTS + number for index, number in places])
        stay = np.array([defect.near_hours for defect in found])
        absence = np.array([defect.away_hours for defect in found])
        first = np.array([defect.near for defect in found])
        out[tuple(np.array(places).T)] = telegraph(device.seed, names, hours, stay, absence, first)
    return out


def _moved(transmon: Transmon, shift: float, stronger: float, rate: float) -> Transmon:
    t1 = 1 / rate if rate > 0 else None
    t2 = None if transmon.t2 is None else 1 / (rate / 2 + transmon.dephasing_rate)
    return transmon.model_copy(
        update={
            "frequency": transmon.frequency + shift,
            "rabi": {port: rabi * stronger for port, rabi in transmon.rabi.items()},
            "t1": t1,
            "t2": t2,
        }
    )
