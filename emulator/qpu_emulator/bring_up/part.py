"""A solved part of a device: the gates of a qubit or a coupler, or a readout; kept on disk between one making and the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError

from qpu_bridge.schedule import Document
from qpu_bridge.target.gate import GateSpec
from qpu_bridge.target.qubit import MeasureSpec
from qpu_bridge.target.shape import Shape
from qpu_emulator.bring_up.conditional import coupler_gates
from qpu_emulator.bring_up.discrimination import solve_measure
from qpu_emulator.bring_up.echoed import direction, ecr_gate
from qpu_emulator.bring_up.recipe import Recipe, wait
from qpu_emulator.bring_up.rotation import qubit_gates
from qpu_emulator.cache import Cache, key
from qpu_emulator.chip.device import Coupling, Device, StaticCoupling


class Part(Document):
    """What is solved together.

    Attributes:
        gates: Of a qubit or a coupler.
        measures: Of a resonator.
        waveforms: Their envelopes, by name.
    """

    gates: tuple[GateSpec, ...] = ()
    measures: tuple[MeasureSpec, ...] = ()
    waveforms: dict[str, Shape] = {}


class Parts:
    """Solves the parts of a device, or finds them solved.

    Args:
        device: The truth.
        date: When the calibration is said to have been made.
        recipe: How long pulses are.
        cache: Where solved parts are kept on disk; None for nowhere.
    """

    def __init__(self, device: Device, date: datetime, recipe: Recipe, cache: Cache | None) -> None:
        self._device, self._date, self._recipe, self._cache = device, date, recipe, cache

    def rotations(self, qubit: int) -> Part:
        """Gates of a qubit."""
        device, ticks = self._device, self._recipe.drive_of(qubit)
        line = device.line_of(qubit)
        own: dict[str, Shape] = {}

        def solve() -> Part:
            return Part(gates=tuple(qubit_gates(device, qubit, self._recipe, own, self._date)), waveforms=own)

        return self._kept(
            ["rotations", qubit, device.transmons[qubit], device.reach(qubit)[line], ticks, self._lines(line)], solve
        )

    def entangling(self, coupler: Coupling, singles: Mapping[int, Part]) -> Part:
        """Gates of a coupler.

        Args:
            coupler: Which.
            singles: Gates of its qubits.
        """
        device, recipe, date = self._device, self._recipe, self._date
        enters: list[object] = [coupler, [device.transmons[qubit] for qubit in coupler.qubits]]
        if not isinstance(coupler, StaticCoupling):
            tunable, own = coupler, dict[str, Shape]()
            enters += ["conditional", recipe.flux, recipe.flux_of(coupler.qubits), self._lines(coupler.port)]
            return self._kept(enters, lambda: Part(gates=tuple(coupler_gates(device, tunable, recipe, own, date)), waveforms=own))
        static, (control, _) = coupler, direction(device, coupler)
        flip = next(gate for gate in singles[control].gates if gate.name == "x").model_copy(update={"calibrated_at": None})
        own = dict(singles[control].waveforms)
        enters += ["echoed", recipe.cross, recipe.cross_of(coupler.qubits), recipe.drive_of(control), recipe.rotary, flip, own]
        enters += [device.reach(qubit) for qubit in coupler.qubits]
        enters += self._lines(*(device.line_of(qubit) for qubit in coupler.qubits))
        return self._kept(enters, lambda: Part(gates=(ecr_gate(device, static, recipe, own, flip, date),), waveforms=own))

    def readout(self, index: int) -> Part:
        """Measurement by a resonator."""
        device, resonator = self._device, self._device.resonators[index]
        lengths = self._recipe.readout_of(resonator.qubit)
        own: dict[str, Shape] = {}

        def solve() -> Part:
            return Part(measures=(solve_measure(device, index, lengths, own),), waveforms=own)

        return self._kept(["readout", resonator, device.transmons[resonator.qubit], *lengths], solve)

    def _lines(self, *ports: str) -> list[object]:
        return [wait(self._device), *((port, self._device.lines.get(port)) for port in ports)]

    def _kept(self, enters: Sequence[object], solve: Callable[[], Part]) -> Part:
        name = key(*enters)
        text = None if self._cache is None else self._cache.find(name)
        if text is not None:
            try:
                found = Part.model_validate_json(text)
            except ValidationError:
                pass
            else:
                gates = tuple(gate.model_copy(update={"calibrated_at": self._date}) for gate in found.gates)
                return found.model_copy(update={"gates": gates})
        solved = solve()
        if self._cache is not None:
            self._cache.keep(name, solved.model_dump_json().encode())
        return solved
