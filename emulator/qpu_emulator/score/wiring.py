"""Where the lines of a device lead, looked up once for all schedules."""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np

from qpu_bridge.schedule import NONE, Port, PortKind
from qpu_emulator.chip.device import Device, StaticCoupling, TunableCoupler
from qpu_emulator.score.actions import DRIVE, FLUX, READOUT


class Wiring:
    """Targets of a device's lines: transmons, then couplers, then resonators.

    Args:
        device: The chip.

    Attributes:
        static: Couplers that are constant.
        couplers: Qubit -> couplers that it has.
        resonators: Port -> frequency in Hz and index of the resonators on it, ascending.
        reading: Qubit -> its resonator.
        targets: ``int[targets, 4]``: kind of what acts on each, its index in the device, first and last qubit.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._homes: dict[str, int] = {}
        self._flux = {coupler.port: index for index, coupler in enumerate(device.couplers) if isinstance(coupler, TunableCoupler)}
        self.static = {index for index, coupler in enumerate(device.couplers) if isinstance(coupler, StaticCoupling)}
        self.couplers: dict[int, list[int]] = {}
        for index, coupler in enumerate(device.couplers):
            for qubit in coupler.qubits:
                self.couplers.setdefault(qubit, []).append(index)
        self.reading = {resonator.qubit: resonator for resonator in device.resonators}
        self.resonators: dict[str, list[tuple[float, int]]] = {}
        for index, resonator in enumerate(device.resonators):
            for port in {resonator.port, resonator.acquire_port}:
                insort(self.resonators.setdefault(port, []), (resonator.frequency, index))
        targets = [(DRIVE, qubit, qubit, qubit) for qubit in range(len(device.transmons))]
        targets += [(FLUX, index, *coupler.qubits) for index, coupler in enumerate(device.couplers)]
        self._readout = len(targets)
        targets += [(READOUT, index, one.qubit, one.qubit) for index, one in enumerate(device.resonators)]
        self.targets = np.array(targets, np.int64)

    def qubits(self, kind: int, where: int) -> tuple[int, ...]:
        """On which qubits an action of some kind is (`actions.KINDS`)."""
        if kind in (DRIVE, READOUT):
            return (where if kind == DRIVE else self._device.resonators[where].qubit,)
        return self._device.couplers[where].qubits

    def home(self, port: Port) -> int:
        """The target of all plays of a line: the transmon that it drives most strongly, or its coupler; NONE if there is none."""
        if port.name not in self._homes:
            self._homes[port.name] = self._found(port)
        return self._homes[port.name]

    def nearest(self, port: str, frequency: float) -> int:
        """The target of what is played or captured on a readout line: the resonator nearest to a frequency in Hz, or NONE."""
        lined = self.resonators.get(port, [])
        place = bisect_left(lined, (frequency, 0))
        near = [(abs(there - frequency), index) for there, index in lined[max(place - 1, 0) : place + 1]]
        return self._readout + min(near)[1] if near else NONE

    def _found(self, port: Port) -> int:
        if port.kind is PortKind.DRIVE:
            driven = self._device.driven_by(port.name)
            return NONE if driven is None else driven
        coupler = self._flux.get(port.name) if port.kind is PortKind.FLUX else None
        return NONE if coupler is None else len(self._device.transmons) + coupler
