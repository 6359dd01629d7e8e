"""Bring-up of the echoed cross-resonance gate: two halves of opposite sign, an x on the control between them."""

from __future__ import annotations

import cmath
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy.optimize import least_squares

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Waveform
from qpu_bridge.target.gate import GateSpec, PhaseSpec, PulseSpec
from qpu_bridge.target.shape import DragShape, GaussianSquareShape, Shape, waveform
from qpu_emulator.bring_up.pair_error import at_rest, coherent, on_the_way
from qpu_emulator.bring_up.recipe import DT, GRAIN, Recipe, wait
from qpu_emulator.bring_up.rotation import rotate
from qpu_emulator.chip.device import Coupling, Device, StaticCoupling
from qpu_emulator.chip.line import IDEAL
from qpu_emulator.windows.basis import Complex, Real
from qpu_emulator.windows.static_pair import StaticPair
from qpu_emulator.windows.tones import Tone, combine

_TAU = 2 * np.pi
_EDGE, _CROSS_SIGMA = 40, 13.0
_KEPT = [0, 1, 4, 5]
_THREE = [4 * a + b for a in range(3) for b in range(3)]
_TIE, _ENOUGH, _TRIES, _SAME = 1e-3, 0.02, 60, 1e-13
_KNOWN = 8
_WEAK = 40.0
"""Amplitude times ticks of half an echoed gate to start from."""
_X, _Y, _ONE = np.array([[0, 1], [1, 0]], complex), np.array([[0, -1j], [1j, 0]]), np.eye(2, dtype=complex)
ECR = (np.kron(_X, _ONE) - np.kron(_Y, _X)) / np.sqrt(2)
"""Control times target: RZX(pi/4), then X on the control, then RZX(-pi/4)."""


@dataclass(frozen=True, slots=True)
class Echo:
    """The numbers of an echoed cross-resonance gate.

    Attributes:
        amplitude: Of the tone on the control's line; the second half is played with the opposite sign.
        phase: Of that tone in each half, rad.
        rotary: Amplitude of the tone on the target's own line.
        rotary_phase: Of that tone in each half, rad.
        turns: Virtual Z of control and target at the end, rad.
        infidelity: Average gate infidelity without relaxation.
    """

    amplitude: float
    phase: tuple[float, float]
    rotary: float
    rotary_phase: tuple[float, float]
    turns: tuple[float, float]
    infidelity: float


class EchoedPair:
    """What an echoed gate does, as a function of its numbers.

    Args:
        device: The truth.
        coupler: The pair.
        control: Its control.
        half: Envelope of each half.
        flip: What the x between the halves does to the control in its frame, ``complex[2, 2]``.
        flip_ticks: How long that takes.
        dt: Tick in s.
    """

    def __init__(
        self, device: Device, coupler: StaticCoupling, control: int, half: Waveform, flip: Complex, flip_ticks: int, dt: float
    ) -> None:
        self._pair = StaticPair(device, coupler)
        self._device, self._qubits = device, coupler.qubits
        self._swapped = coupler.qubits[0] != control
        target = sum(coupler.qubits) - control
        self._frequencies = (device.transmons[control].frequency, device.transmons[target].frequency)
        ports = [device.line_of(control), device.line_of(target)]
        delays = [device.lines.get(port, IDEAL).delay for port in ports]
        early = min(round(delay / dt) for delay in delays)
        # axes are those that the target's own line gives, delayed as it is
        self._late = _TAU * (self._frequencies[1] * (delays[0] - delays[1]) % 1.0)
        tones = tuple(Tone(half, dt, (round(delay / dt) - early) * dt, port) for port, delay in zip(ports, delays, strict=True))
        # each tone alone, at full amplitude: both add up
        alone = np.zeros((2, 2, 3))
        alone[[0, 1], [0, 1], 0] = 1.0
        reach = [device.reach(qubit) for qubit in coupler.qubits]
        self._alone, self._repeats, self._step = combine(tones, alone, reach, device.lines)
        self._known: dict[tuple[float, float, float], Complex] = {}
        self._second = (half.duration + flip_ticks) * dt
        turn = np.diag([1, 1, 1, np.exp(-1j * np.pi * self._pair.zz() * flip_ticks * dt)])
        self._flip = turn @ np.kron(flip, _ONE) @ turn

    def half(self, amplitude: float, phase: float, rotary: float, apart: float) -> Complex:
        """The first half at time 0, ``complex[4, 4]``, control times target.

        Args:
            amplitude: Of the tone across.
            phase: Of that tone, rad.
            rotary: Amplitude of the rotary tone.
            apart: Its phase beyond that of the other, rad.
        """
        key = amplitude, rotary, apart
        if key not in self._known:
            # a change of both phases only turns what is known: of the slopes of a fit the dearest are wanted once
            self._known = dict([*self._known.items()][-_KNOWN:]) | {key: self._driven(amplitude, rotary, apart)}
        # the first tone gives the frame of the window: its phase comes back as a virtual Z on both
        own = phase + self._late
        return _about(self._known[key], own, own)

    def _driven(self, amplitude: float, rotary: float, apart: float) -> Complex:
        """The same for a first tone of phase zero where it arrives."""
        unitary = self._propagated(amplitude, rotary, apart, _KEPT)[0][_KEPT]
        order = [0, 2, 1, 3] if self._swapped else [0, 1, 2, 3]
        return np.asarray(unitary[np.ix_(order, order)])

    def _propagated(self, amplitude: float, rotary: float, apart: float, kept: list[int]) -> tuple[Complex, Complex]:
        """Where some states are at the end, ``complex[16, kept]``, and on the way, ``complex[q, 16, kept]``."""
        samples = amplitude * self._alone[:1] + rotary * np.exp(1j * (apart - self._late)) * self._alone[1:]
        carrier = np.array([self._frequencies[1]])
        final, noted = self._pair.propagate(samples, self._repeats, self._step, carrier, kept)
        return final[0], noted[0]

    def whole(self, amplitude: float, phase: float, rotary: float, apart: float, late: float) -> Complex:
        """The gate; ``late`` is what the second half's tones have in phase beyond the opposite sign."""
        first = self.half(amplitude, phase, rotary, apart)
        extra = np.pi + late
        control = extra - _TAU * ((self._frequencies[1] - self._frequencies[0]) * self._second % 1.0)
        return np.asarray(_about(first, control, extra) @ self._flip @ first)

    def relaxation(self, echo: Echo) -> float:
        """Average infidelity that relaxation adds to both halves, beyond what it does at rest."""
        _, noted = self._propagated(echo.amplitude, echo.rotary, echo.rotary_phase[0] - echo.phase[0], _THREE)
        return 2 * on_the_way(self._device, self._qubits, noted[:, _THREE], float(self._repeats.sum()) * self._step)

    def solve(self, strength: float, rotaries: tuple[float, ...]) -> Echo:
        """Find the best numbers.

        Args:
            strength: Amplitude to start from.
            rotaries: Amplitudes of the rotary tone to start from.
        """
        bare = self.half(strength, 0.0, 0.0, 0.0)
        # conditional turns of the target give the axis and the angle of ZX
        axis, angle = _conditional(bare)
        strength *= (np.pi / 4) / angle
        scale = np.array([strength, 1.0, 0.02, 1.0, 0.1])

        def wrong(x: Real, start: Real) -> Real:
            # numbers that hardly matter stay where they start; for the same reason fits end early
            return np.concatenate([_differences(self.whole(*(x * scale))), _TIE * (x - start)])

        starts = [np.array([1.0, -axis, rotary / 0.02, axis, 0.0]) for rotary in rotaries]
        found = (least_squares(wrong, start, args=(start,), ftol=_ENOUGH, max_nfev=_TRIES) for start in starts)
        best = min(found, key=lambda one: float(one.cost))
        amplitude, phase, rotary, apart, late = np.round(best.x * scale, 9)
        infidelity, turns = _best_turns(self.whole(amplitude, phase, rotary, apart, late))
        rotary_phase = phase + apart
        return Echo(
            float(amplitude),
            (float(phase), float(phase + late)),
            float(rotary),
            (float(rotary_phase), float(rotary_phase + late)),
            turns,
            infidelity,
        )


def direction(device: Device, coupler: Coupling) -> tuple[int, int]:
    """Control and target: the higher transmon controls, so that the drive lies between its f01 and f12."""
    low, high = sorted(coupler.qubits, key=lambda qubit: device.transmons[qubit].frequency)
    return high, low


def ecr_gate(
    device: Device, coupler: StaticCoupling, recipe: Recipe, waveforms: dict[str, Shape], x: GateSpec, date: datetime
) -> GateSpec:
    """The gate of a pair; the envelope of its halves is added to the waveforms, which hold that of the control's x.

    Raises:
        SettingsError: If it takes more than full scale.
    """
    control, target = direction(device, coupler)
    ports = [device.line_of(control), device.line_of(target)]
    # tones that arrive at different times must not reach into the x between the halves
    early, late = sorted(device.lines.get(port, IDEAL).delay for port in ports)
    apart = round((late - early) / float(DT))
    cross = recipe.cross_of(coupler.qubits)
    half_name = "cross" if cross == recipe.cross else f"cross{cross}"
    shape = GaussianSquareShape(shape="gaussian_square", duration=cross, sigma=_CROSS_SIGMA, width=cross - 2 * _EDGE)
    waveforms[half_name] = shape
    flip, flip_ticks = x.pulses[0], recipe.drive_of(control)
    drag = waveforms[flip.waveform]
    assert isinstance(drag, DragShape)
    assert isinstance(flip.amplitude, float)
    flipped = rotate(device, control, flip_ticks, drag.beta, np.array([flip.amplitude]))[0][:2, :2]
    middle = cross + apart
    later = middle + flip_ticks + apart
    pair = EchoedPair(device, coupler, control, waveform(shape), flipped, later - cross, float(DT))
    # a tone so weak that a long half does not turn more than once
    best = pair.solve(_WEAK / cross, (recipe.rotary,))
    if abs(best.amplitude) > 1:
        raise SettingsError(
            "the tone across must fit into full scale",
            given=f"{best.amplitude:.2f} for halves of {cross} ticks",
            where=f"ecr on {control}, {target}",
            remedy="Give the gate more time, or the control a stronger line.",
        )
    ticks = -(-(later + cross + wait(device)) // GRAIN) * GRAIN

    def half(place: int, start: int, sign: int) -> tuple[PulseSpec, PulseSpec]:
        across = PulseSpec(
            frame=f"u{control}_{target}",
            waveform=half_name,
            start=start,
            amplitude=sign * best.amplitude,
            phase=best.phase[place],
        )
        rotary = PulseSpec(
            frame=f"q{target}", waveform=half_name, start=start, amplitude=sign * best.rotary, phase=best.rotary_phase[place]
        )
        return across, rotary

    return GateSpec(
        name="ecr",
        qubits=(control, target),
        duration=ticks,
        error=at_rest(device, coupler.qubits, ticks) + best.infidelity + pair.relaxation(best),
        pulses=(*half(0, 0, 1), flip.model_copy(update={"start": middle}), *half(1, later, -1)),
        phases=tuple(PhaseSpec(qubit=q, angle=turn) for q, turn in zip((control, target), best.turns, strict=True)),
        calibrated_at=date,
    )


def _about(unitary: Complex, control: float, target: float) -> Complex:
    """``Z(-x) U Z(x)`` with ``Z(x) = exp(-i x n)`` on both."""
    phase = np.exp(1j * np.array([0, target, control, control + target]))
    return np.asarray(phase[:, None] * unitary * phase.conj()[None, :])


def _conditional(unitary: Complex) -> tuple[float, float]:
    """Axis in the XY plane and half the angle between the target's turns for the control in |0> and in |1>."""
    vectors = []
    for block in (unitary[:2, :2], unitary[2:, 2:]):
        special = block / np.sqrt(np.linalg.det(block))
        special = special if special[0, 0].real > 0 else -special
        turn = 2 * np.arccos(min(1.0, special[0, 0].real))
        across = np.array([-np.trace(special @ _X).imag, -np.trace(special @ _Y).imag]) / 2
        vectors.append(across * turn / max(np.sin(turn / 2), 1e-12))
    difference = (vectors[0] - vectors[1]) / 2
    return float(np.arctan2(difference[1], difference[0])), float(np.linalg.norm(difference))


def _best_turns(unitary: Complex) -> tuple[float, tuple[float, float]]:
    """Infidelity to ECR after the best virtual Z on both, and their angles."""
    # rows of the target gate tell how much of the trace belongs to each output state
    rows = (unitary * ECR.conj()).sum(axis=1)
    none, first, second, both = rows.tolist()
    control = target = before = 0.0
    for _ in range(40):
        turned = cmath.exp(1j * target)
        control = -cmath.phase((second + both * turned) * (none + first * turned).conjugate())
        turned = cmath.exp(1j * control)
        target = -cmath.phase((first + both * turned) * (none + second * turned).conjugate())
        if abs(target - before) < _SAME:
            break
        before = target
    phase = np.exp(1j * np.array([0, target, control, control + target]))
    kept = float(np.trace(unitary.conj().T @ unitary).real)
    return coherent((phase * rows).sum(), kept), (control, target)


def _differences(unitary: Complex) -> Real:
    """What parts a unitary from ECR after the best virtual Z on both, the global phase aside."""
    _, (control, target) = _best_turns(unitary)
    turned = np.exp(1j * np.array([0, target, control, control + target]))[:, None] * unitary
    overlap = np.trace(ECR.conj().T @ turned)
    part = (turned * np.conj(overlap) / abs(overlap) - ECR).ravel()
    return np.concatenate([part.real, part.imag])
