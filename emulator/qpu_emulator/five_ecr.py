"""The second built-in device: five transmons in a line, statically coupled, with echoed cross-resonance gates.

``python -m qpu_emulator.five_ecr`` makes its files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpu_emulator.built_in import BuiltIn

if TYPE_CHECKING:
    from qpu_emulator.chip.device import Device

_FILES = BuiltIn("five_ecr")
device, snapshot = _FILES.device, _FILES.snapshot


def design() -> Device:
    """The truth, written down."""
    from qpu_emulator.chip.device import Device, Resonator, StaticCoupling, Transmon
    from qpu_emulator.chip.line import Line, Settling

    frequencies = (4.998e9, 4.889e9, 5.021e9, 4.912e9, 5.018e9)
    anharmonicities = (-0.334e9, -0.338e9, -0.331e9, -0.336e9, -0.333e9)
    t1 = (187e-6, 151e-6, 204e-6, 168e-6, 142e-6)
    t2 = (121e-6, 133e-6, 158e-6, 97e-6, 118e-6)
    rabi = (61e6, 57e6, 63e6, 59e6, 55e6)
    gain = (0.96, 1.03, 0.98, 1.05, 0.94)
    cable = (1.1, -0.4, 2.6, -1.9, 0.3)
    transmons = tuple(
        Transmon(
            frequency=frequencies[q],
            anharmonicity=anharmonicities[q],
            rabi={f"x{q}": rabi[q]},
            t1=t1[q],
            t2=t2[q],
            quasi_static=700.0,
            one_over_f=300.0,
            thermal=0.006,
        )
        for q in range(5)
    )
    couplers = tuple(StaticCoupling(qubits=(q, q + 1), j=j) for q, j in enumerate((1.9e6, 2.0e6, 1.8e6, 1.9e6)))
    resonators = tuple(
        Resonator(
            qubit=q,
            port="r",
            acquire_port="a",
            frequency=7.11e9 + 0.06e9 * q,
            kappa=2.6e6,
            chi=1.2e6,
            drive=1e8,
            gain=25.0,
            noise=300.0,
            cable_phase=cable[q],
        )
        for q in range(5)
    )
    lines = {f"x{q}": Line(gain=gain[q], settling=(Settling(weight=-1.0, time=0.6e-9),)) for q in range(5)}
    return Device(name="emu_five_ecr", transmons=transmons, couplers=couplers, resonators=resonators, lines=lines)


if __name__ == "__main__":
    _FILES.make(design())
