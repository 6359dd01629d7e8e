"""What routines should find, from the device file: closed forms, and propagators solved apart from the engine of shots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import brentq

from qpu_bridge.target import Snapshot
from qpu_calibration.cross import halves, longer, rabi, strength
from qpu_calibration.edit import amplitude, rotation
from qpu_calibration.fit import Fit
from qpu_calibration.page import Target
from qpu_calibration.routines.rb import PULSES
from qpu_emulator.bring_up.conditional import Conditional
from qpu_emulator.bring_up.echoed import EchoedPair
from qpu_emulator.bring_up.recipe import Recipe
from qpu_emulator.bring_up.rotation import relaxed, rotate
from qpu_emulator.chip.device import Device, StaticCoupling, TunableCoupler
from qpu_emulator.noise import Spectrum
from qpu_emulator.windows.pair import Pair
from qpu_emulator.windows.static_pair import StaticPair
from tests.calibration.channel import gate, within
from tests.proofs.heard import believed

TAU, TICK = 2 * np.pi, 1e-9
Numbers = Mapping[str, float]
Matrix = np.ndarray[Any, np.dtype[np.complex128]]


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

    @cached_property
    def tunable(self) -> Conditional:
        """What flux pulses of the one coupler do."""
        (coupler,) = self.device.couplers
        assert isinstance(coupler, TunableCoupler)
        return Conditional(self.device, coupler, Recipe(), {})


def readout(truth: Truth, fit: Fit) -> Numbers:
    """Errors of the line that was found, and where the clouds are."""
    clouds = believed(truth.device, truth.believed, 0)
    zero, one = clouds.means
    first, second = clouds.errors(fit["angle"], fit["threshold"])
    return {
        "prob_meas1_prep0": first,
        "prob_meas0_prep1": second,
        "angle": float(np.angle(one - zero)),
        "threshold": clouds.least()[1],
        "signal_to_noise": abs(one - zero) / (2 * clouds.sigma),
    }


def assignment(truth: Truth, _: Fit) -> Numbers:
    """Both readouts apart: no crosstalk is in the device file."""
    right = []
    for qubit in truth.pair:
        measure = truth.believed.measure(qubit)
        errors = believed(truth.device, truth.believed, qubit).errors(measure.angle, measure.threshold)
        right.append([1 - wrong for wrong in errors])
    kept = {f"prob_meas{b}{a}_prep{b}{a}": right[0][b] * right[1][a] for a in (0, 1) for b in (0, 1)}
    return kept | {"first_shift": 0.0, "second_shift": 0.0}


def benchmarked(truth: Truth, _: Fit) -> Numbers:
    """Relaxation during the pulses of a Clifford; those of the solved snapshot are right to 1e-8."""
    each = relaxed(truth.device, 0, rotation(truth.right, 0, "sx")[1].duration)
    return {"error_per_clifford": (1 - (1 - 2 * each) ** PULSES) / 2}


def faded(device: Device, scan_s: float) -> float:
    """T2*: where white noise, and slow noise of a Gaussian phase, have brought a fringe to 1/e."""
    transmon = device.transmons[0]
    spectrum = Spectrum.of(device, 1.0, scan_s)

    def rest(t: float) -> float:
        ratio = t / spectrum.times
        moving = 2 * (spectrum.moving[0] * spectrum.times) ** 2 * (ratio - 1 + np.exp(-ratio))
        spread = (spectrum.static[0] * t) ** 2 + float(moving.sum())
        return float(t / (transmon.t2 or np.inf) + TAU**2 * spread / 2 - 1)

    return brentq(rest, 1e-7, 1.0)


def zz(truth: Truth, _: Fit) -> Numbers:
    """From the Hamiltonian of both transmons and what is between them."""
    (coupler,) = truth.device.couplers
    rest = StaticPair(truth.device, coupler) if isinstance(coupler, StaticCoupling) else Pair(truth.device, coupler)
    return {"zz": rest.zz()}


def half_turn(truth: Truth, fit: Fit) -> Numbers:
    """The amplitude of a conditional phase of half a turn, and how that phase goes with amplitude."""
    level = float(truth.tunable.amplitudes(np.array(-np.pi)))
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
    level, flips = strength(first), _flip(truth, control)
    rates = np.zeros((2, 3))
    blocks, step = [], 100
    (coupler,) = truth.device.couplers
    assert isinstance(coupler, StaticCoupling)
    for ticks in range(0, 1101, step):
        pulse = longer(truth.believed, first.waveform, ticks)
        done = EchoedPair(truth.device, coupler, control, pulse, flips, 0, TICK).half(
            abs(level), float(np.angle(level)), 0.0, 0.0
        )
        blocks.append([done[:2, :2], done[2:, 2:]])
    for before, after in pairwise(blocks):
        for place in (0, 1):
            rates[place] += _turn(after[place] @ np.linalg.inv(before[place])) / (TAU * step * TICK) / (len(blocks) - 1)
    own, conditional = (rates[0] + rates[1]) / 2, (rates[0] - rates[1]) / 2
    return {f"{name}{along}": float(v[k]) for name, v in (("i", own), ("z", conditional)) for k, along in enumerate("xyz")}


def cancelled(truth: Truth, fit: Fit) -> Numbers:
    """The tone across the axis of ZX that leaves no turn about it."""
    known = terms(truth, fit)
    along = float(np.arctan2(known["zy"], known["zx"]))
    across = (complex(known["ix"], known["iy"]) * np.exp(-1j * along)).imag
    return {"axis": along, "quadrature": -across / rabi(truth.believed, truth.pair[1])}


def axis(truth: Truth, _: Fit) -> Numbers:
    """Axis and angle of a gate."""
    found = _trained(truth)
    return {name: found[name] for name in ("axis", "angle")}


def angle(truth: Truth, _: Fit) -> Numbers:
    """Angle of a gate, and the amplitude that would make it a quarter turn."""
    found = _trained(truth)["angle"]
    return {"angle": found, "amplitude": abs(strength(halves(truth.believed, truth.pair)[0])) * np.pi / 2 / found}


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
    shape = rotation(truth.believed, qubit)[1]
    return rotate(truth.device, qubit, shape.duration, shape.beta, np.array([amplitude(truth.believed, qubit)]))[0][:2, :2]


def _turn(block: Matrix) -> np.ndarray[Any, np.dtype[np.float64]]:
    """By how much a propagator of one qubit turns along x, y and z, rad."""
    special = block / np.sqrt(np.linalg.det(block))
    special = special if special.trace().real > 0 else -special
    axes = np.array([special[0, 1] + special[1, 0], 1j * (special[0, 1] - special[1, 0]), special[0, 0] - special[1, 1]])
    along = -axes.imag / 2
    size = float(np.linalg.norm(along))
    return np.asarray(along / max(size, 1e-15) * 2 * np.arctan2(size, special.trace().real / 2))
