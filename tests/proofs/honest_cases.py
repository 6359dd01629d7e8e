"""Which numbers are held against hidden truths, and what is believed instead of these (`honest`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from qpu_bridge.target import Snapshot
from qpu_calibration.cross import with_axis, with_cross, with_tone
from qpu_calibration.edit import (
    amplitude,
    drag_pulse,
    flux_amplitude,
    virtual_z,
    with_amplitude,
    with_beta,
    with_flux_amplitude,
    with_frequency,
    with_measure,
    with_qubit,
    with_readout_frequency,
    with_virtual_z,
    with_zz,
)
from qpu_calibration.fit import Fit
from qpu_calibration.routines.readout_power import with_length
from qpu_emulator.chip.device import Crosstalk, Device
from qpu_emulator.chip.line import Line
from tests.proofs import averaged, known, known_readout
from tests.proofs.known import Truth

NODES = ("sixteenth", "quarter", "rest", "whole")
"""Angles of ``rzz`` at which errors are stated."""
Draw = np.random.Generator


@dataclass(frozen=True)
class Case:
    """One routine.

    Attributes:
        routine: Its name.
        true: What its numbers should be, by name.
        spoiled: What is believed instead of the truth.
        changed: What the device is instead: without slow noise, with lines that are late.
        settings: Of the routine, where they differ from a calibration's.
    """

    routine: str
    true: Callable[[Truth, Fit], Mapping[str, float]]
    spoiled: Callable[[Snapshot, Draw], Snapshot] = lambda snapshot, _: snapshot
    changed: Callable[[Device, Draw], Device] = lambda device, _: device
    settings: Mapping[str, object] = field(default_factory=dict)


def _moved(span_hz: float) -> Callable[[Snapshot, Draw], Snapshot]:
    return lambda s, draw: with_frequency(s, 0, s.qubits[0].frequency + draw.uniform(-span_hz, span_hz))


def _detuned_readout(snapshot: Snapshot, draw: Draw) -> Snapshot:
    here = snapshot.frame(snapshot.measure(0).drive_frame).frequency
    return with_readout_frequency(snapshot, 0, here + draw.uniform(-1e6, 1e6))


def _louder(span: float) -> Callable[[Snapshot, Draw], Snapshot]:
    def spoiled(snapshot: Snapshot, draw: Draw) -> Snapshot:
        for name in ("x", "sx"):
            snapshot = with_amplitude(snapshot, 0, name, amplitude(snapshot, 0, name) * (1 + draw.uniform(-span, span)))
        return snapshot

    return spoiled


def _lived(snapshot: Snapshot, draw: Draw) -> Snapshot:
    return with_qubit(
        snapshot, 0, t1=snapshot.qubits[0].t1 * draw.uniform(0.6, 1.6), t2=snapshot.qubits[0].t2 * draw.uniform(0.6, 1.6)
    )


def _bent(snapshot: Snapshot, draw: Draw) -> Snapshot:
    return with_beta(snapshot, 0, drag_pulse(snapshot, 0)[1].beta * (1 + draw.uniform(-0.1, 0.1)))


def _flux(snapshot: Snapshot, draw: Draw) -> Snapshot:
    pair = _pair(snapshot)
    return with_flux_amplitude(snapshot, pair, flux_amplitude(snapshot, pair) * (1 + draw.uniform(-0.004, 0.004)))


def _turned(snapshot: Snapshot, draw: Draw) -> Snapshot:
    (name,) = {gate.name for gate in snapshot.gates} & {"cz", "ecr"}
    pair = _pair(snapshot)
    return with_virtual_z(snapshot, name, pair, [turn + draw.uniform(-0.1, 0.1) for turn in virtual_z(snapshot, name, pair)])


def _seen(snapshot: Snapshot, draw: Draw) -> Snapshot:
    # these chips have 43 to 51 kHz
    return with_zz(_stronger(snapshot, draw), _pair(snapshot), draw.uniform(44e3, 50e3))


def _stronger(snapshot: Snapshot, draw: Draw) -> Snapshot:
    factor = 1 + draw.uniform(-0.02, 0.02)
    return with_cross(snapshot, _pair(snapshot), lambda level: level * factor)


def _off_axis(snapshot: Snapshot, draw: Draw) -> Snapshot:
    return with_axis(snapshot, _pair(snapshot), draw.uniform(-0.06, 0.06))


def _pair(snapshot: Snapshot) -> tuple[int, ...]:
    return next(gate.qubits for gate in snapshot.gates if len(gate.qubits) == 2)


def still(device: Device, _: Draw) -> Device:
    """Without slow noise."""
    quiet = tuple(t.model_copy(update={"quasi_static": 0.0, "one_over_f": 0.0}) for t in device.transmons)
    return device.model_copy(update={"transmons": quiet})


def _crossed(device: Device, draw: Draw) -> Device:
    (pair,) = (coupler.qubits for coupler in device.couplers)
    found = (
        Crosstalk(port=device.line_of(b), qubit=a, amplitude=draw.uniform(0.005, 0.1), phase=draw.uniform(-np.pi, np.pi))
        for a, b in (pair, pair[::-1])
    )
    return device.model_copy(update={"crosstalk": tuple(found)})


def _late(device: Device, draw: Draw) -> Device:
    ports = sorted(port for port in device.ports if port[0] in "dc")
    return device.model_copy(update={"lines": {port: Line(delay=int(draw.integers(0, 25)) * 1e-9) for port in ports}})


def _heard(snapshot: Snapshot, draw: Draw) -> Snapshot:
    return with_measure(with_length(snapshot, 0, draw.uniform(700, 1400)), 0, amplitude=draw.uniform(0.1, 0.3))


def _unturned(snapshot: Snapshot, draw: Draw) -> Snapshot:
    share = draw.uniform(0, 1.2)
    return with_tone(snapshot, _pair(snapshot), lambda level: level * share)


def _virtual(truth: Truth, _: Fit) -> Mapping[str, float]:
    # both are known to a turn, and the fit says them within half a turn
    return dict(zip(("first", "second"), virtual_z(truth.right, "cz", truth.pair), strict=True))


ONE = (
    Case(
        "resonator_spectroscopy",
        lambda t, _: {
            "frequency": t.device.resonators[0].frequency - t.device.resonators[0].chi,
            "linewidth": t.device.resonators[0].kappa,
        },
    ),
    Case("qubit_spectroscopy", lambda t, _: {"f01": t.device.transmons[0].frequency}, _moved(0.2e6)),
    Case("rabi", lambda t, _: {"pi_amplitude": amplitude(t.right, 0)}, _louder(0.1)),
    Case(
        "readout_frequency",
        lambda t, _: {
            "frequency": t.device.resonators[0].frequency,
            "linewidth": t.device.resonators[0].kappa,
            "chi": abs(t.device.resonators[0].chi),
        },
        _detuned_readout,
    ),
    Case("readout", known_readout.readout),
    Case("ramsey", lambda t, _: {"f01": t.device.transmons[0].frequency}, _moved(5e3)),
    Case("anharmonicity", lambda t, _: {"anharmonicity": t.device.transmons[0].anharmonicity}),
    Case("drag", lambda t, _: {"beta": drag_pulse(t.right, 0)[1].beta}, _bent),
    Case("fine_amplitude", lambda t, _: {f"{n}_amplitude": amplitude(t.right, 0, n) for n in ("x", "sx")}, _louder(0.005)),
    Case("rx_curve", lambda t, _: dict.fromkeys(("quarter_error", "half_error", "whole_error"), 0.0)),
    Case("t1", lambda t, _: {"t1": t.device.transmons[0].t1 or np.inf}, _lived),
    Case("echo", lambda t, _: {"t2": t.device.transmons[0].t2 or np.inf}, _lived, still),
    Case("t2_star", lambda t, _: {"t2_star": known.faded(t.device, 3e-4), "detuning": 0.0}, _lived),
    Case("cpmg", known.trains, _lived),
    Case("active_reset", known_readout.left),
    Case("readout_power", known_readout.quietest, _heard, settings={"share": known_readout.SHARE}),
    Case("readout_duration", known_readout.shortest, _heard),
    Case("rb_interleaved", averaged.apart, changed=still),
    Case("rb", averaged.alone, changed=still),
    Case("readout_kernel", known_readout.filtered),
)
TUNABLE = (
    Case("zz", known.zz),
    Case("assignment", known_readout.assignment),
    Case("cz_chevron", known.half_turn),
    Case("cz_phase", known.half_turn, _flux),
    Case("cz_leakage", known.leaked),
    Case("cz_local_phases", _virtual, _turned),
    Case("rzz_curve", lambda t, _: {f"{word}_{node}": 0.0 for word in ("angle", "first", "second") for node in NODES}),
    Case("rb_simultaneous", averaged.beside, changed=still),
    Case("rb2", averaged.entangled, changed=still),
    Case("drive_crosstalk", known.crossed, changed=_crossed),
    Case("port_delays", known.late, changed=_late),
)
STATIC = (
    Case("zz", known.zz),
    Case("cr_tomography", known.terms, _seen),
    Case("cr_cancellation", known.cancelled, _seen),
    Case("cr_phase", known.axis, _off_axis),
    Case("ecr_amplitude", known.angle, _stronger),
    Case("ecr_target_phase", known.target_left, _turned),
    Case("ecr_control_phase", known.control_left, _turned),
    Case("rb_simultaneous", averaged.beside, changed=still),
    Case("rb2", averaged.entangled, changed=still),
    Case("drive_crosstalk", known.crossed, changed=_crossed),
    Case("cr_rotary", known.rotated, _unturned),
)
APART = (Case("rb2_simultaneous", averaged.untouched, changed=still),)
