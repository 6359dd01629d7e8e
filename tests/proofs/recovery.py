"""What a blind bring-up finds of a random chip, beside its hidden truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Waveform
from qpu_bridge.schedule.shapes import cosine_square, drag
from qpu_emulator import five
from qpu_emulator.chip.device import Device, Transmon
from qpu_emulator.windows.pair import Pair
from tests.proofs.blind import PULSE, SIGMA, TAU, bring_up, conditional_phase, find_resonators, static_zz
from tests.proofs.lab import Lab, Values
from tests.proofs.stand import stand

TOLERANCES = {
    "frequency": (500.0, "absolute"),
    "anharmonicity": (60e3, "absolute"),
    "pi amplitude": (0.003, "relative"),
    "drag": (0.08, "relative"),
    "t1": (0.06, "relative"),
    "t2 echo": (0.06, "relative"),
    "t2 ramsey": (0.08, "relative"),
}
"""How far a number may be from the truth, shot noise of some thousand shots and a few dozen noise samples included."""


def random_chip(seed: int) -> Device:
    """A chip like the built-in one, every number of it drawn anew."""
    draw = np.random.default_rng(seed)
    design = five.design()
    transmons = tuple(
        t.model_copy(
            update={
                "frequency": t.frequency + draw.uniform(-25e6, 25e6),
                "anharmonicity": t.anharmonicity + draw.uniform(-10e6, 10e6),
                "rabi": {line: rate * draw.uniform(0.7, 1.4) for line, rate in t.rabi.items()},
                "t1": (t1 := draw.uniform(80e-6, 200e-6)),
                "t2": t1 * draw.uniform(0.5, 1.4),
                "quasi_static": draw.uniform(0.5e3, 4e3),
                # the Ramsey time then has a closed form
                "one_over_f": 0.0,
            }
        )
        for t in design.transmons
    )
    resonators = tuple(
        r.model_copy(
            update={
                "frequency": r.frequency + draw.uniform(-8e6, 8e6),
                "chi": r.chi * draw.uniform(0.8, 1.2),
                "cable_phase": draw.uniform(-np.pi, np.pi),
            }
        )
        for r in design.resonators
    )
    couplers = tuple(
        c.model_copy(update={"g": (g := c.g[0] * draw.uniform(0.95, 1.05), g), "g_direct": c.g_direct * draw.uniform(0.9, 1.1)})
        for c in design.couplers
    )
    return design.model_copy(update={"transmons": transmons, "resonators": resonators, "couplers": couplers})


@dataclass(frozen=True)
class Recovery:
    """What was found, beside the truth.

    Attributes:
        qubits: Name of a number -> found, true, per qubit.
        zz: Found and true, Hz.
        phases: Amplitudes, found and true conditional phase of a flux pulse, rad.
        shots: Played in all.
    """

    qubits: dict[str, NDArray[np.float64]]
    zz: tuple[float, float]
    phases: tuple[Values, Values, Values]
    shots: int


def recover(seed: int, lines: int = 2) -> Recovery:
    """Bring up some qubits of a random chip and one of its couplers."""
    truth = random_chip(seed)
    with stand(truth) as device:
        lab = Lab(device.context.execution.driver, seed)
        resonators = find_resonators(lab, 6.98e9, 7.32e9)
        found = [bring_up(lab, line, resonators, (4.6e9, 5.4e9)) for line in lab.drives[:lines]]
        pair = Pair(truth, truth.couplers[0])
        zz = static_zz(lab, found[0], found[1], 60000, 4000), pair.zz()
        amplitudes, pulse = np.linspace(0.2, 0.5, 31), cosine_square(60, 30)
        phases = conditional_phase(lab, found[0], found[1], lab.fluxes[0], pulse, amplitudes, 4000)
    hidden = truth.transmons[:lines]
    return Recovery(
        {
            "frequency": np.array([(q.f01, t.frequency) for q, t in zip(found, hidden, strict=True)]),
            "anharmonicity": np.array([(q.anharmonicity, t.anharmonicity) for q, t in zip(found, hidden, strict=True)]),
            "pi amplitude": np.array([(q.pi, _pi(t, line)) for q, t, line in zip(found, hidden, lab.drives, strict=False)]),
            "drag": np.array([(q.beta, _beta(t)) for q, t in zip(found, hidden, strict=True)]),
            "t1": np.array([(q.t1, t.t1) for q, t in zip(found, hidden, strict=True)]),
            "t2 echo": np.array([(q.t2_echo, t.t2) for q, t in zip(found, hidden, strict=True)]),
            "t2 ramsey": np.array([(q.t2_ramsey, _ramsey_time(t)) for q, t in zip(found, hidden, strict=True)]),
        },
        zz,
        (amplitudes, phases, np.array([_cphase(pair, pulse, a) for a in amplitudes])),
        lab.shots,
    )


def _pi(transmon: Transmon, line: str) -> float:
    """Area theorem of two levels; DRAG and the third level change it by less than a percent."""
    area = float(np.sum(drag(PULSE, SIGMA, 0.0).expand().real)) * 1e-9
    return 1 / (2 * transmon.rabi[line] * area)


def _beta(transmon: Transmon) -> float:
    """Half of the leakage optimum."""
    return -1 / (2 * TAU * transmon.anharmonicity * 1e-9)


def _ramsey_time(transmon: Transmon) -> float:
    """Time at which ``exp(-t / T2 - (2 pi sigma t)**2 / 2)`` is 1/e, s."""
    rate, slope = 1 / transmon.t2, TAU * transmon.quasi_static
    return float((-rate + np.sqrt(rate**2 + 2 * slope**2)) / slope**2)


def _cphase(pair: Pair, pulse: Waveform, amplitude: float) -> float:
    """Conditional phase of a flux pulse by the propagator alone."""
    unitary, _ = pair.propagate(pair.frequency(amplitude * pulse.samples.real)[None], pulse.repeats, 1e-9)
    kept = unitary[0]
    return float(np.angle(kept[4, 4] * kept[0, 0] / kept[1, 1] / kept[3, 3]))
