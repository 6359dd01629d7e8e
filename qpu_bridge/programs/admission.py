"""What must hold before a program may be queued: said at submission, not after an hour in the queue."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CONTROL_FLOW_OP_NAMES

from qpu_bridge.errors import BadRequest, TooLarge, UnsupportedOption
from qpu_bridge.lowering import LoweringOptions, MeasLevel, check, column_of, lower
from qpu_bridge.programs.boxing import decides
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.options import ExecuteOptions
from qpu_bridge.schedule import Discriminator
from qpu_bridge.schedule.check import features_of
from qpu_bridge.target.limits import MAX_CIRCUITS, MAX_INSTRUCTIONS, MAX_ROWS

_FRACTIONAL = frozenset({"rx", "rzz"})
"""Gates whose angle has bounds, which a parameter may leave."""

_ROWS_TRIED = 4096


def admit_circuits(circuits: Iterable[QuantumCircuit], device: DeviceView) -> None:
    """Check that every circuit is made of what the machine has.

    Raises:
        NotNative: If not; names the gate and the qubit.
        TooLarge: If a circuit is too wide, too large or too long, or there are too many.
        BadRequest: If there is no circuit.
    """
    count = 0
    for count, circuit in enumerate(circuits, 1):
        if count > MAX_CIRCUITS:
            raise TooLarge(f"a job may hold at most {MAX_CIRCUITS} circuits", given="more", where="circuits")
        size = _instructions(circuit)
        if size > MAX_INSTRUCTIONS:
            raise TooLarge(
                f"a circuit may hold at most {MAX_INSTRUCTIONS} instructions", given=size, where=f"circuit {count - 1}"
            )
        check(circuit, device.snapshot)
    if not count:
        raise BadRequest("a job must hold at least one circuit", given=0)


def _instructions(circuit: QuantumCircuit) -> int:
    """Instructions, bodies of branches and loops counted once."""
    bodies = (body for name in CONTROL_FLOW_OP_NAMES for op in circuit.get_instructions(name) for body in op.operation.blocks)
    return len(circuit.data) + (sum(_instructions(body) for body in bodies) if circuit.has_control_flow_op() else 0)


def admit_shots(shots: int, device: DeviceView) -> None:
    """Check the number of shots of one circuit.

    Raises:
        TooLarge: If there are too many.
    """
    limit = min(device.snapshot.max_shots, device.capabilities.limits.max_shots)
    if shots > limit:
        raise TooLarge(f"a circuit may have at most {limit} shots on {device.name}", given=shots, where="shots")


def admit_rows(rows: int) -> None:
    """Check how often a circuit is to be played with other numbers (parameter sets x randomizations).

    Raises:
        TooLarge: If it is too often.
    """
    if rows > MAX_ROWS:
        raise TooLarge(f"a circuit may have at most {MAX_ROWS} sets of arguments, randomizations included", given=rows)


def admit_options(options: ExecuteOptions, device: DeviceView) -> None:
    """Check options against the machine.

    Raises:
        BadRequest: If a number is out of the machine's range.
    """
    options.wait_s(device.snapshot)


def admit_twirling(circuits: Iterable[QuantumCircuit], *, gates: bool, measurements: bool, folding: bool) -> None:
    """Check that circuits can be twirled and folded.

    Args:
        circuits: The circuits.
        gates: Whether gates are to be twirled.
        measurements: Whether measurements in the circuit are; those that an estimator adds at the end can always be.
        folding: Whether gates are to be folded.

    Raises:
        UnsupportedOption: If a circuit decides something while it runs.
    """
    for option, asked, why in (
        ("twirling.enable_gates", gates, "the twirl of a gate would have to be undone in every branch"),
        ("twirling.enable_measure", measurements, "the twirled bit would choose the branch"),
        ("resilience.zne_mitigation", folding, "gates inside of branches are not amplified"),
    ):
        for index, circuit in enumerate(circuits) if asked else ():
            if decides(circuit):
                raise UnsupportedOption(
                    f"option {option} needs circuits without control flow, store, reset_2 and measure_reset: {why}",
                    given=True,
                    where=f"circuit {index}",
                )


def admit_level(level: MeasLevel, device: DeviceView) -> None:
    """Check that the device can return what a measurement is to give.

    Raises:
        UnsupportedOption: If it cannot; names the feature that it lacks.
    """
    for feature in features_of(column_of("meas", level, Discriminator(0.0, 0.0))):
        if feature not in device.capabilities.limits.features:
            raise UnsupportedOption(
                f"measurements that are returned as {level} need a device with the feature {feature.value}",
                given=f"{device.name}, which has {', '.join(sorted(device.capabilities.limits.features)) or 'none'}",
                where="meas_level",
            )


def admit_angles(bound: Iterable[tuple[QuantumCircuit, NDArray[np.float64]]], device: DeviceView) -> None:
    """Check the angles that arguments (``float64[..., parameters]``) give to fractional gates.

    Raises:
        NotNative: If an angle is out of the gate's range.
    """
    for circuit, arguments in bound:
        if arguments.size and _swept(circuit):
            lowered = lower(circuit, device.snapshot, device.capabilities.limits, LoweringOptions())
            values = arguments.reshape(-1, circuit.num_parameters)
            for first in range(0, len(values), _ROWS_TRIED):
                lowered.slot_map.bind(values[first : first + _ROWS_TRIED])


def _swept(circuit: QuantumCircuit) -> bool:
    return bool(circuit.num_parameters) and any(
        instruction.operation.name in _FRACTIONAL and instruction.operation.is_parameterized() for instruction in circuit.data
    )
