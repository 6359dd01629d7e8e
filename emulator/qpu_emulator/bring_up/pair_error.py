"""What a gate on two qubits errs: by its propagator, by relaxation as if the qubits were at rest, by relaxation on the way."""

from __future__ import annotations

import numpy as np

from qpu_emulator.bring_up.recipe import DT
from qpu_emulator.chip.device import Device
from qpu_emulator.scales import Scales
from qpu_emulator.windows.basis import Complex
from qpu_emulator.windows.relaxation import Relaxation
from qpu_emulator.windows.toggling import beyond_rest


def coherent(overlap: complex, kept: float) -> float:
    """Average infidelity of a propagator ``U`` between the four states, beside the wanted ``W`` (Pedersen et al., PLA 367, 47).

    Args:
        overlap: ``tr(W^+ U)``.
        kept: ``tr(U^+ U)``, 4 if nothing leaks.
    """
    return float(1 - (abs(overlap) ** 2 + kept) / 20)


def at_rest(device: Device, qubits: tuple[int, int], ticks: int) -> float:
    """Average infidelity that relaxation makes of so many ticks in which nothing is played."""
    kept = []
    for qubit in qubits:
        transmon, time = device.transmons[qubit], ticks * float(DT)
        kept.append(1 + np.exp(-time / (transmon.t1 or np.inf)) + 2 * np.exp(-time / (transmon.t2 or np.inf)))
    return float((16 - kept[0] * kept[1]) / 20)


def on_the_way(device: Device, qubits: tuple[int, int], noted: Complex, seconds: float) -> float:
    """What relaxation adds to that in a pulse, through states that it passes; arguments as of `beyond_rest`."""
    first, second = (Relaxation.of(device.transmons[qubit], Scales()) for qubit in qubits)
    return beyond_rest(noted, (first, second), seconds)
