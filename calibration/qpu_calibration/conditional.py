"""The phase that gates leave on one qubit of a coupler while the other is 0 or 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qpu_bridge.target import Snapshot, waveform
from qpu_calibration import bloch
from qpu_calibration.axis import Axis, Reach, Values
from qpu_calibration.edit import drag_pulse, flux_pulse, known_gate
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Played, Target
from qpu_calibration.plan import Point
from qpu_calibration.reach import amplitude_range

OTHER = Axis("other", np.array([0.0, 1.0]), stepped=True)
"""Level of the qubit that is not looked at."""
LEAST = 0.4
"""Length of a Bloch vector below which its direction is not believed."""
UNSURE = 0.3
"""Error of a direction, rad, above which it is not: shots leave a tenth of that."""


def play(page: Page, at: Point, of: int, gates: int, played: Played | None = None) -> None:
    """One qubit on the equator at +x, the other in the level of the point; some ``cz``; where has it turned?

    Args:
        page: To write on.
        at: Names ``other`` and ``side``.
        of: Place of the qubit on the equator.
        gates: How many.
        played: With other pulses.
    """
    if at.number("other"):
        page.x(of=1 - of)
    page.sx(phase=np.pi / 2, of=of)
    page.barrier()
    page.gate("cz", played=played, times=gates)
    page.barrier()
    bloch.look(page, at["side"], of)
    page.measure()


def reach(snapshot: Snapshot, targets: Sequence[Target]) -> Reach:
    """How far the amplitude of ``cz`` may go."""
    pulses = [flux_pulse(snapshot, pair) for pair in targets]
    shapes = [waveform(snapshot.waveforms[pulse.waveform]) for pulse in pulses]
    return amplitude_range(snapshot, [pulse.frame for pulse in pulses], shapes)


def turned(data: Measured, of: int) -> tuple[Values, Values, Values]:
    """Phase in rad within half a turn, its standard error, and the length of the vector; of data of one target."""
    vector, sigma = bloch.vector(data.at(place=of))
    phase, error = bloch.angle(vector, sigma)
    return phase, error, np.hypot(vector[..., 0], vector[..., 1])


def parted(phase: Values, error: Values) -> tuple[Values, Values]:
    """Phase with the other qubit in 1 less that with it in 0, rad within half a turn; ``other`` is the first dimension."""
    return bloch.wrap_phase(phase[1] - phase[0]), np.hypot(error[0], error[1])


def exposed(snapshot: Snapshot, qubit: int) -> float:
    """How long on the equator the pulses of `play` around the gates are worth to a qubit, s."""
    (pulse, shape), gate = drag_pulse(snapshot, qubit, "sx"), known_gate(snapshot, "sx", (qubit,))
    played = shape.duration * float(snapshot.port(snapshot.frame(pulse.frame).port).dt)
    # into the equator, the rest of that gate, and out again
    return 2 * bloch.exposed(snapshot, qubit) + gate.duration * float(snapshot.timing.dt) - played


def parabola(x: Values, slope: float, bend: float, amplitude: float) -> Values:
    """Phase against amplitude around its zero."""
    return slope * (x - amplitude) + bend * (x - amplitude) ** 2
