"""What routines should find, from the device file: closed forms, and propagators solved apart from the engine of shots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import brentq

from qpu_bridge.target import CosineSquareShape, Snapshot, waveform
from qpu_calibration.axis import Values
from qpu_calibration.cross import complex_amplitude, halves, rabi_rate, with_flat_top
from qpu_calibration.edit import amplitude, drag_pulse
from qpu_calibration.fit import Fit
from qpu_calibration.page import Target
from qpu_calibration.routines.cpmg import power
from qpu_calibration.routines.cr_rotary import CRRotarySettings
from qpu_calibration.routines.drive_crosstalk import DriveCrosstalkSettings
from qpu_calibration.search import Search, fit_curves
from qpu_emulator.bring_up.conditional import Conditional
from qpu_emulator.bring_up.echoed import EchoedPair
from qpu_emulator.bring_up.recipe import Recipe
from qpu_emulator.bring_up.rotation import rotate
from qpu_emulator.chip.device import Device, StaticCoupling, Transmon, TunableCoupler
from qpu_emulator.noise import Spectrum
from qpu_emulator.windows.pair import Pair
from qpu_emulator.windows.static_pair import StaticPair
from tests.calibration.channel import gate, within

TAU, TICK = 2 * np.pi, 1e-9
Numbers = Mapping[str, float]
Matrix = np.ndarray[Any, np.dtype[np.complex128]]

LENGTHS = np.arange(0, 1101, 100)
"""Of the flat part of a tone, ticks."""


@dataclass(frozen=True)
class Truth:
    """A device, the snapshot that is solved from it, and what is believed instead.

    Attributes:
        device: The truth.
        right: The snapshot with every pulse as it should be.
        believed: The one that a routine starts with.
    """

    device: Device
    right: Snapshot
    believed: Snapshot

    @property
    def pair(self) -> Target:
        """The one coupler's qubits in the order of its gate."""
        return next(g.qubits for g in self.right.gates if len(g.qubits) == 2)

    def zz(self, pair: Target) -> float:
        """Between two qubits at rest, Hz; 0 if nothing joins them."""
        for coupler in self.device.couplers:
            if set(coupler.qubits) == set(pair):
                solved = StaticPair if isinstance(coupler, StaticCoupling) else Pair
                return solved(self.device, coupler).zz()  # type: ignore[arg-type]
        return 0.0

    @cached_property
    def tunable(self) -> Conditional:
        """What flux pulses of the one coupler do."""
        (coupler,) = self.device.couplers
        assert isinstance(coupler, TunableCoupler)
        return Conditional(self.device, coupler, Recipe(), {})


def faded(device: Device, scan_s: float) -> float:
    """T2*: where white noise, and slow noise of a Gaussian phase, have brought a fringe to 1/e."""
    transmon = device.transmons[0]
    spectrum = Spectrum.of(device, range(len(device.transmons)), 1.0, scan_s)

    def rest(t: float) -> float:
        ratio = t / spectrum.times
        moving = 2 * (spectrum.moving[0] * spectrum.times) ** 2 * (ratio - 1 + np.exp(-ratio))
        spread = (spectrum.static[0] * t) ** 2 + float(moving.sum())
        return float(t / (transmon.t2 or np.inf) + TAU**2 * spread / 2 - 1)

    return brentq(rest, 1e-7, 1.0)


def refocused(transmon: Transmon, pulses: int) -> float:
    """T2 of a train: where relaxation, white noise, and a process for each decade of 1/f have brought its contrast to 1/e.

    Each process is an exponential in time, whose mean over a train of alternating signs has a closed form.
    """
    times = 1 / (TAU * 10.0 ** np.arange(7))
    edges = np.concatenate([[0.0], (np.arange(pulses) + 0.5) / pulses, [1.0]])
    signs = (-1.0) ** np.arange(pulses + 1)

    def left(total: float) -> float:
        spread = 0.0
        for time in times:
            at = edges * total / time
            # of |t - t'| on all edges: the second difference of a kernel whose second derivative is exp(-|t - t'|)
            apart = abs(np.subtract.outer(at, at))
            kernel = apart - 1 + np.exp(-apart)
            parts = kernel[1:, :-1] + kernel[:-1, 1:] - kernel[1:, 1:] - kernel[:-1, :-1]
            spread += np.log(10) * (TAU * transmon.one_over_f * time) ** 2 * float(signs @ parts @ signs)
        return spread / 2 + total * (transmon.dephasing_rate + transmon.relaxation_rate / 2) - 1

    return float(brentq(left, 1e-6, 1e-2, xtol=1e-9))


def noise(transmon: Transmon, frequency: Values) -> Values:
    """Noise of the frequency in Hz^2/Hz on one side: white, and a process for each decade."""
    corner = 10.0 ** np.arange(7)[:, None]
    slow = 4 * np.log(10) * transmon.one_over_f**2 / (TAU * corner) / (1 + (frequency / corner) ** 2)
    return np.asarray(transmon.dephasing_rate / np.pi**2 + slow.sum(axis=0))


def trains(truth: Truth, fit: Fit) -> Numbers:
    """Lifetimes of trains and the noise at their rhythms, and the powers that go best through both."""
    transmon = truth.device.transmons[0]
    series = {name: np.array(values) for name, values in fit.series.items()}
    pulses = series["pulses"]
    lives = np.array([refocused(transmon, int(count)) for count in pulses])
    heard = noise(transmon, series["frequency"])

    def slope(x: Values, y: Values, error: Values) -> float:
        return fit_curves([Search(power, x, y, error, {"size": float(y.mean()), "exponent": 0.0})])[0].value["exponent"]

    known = {
        "t1": transmon.t1 or np.inf,
        "t2_first": lives[0],
        "t2_last": lives[-1],
        "gamma": slope(pulses / pulses[0], lives, series["t2_error"]),
        "noise_exponent": -slope(series["frequency"] / series["frequency"].mean(), heard, series["noise_error"]),
    }
    return {name: float(value) for name, value in known.items() if name in fit.parameters}


def crossed(truth: Truth, fit: Fit) -> Numbers:
    """What the other line does to either qubit at its frequency over what its own does, its neighbour in the ground state."""
    found = {}
    for place, qubit in enumerate(fit.target):
        other = fit.target[1 - place]
        if isinstance(truth.device.couplers[0], TunableCoupler):
            reach = truth.device.reach(qubit)
            ratio = reach.get(truth.device.line_of(other), 0.0) / reach[truth.device.line_of(qubit)]
        else:
            ratio = _exchanged(truth, other, qubit)
        name = ("first", "second")[place]
        found |= {name: abs(ratio), f"{name}_real": ratio.real, f"{name}_imag": ratio.imag}
    return found


def _exchanged(truth: Truth, other: int, qubit: int) -> complex:
    settings = DriveCrosstalkSettings()
    (coupler,) = truth.device.couplers
    assert isinstance(coupler, StaticCoupling)
    rise = round(settings.rise_s / TICK)

    def rate(across: float, along: float) -> complex:
        def done(ticks: int) -> Matrix:
            shape = waveform(CosineSquareShape(shape="cosine_square", duration=2 * rise + ticks, rise=rise))
            pair = EchoedPair(truth.device, coupler, other, shape, np.eye(2, dtype=complex), 0, TICK)
            return pair.half(across, 0.0, along, 0.0)

        turn = _steady([done(ticks) for ticks in LENGTHS])[0]
        return complex(turn[0], turn[1])

    own = settings.turns / settings.longest_s / rabi_rate(truth.right, qubit)
    return rate(settings.level, 0.0) / settings.level * own / rate(0.0, own)


def late(truth: Truth, fit: Fit) -> Numbers:
    """Delays of the flux line behind either drive line."""
    lines = truth.device.lines
    (coupler,) = truth.device.couplers
    assert isinstance(coupler, TunableCoupler)
    first, second = (lines[coupler.port].delay - lines[truth.device.line_of(qubit)].delay for qubit in fit.target)
    return {"first": first, "second": second, "drives": first - second}


def zz(truth: Truth, _: Fit) -> Numbers:
    """From the Hamiltonian of both transmons and what is between them."""
    return {"zz": truth.zz(truth.pair)}


def half_turn(truth: Truth, fit: Fit) -> Numbers:
    """The amplitude of a conditional phase of half a turn, and how that phase goes with amplitude."""
    level = float(truth.tunable.amplitudes(np.array([-np.pi]))[0])
    return {"amplitude": level, "slope": float(truth.tunable.both.deriv()(level))}


def leaked(truth: Truth, _: Fit) -> Numbers:
    """What a gate takes away from 11 beyond a wait.

    On its way through a gate 11 is in part 02 and 20. There it relaxes at other rates, and white noise, which tells its parts
    from one another, takes it to other states at ``2 rate * variance`` of the excitations that it sees.
    """
    *way, whole = within(truth.device, truth.believed, truth.pair)
    share = np.array([abs(moment[:, 4]) ** 2 / np.sum(abs(moment[:, 4]) ** 2) for moment in way]).reshape(-1, 3, 3)
    rate = 0.0
    for place, qubit in enumerate(truth.pair):
        transmon, levels = truth.device.transmons[qubit], np.arange(3)
        own = share.sum(axis=2 - place)
        mean, square = own @ levels, own @ levels**2
        rate += transmon.relaxation_rate * float((mean - 1).mean()) + 2 * transmon.dephasing_rate * float(
            (square - mean**2).mean()
        )
    known = truth.believed.gate("cz", *truth.pair)
    assert known is not None
    return {"leakage": rate * known.duration * TICK + 1 - float(abs(whole[4, 4]) ** 2)}


def terms(truth: Truth, _: Fit) -> Numbers:
    """Turns of the target under the first half's tone: from one length of its flat part to the next, mean of a microsecond."""
    control, _ = truth.pair
    first = halves(truth.believed, truth.pair)[0]
    level, flips = complex_amplitude(first), _flip(truth, control)
    (coupler,) = truth.device.couplers
    assert isinstance(coupler, StaticCoupling)

    def done(ticks: int) -> Matrix:
        pulse = with_flat_top(truth.believed, first.waveform, ticks)
        pair = EchoedPair(truth.device, coupler, control, pulse, flips, 0, TICK)
        return pair.half(abs(level), float(np.angle(level)), 0.0, 0.0)

    rates = _steady([done(ticks) for ticks in LENGTHS])
    own, conditional = (rates[0] + rates[1]) / 2, (rates[0] - rates[1]) / 2
    return {f"{name}{along}": float(v[k]) for name, v in (("i", own), ("z", conditional)) for k, along in enumerate("xyz")}


def cancelled(truth: Truth, fit: Fit) -> Numbers:
    """The tone across the axis of ZX that leaves no turn about it."""
    known = terms(truth, fit)
    along = float(np.arctan2(known["zy"], known["zx"]))
    across = (complex(known["ix"], known["iy"]) * np.exp(-1j * along)).imag
    return {"axis": along, "quadrature": -across / rabi_rate(truth.believed, truth.pair[1])}


def axis(truth: Truth, _: Fit) -> Numbers:
    """Axis and angle of a gate."""
    found = _trained(truth)
    return {name: found[name] for name in ("axis", "angle")}


def angle(truth: Truth, _: Fit) -> Numbers:
    """Angle of a gate, and the amplitude that would make it a quarter turn."""
    found = _trained(truth)["angle"]
    return {"angle": found, "amplitude": abs(complex_amplitude(halves(truth.believed, truth.pair)[0])) * np.pi / 2 / found}


def target_left(truth: Truth, _: Fit) -> Numbers:
    """Phase of the target after a gate."""
    return {"left": _trained(truth)["left"]}


def _trained(truth: Truth) -> Numbers:
    """What what a gate and an ``x`` do to the target, for each level of the control."""
    done = _with_flip(truth)
    way, size, after = np.zeros(2), np.zeros(2), np.zeros(2)
    for level in (0, 1):
        block = done[2 * level : 2 * level + 2, 2 * level : 2 * level + 2]
        block = block / np.sqrt(np.linalg.det(block))
        block = block if block[0, 0].real > 0 else -block
        after[level] = -2 * np.angle(block[0, 0])
        turn = 2 * np.arctan2(abs(block[1, 0]), abs(block[0, 0]))
        # with the control in 1 it turns backwards about the same axis
        size[level] = turn * (1 - 2 * level)
        way[level] = np.angle(np.exp(1j * (np.angle(block[1, 0]) + np.pi / 2 - after[level] / 2 + np.pi * level)))
    return {"axis": float(way.mean()), "angle": float(size[0] - size[1]) / 2, "left": float(after.mean())}


def rotated(truth: Truth, _: Fit) -> Numbers:
    """Square of what pairs of gates turn the target away from +x, per gate, mean of the control's levels."""
    gates = CRRotarySettings().gates
    train = np.linalg.matrix_power(gate(truth.device, truth.believed, truth.pair), gates)
    turned = []
    for control in np.eye(2):
        state = (train @ np.kron(control, [1, 1]) / np.sqrt(2)).reshape(2, 2)
        reduced = state.T @ state.conj()
        across = np.hypot(2 * reduced[1, 0].imag, (reduced[0, 0] - reduced[1, 1]).real)
        turned.append(np.arctan2(across, 2 * reduced[1, 0].real) / gates)
    return {"before": float(np.mean(np.square(turned)))}


def control_left(truth: Truth, _: Fit, pairs: int = 9) -> Numbers:
    """Phase of the control after trains, mean of the target at +x and at -x; by the whole propagator."""
    train = np.linalg.matrix_power(_with_flip(truth), pairs)
    phases = []
    for sign in (1, -1):
        state = train @ np.kron([1, 1], [1, sign]) / 2
        coherence = state[2:] @ state[:2].conj()
        phases.append(float(np.angle(coherence)) - sign * pairs * np.pi / 2)
    phase = np.angle(np.exp(1j * np.array(phases)))
    apart = float(np.angle(np.exp(1j * (phase[1] - phase[0]))))
    return {"left": -float(np.angle(np.exp(1j * (phase[0] + apart / 2)))) / pairs}


def _with_flip(truth: Truth) -> Matrix:
    """A gate and an ``x`` of its control, ``complex[4, 4]``, control times target."""
    control, _ = truth.pair
    ticks = truth.believed.gate("x", control)
    assert ticks is not None
    (coupler,) = truth.device.couplers
    assert isinstance(coupler, StaticCoupling)
    rest = np.diag([1, 1, 1, np.exp(-1j * np.pi * StaticPair(truth.device, coupler).zz() * ticks.duration * TICK)])
    flip = rest @ np.kron(_flip(truth, control), np.eye(2)) @ rest
    return np.asarray(flip @ gate(truth.device, truth.believed, truth.pair))


def _flip(truth: Truth, qubit: int) -> Matrix:
    shape = drag_pulse(truth.believed, qubit)[1]
    return rotate(truth.device, qubit, shape.duration, shape.beta, np.array([amplitude(truth.believed, qubit)]))[0][:2, :2]


def _steady(whole: Sequence[Matrix]) -> Values:
    """Turns of the target in Hz, ``[level of the control, xyz]``, from one of `LENGTHS` to the next, mean of all."""
    seconds = np.diff(LENGTHS) * TICK
    parts = ([one[2 * level : 2 * level + 2, 2 * level : 2 * level + 2] for one in whole] for level in (0, 1))
    turned = [[_turn(after @ np.linalg.inv(before)) for before, after in pairwise(part)] for part in parts]
    return np.asarray((np.array(turned) / (TAU * seconds[:, None])).mean(axis=1))


def _turn(block: Matrix) -> np.ndarray[Any, np.dtype[np.float64]]:
    """By how much a propagator of one qubit turns along x, y and z, rad."""
    special = block / np.sqrt(np.linalg.det(block))
    special = special if special.trace().real > 0 else -special
    axes = np.array([special[0, 1] + special[1, 0], 1j * (special[0, 1] - special[1, 0]), special[0, 0] - special[1, 1]])
    along = -axes.imag / 2
    size = float(np.linalg.norm(along))
    return np.asarray(along / max(size, 1e-15) * 2 * np.arctan2(size, special.trace().real / 2))
