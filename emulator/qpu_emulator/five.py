"""The built-in device: five transmons in a line with tunable couplers; ``python -m qpu_emulator.five`` makes its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpu_emulator.built_in import BuiltIn

if TYPE_CHECKING:
    from qpu_emulator.chip.device import Device

_FILES = BuiltIn("five")
device, snapshot = _FILES.device, _FILES.snapshot


def design() -> Device:
    """The truth, written down."""
    from qpu_emulator.chip.device import Device, Resonator, Transmon, TunableCoupler

    frequencies = (5.021e9, 4.858e9, 5.034e9, 4.872e9, 5.047e9)
    anharmonicities = (-0.312e9, -0.306e9, -0.315e9, -0.308e9, -0.310e9)
    t1 = (142e-6, 118e-6, 165e-6, 127e-6, 151e-6)
    t2 = (121e-6, 98e-6, 137e-6, 104e-6, 126e-6)
    quasi_static = (0.9e3, 1.1e3, 0.8e3, 1.2e3, 1.0e3)
    rabi = (52e6, 48e6, 55e6, 50e6, 46e6)
    cable = (0.7, 2.1, -1.3, 1.6, -2.4)
    transmons = tuple(
        Transmon(
            frequency=frequencies[q],
            anharmonicity=anharmonicities[q],
            rabi={f"d{q}": rabi[q]},
            t1=t1[q],
            t2=t2[q],
            quasi_static=quasi_static[q],
            one_over_f=350.0,
            thermal=0.004,
        )
        for q in range(5)
    )
    couplers = tuple(
        TunableCoupler(
            qubits=(q, q + 1),
            port=f"c{q}{q + 1}",
            maximum=5.4e9,
            anharmonicity=-0.2e9,
            idle_flux=idle,
            flux_per_amplitude=-0.2,
            g=(90e6, 90e6),
            g_direct=-10e6,
        )
        for q, idle in enumerate((0.3005, 0.3005, 0.2985, 0.299))
    )
    resonators = tuple(
        Resonator(
            qubit=q,
            port="r",
            acquire_port="a",
            frequency=7.02e9 + 0.06e9 * q,
            kappa=2.4e6,
            chi=1.15e6,
            drive=1e8,
            gain=25.0,
            noise=300.0,
            cable_phase=cable[q],
        )
        for q in range(5)
    )
    return Device(name="emu_five", transmons=transmons, couplers=couplers, resonators=resonators)


if __name__ == "__main__":
    _FILES.make(design())
