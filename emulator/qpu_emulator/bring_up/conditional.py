"""Bring-up of a tunable coupler: flux pulses for cz and every angle of rzz."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.polynomial import Chebyshev

from qpu_bridge.errors import SettingsError
from qpu_bridge.target.gate import Curve, GateSpec, PhaseSpec, PulseSpec
from qpu_bridge.target.shape import CosineSquareShape, Shape, waveform
from qpu_emulator.bring_up.pair_error import at_rest, coherent, on_the_way
from qpu_emulator.bring_up.recipe import DT, Recipe, wait
from qpu_emulator.chip.device import Device, TunableCoupler
from qpu_emulator.chip.line import IDEAL
from qpu_emulator.windows.basis import Complex, Real
from qpu_emulator.windows.pair import Pair

_TAU = 2 * np.pi
_BELOW, _COARSE, _NODES = -0.3, 41, 48
_BEYOND = np.pi + 0.2
_NEWTON = 5
_KEPT = [0, 3, 1, 4]
ANGLES = np.pi / 2 * np.linspace(0, 1, 33) ** 2
"""Angles of rzz at which its pulse is known, rad."""


class Conditional:
    """Phases that a flux pulse leaves, as functions of its amplitude.

    Args:
        device: The truth.
        coupler: Which.
        recipe: How long the pulse is.
        waveforms: The envelope is added.

    Attributes:
        waveform: Name of the envelope: ``flux``, with its length where that is not the usual one.
        ticks: Its length.

    Raises:
        SettingsError: If no amplitude gives a phase of pi.
    """

    def __init__(self, device: Device, coupler: TunableCoupler, recipe: Recipe, waveforms: dict[str, Shape]) -> None:
        self.ticks = recipe.flux_of(coupler.qubits)
        self.waveform = "flux" if self.ticks == recipe.flux else f"flux{self.ticks}"
        shape = CosineSquareShape(shape="cosine_square", duration=self.ticks, rise=min(30, self.ticks // 2))
        waveforms[self.waveform] = shape
        self._device, self._pair = device, Pair(device, coupler)
        line = device.lines.get(coupler.port, IDEAL)
        self._samples, self._repeats = line.respond(waveform(shape), float(DT))
        coarse, found = np.linspace(0.0, 1.0, _COARSE), np.zeros((3, 0))
        past: list[int] = []
        for few in np.array_split(coarse, 5):
            found = np.concatenate([found, self.phases(few)], axis=1)
            seen = np.unwrap(found, axis=1)
            past = np.flatnonzero(seen[2] - seen[2, 0] < -_BEYOND).tolist()
            if past:
                break
        if not past:
            raise SettingsError(
                "a coupler must reach a conditional phase of pi within full flux",
                given=f"{seen[2].min():.2f} rad",
                where=str(coupler.qubits),
            )
        self._domain = (_BELOW, float(coarse[past[0]]))
        # nodes of a polynomial; around rest all phases are small, so that they are known without their turns there
        nodes = np.polynomial.chebyshev.chebpts1(_NODES)
        amplitudes = (nodes + 1) / 2 * (self._domain[1] - self._domain[0]) + self._domain[0]
        found = np.unwrap(self.phases(amplitudes), axis=1)
        rest = int(np.argmin(np.abs(amplitudes)))
        found -= np.round(found[:, rest : rest + 1] / _TAU) * _TAU
        self.first, self.second, self.both = (Chebyshev.fit(amplitudes, part, _NODES - 1, self._domain) for part in found)

    def phases(self, amplitudes: Real) -> Real:
        """Phase of the first and the second qubit alone and the conditional phase, rad within a turn, ``float[3, n]``."""
        final = self._played(amplitudes)
        first, second, both = (np.angle(final[:, s, s] / final[:, 0, 0]) for s in (1, 2, 3))
        return np.stack([first, second, both - first - second])

    def _played(self, amplitudes: Real) -> Complex:
        """What pulses do to |00>, |10>, |01> and |11>, ``complex[n, 4, 4]``."""
        return self._pair.computational(self._frequency(amplitudes), self._repeats, float(DT))[:, _KEPT][..., _KEPT]

    def _frequency(self, amplitudes: Real) -> Real:
        """Of the coupler, Hz, ``float[n, runs]``."""
        return self._pair.frequency(np.multiply.outer(amplitudes, self._samples.real))

    def exact(self) -> tuple[float, tuple[float, float], float]:
        """Of cz: the amplitude, the virtual Z after it, rad, and the average infidelity without relaxation.

        The polynomials know it to milliradians, which is little, but not beside an error of 1e-3 that is to be met.
        """
        amplitude = float(self.amplitudes(np.array([-np.pi]))[0])
        for _ in range(2):
            missed = np.angle(np.exp(1j * (self.phases(np.array([amplitude]))[2, 0] + np.pi)))
            amplitude -= float(missed / self.both.deriv()(amplitude))
        amplitude = float(np.round(amplitude, 9))
        first, second = (float(np.round(-turn, 9)) for turn in self.phases(np.array([amplitude]))[:2, 0])
        (final,) = self._played(np.array([amplitude]))
        wanted = np.exp(1j * np.array([0, -first, -second, np.pi - first - second]))
        kept = float(np.vdot(final, final).real)
        return amplitude, (first, second), coherent(complex(np.vdot(wanted, np.diag(final))), kept)

    def relaxation(self, amplitude: float) -> float:
        """Average infidelity that relaxation adds to a pulse of some amplitude, beyond what it does at rest."""
        _, noted = self._pair.propagate(self._frequency(np.array([amplitude])), self._repeats, float(DT))
        return on_the_way(self._device, self._pair.coupler.qubits, noted[0], float(self._repeats.sum() * DT))

    def amplitudes(self, phases: Real) -> Real:
        """Amplitudes that give conditional phases of 0 to ``-pi``, rad."""
        tries = np.linspace(*self._domain, 400)
        known = self.both(tries)
        # below rest, ZZ falls to zero somewhere: after the last amplitude at which the phase is not negative, it only falls
        falls = slice(np.flatnonzero(known >= 0)[-1], None)
        found = np.interp(-phases, -known[falls], tries[falls])
        for _ in range(_NEWTON):
            found -= (self.both(found) - phases) / self.both.deriv()(found)
        return np.asarray(found)


def coupler_gates(
    device: Device, coupler: TunableCoupler, recipe: Recipe, waveforms: dict[str, Shape], date: datetime
) -> list[GateSpec]:
    """Both gates of a coupler; the envelope is added to the waveforms."""
    pulse = Conditional(device, coupler, recipe, waveforms)
    amplitudes = pulse.amplitudes(-2 * ANGLES)
    # what the pulse does to each qubit alone is undone by virtual Z
    first, second = (ANGLES - part(amplitudes) for part in (pulse.first, pulse.second))
    ticks = pulse.ticks + wait(device)
    error = at_rest(device, coupler.qubits, ticks)

    def gate(name: str, amplitude: float | Curve, turns: list[float | Curve]) -> GateSpec:
        return GateSpec(
            name=name,
            qubits=coupler.qubits,
            duration=ticks,
            error=error,
            pulses=(PulseSpec(frame=coupler.port, waveform=pulse.waveform, amplitude=amplitude),),
            phases=tuple(PhaseSpec(qubit=q, angle=turn) for q, turn in zip(coupler.qubits, turns, strict=True)),
            calibrated_at=date,
        )

    def curve(values: Real) -> Curve:
        return Curve(angle=tuple(ANGLES.tolist()), value=tuple(np.round(values, 9).tolist()))

    amplitude, local, infidelity = pulse.exact()
    own = error + infidelity + pulse.relaxation(amplitude)
    return [
        gate("cz", amplitude, list(local)).model_copy(update={"error": own}),
        gate("rzz", curve(amplitudes), [curve(first), curve(second)]),
    ]
