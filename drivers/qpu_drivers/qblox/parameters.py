"""What modules and sequencers are set to, by the vendor's names of parameters: pure, so that it can be read and tested.

Names and units are those of the QCoDeS drivers in qblox-instruments 1.4 (https://docs.qblox.com, *API reference*, *Cluster*).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import degrees
from typing import TypeAlias

from qpu_drivers.qblox.hardware import ADDRESSES, SEQUENCERS
from qpu_drivers.qblox.program import SequencerProgram
from qpu_drivers.qblox.rack import SIMULATOR, Mixer, ModuleKind, Rack

Value: TypeAlias = float | int | bool | str
Parameters: TypeAlias = Mapping[str, Value]

SWITCHES = 3
"""Marker bits that close the switches of an RF module's sockets: both, since a QRM-RF has one for its input too."""


@dataclass(frozen=True, slots=True)
class Wires:
    """Names of the lines that a sequencer emits on and listens to."""

    output: str | None = None
    input: str | None = None


def module_parameters(rack: Rack, slot: int) -> dict[str, Value]:
    """How a module is tuned, from its lines.

    Args:
        rack: The rack.
        slot: Slot of the module.
    """
    kind = rack.modules[slot]
    found: dict[str, Value] = {}
    if kind is ModuleKind.QCM_RF:  # a socket without a line must not leak when the module's switches close
        found |= {f"out{socket}_lo_en": False for socket in range(kind.outputs)}
    for name, line in rack.wiring.items():
        if line.slot != slot:
            continue
        if kind.rf:
            socket, side = line.sockets[0], "in" if line.listens else "out"
            group = "out0_in0" if kind is ModuleKind.QRM_RF else f"out{socket}"
            found |= {f"{group}_lo_freq": int(rack.oscillator(name)), f"{group}_lo_en": True}
            found[f"{side}{socket}_att"] = line.attenuation
            if not line.listens:
                # volts here, millivolts there
                found |= {f"out{socket}_offset_path{path}": 1e3 * volts for path, volts in enumerate(line.mixer.offset_volts)}
        elif line.listens:
            found |= {f"in{socket}_gain": line.gain for socket in line.sockets}
        else:
            levels = line.mixer.offset_volts if len(line.sockets) == 2 else (line.offset_volts,)
            found |= {f"out{socket}_offset": volts for socket, volts in zip(line.sockets, levels, strict=True)}
    if kind.readout:
        for path in range(2):
            found |= {f"scope_acq_trigger_mode_path{path}": "sequencer", f"scope_acq_avg_mode_en_path{path}": True}
    return found


def silent_module_parameters(rack: Rack, slot: int) -> dict[str, Value]:
    """The same parameters, as far as anything of them leaves the module: oscillators off, levels 0."""
    tuned = module_parameters(rack, slot)
    off: dict[str, Value] = {name: False for name in tuned if name.endswith("_lo_en")}
    return off | {name: 0.0 for name in tuned if "_offset" in name}


def sequencer_parameters(rack: Rack, sequencer: SequencerProgram, wires: Wires) -> dict[str, Value]:
    """How a sequencer is configured for a program.

    Args:
        rack: The rack.
        sequencer: What it plays.
        wires: The lines that it emits on and listens to.
    """
    kind, settings = rack.modules[sequencer.place[0]], sequencer.settings
    found: dict[str, Value] = {
        "sync_en": True,
        "nco_freq": settings.frequency,
        "mod_en_awg": settings.modulated,
        **{f"gain_awg_path{path}": 1.0 for path in range(2)},
        **{f"offset_awg_path{path}": 0.0 for path in range(2)},
        **_outputs(rack, kind, wires.output),
    }
    if kind.rf:
        found |= {"marker_ovr_en": True, "marker_ovr_value": SWITCHES}
    mixer = Mixer() if wires.output is None else rack.wiring[wires.output].mixer
    found |= {"mixer_corr_gain_ratio": mixer.gain_ratio, "mixer_corr_phase_offset_degree": mixer.phase_degrees}
    for address in settings.listens:
        found |= {f"trigger{address}_count_threshold": 1, f"trigger{address}_threshold_invert": False}
    if kind.readout:
        found |= _readout(rack, kind, sequencer, wires.input)
    return found


def silent_sequencer_parameters(kind: ModuleKind) -> dict[str, Value]:
    """A sequencer that emits nothing and keeps no other one waiting."""
    found: dict[str, Value] = {"sync_en": False, **{f"connect_out{socket}": "off" for socket in range(kind.outputs)}}
    if kind.rf:
        found |= {"marker_ovr_en": True, "marker_ovr_value": 0}
    return found


def places(rack: Rack) -> list[tuple[int, int]]:
    """All sequencers of the rack's modules."""
    return [(slot, number) for slot in sorted(rack.modules) for number in range(SEQUENCERS)]


def _outputs(rack: Rack, kind: ModuleKind, line: str | None) -> dict[str, Value]:
    found: dict[str, Value] = {f"connect_out{socket}": "off" for socket in range(kind.outputs)}
    if line is not None:
        paths = ("IQ",) if kind.rf else ("I", "Q")
        found |= {f"connect_out{socket}": path for socket, path in zip(rack.wiring[line].sockets, paths, strict=False)}
    return found


def _readout(rack: Rack, kind: ModuleKind, sequencer: SequencerProgram, line: str | None) -> dict[str, Value]:
    settings = sequencer.settings
    sockets = () if line is None else rack.wiring[line].sockets
    names = ("connect_acq",) if kind.rf else ("connect_acq_I", "connect_acq_Q")
    found: dict[str, Value] = dict.fromkeys(names, "off")
    found |= {name: f"in{socket}" for name, socket in zip(names, sockets, strict=False)}
    found["thresholded_acq_trigger_en"] = settings.sends is not None
    if settings.sends is not None:
        assert 1 <= settings.sends <= ADDRESSES
        found |= {"thresholded_acq_trigger_address": settings.sends, "thresholded_acq_trigger_invert": False}
    if line is None:
        return found
    delay = rack.wiring[line].phase_delay
    found |= {"demod_en_acq": settings.modulated, "nco_prop_delay_comp_en": True, "nco_prop_delay_comp": delay}
    if settings.integration_length is not None:
        found["integration_length_acq"] = settings.integration_length
    if settings.discriminator is not None:
        # the module compares Re(S e^(i rotation)) (its matrix is cos, -sin); q1simulator turns the other way
        angle = degrees(settings.discriminator.angle) * (-1 if rack.instrument == SIMULATOR else 1)
        found |= {"thresholded_acq_rotation": angle % 360, "thresholded_acq_threshold": settings.discriminator.threshold}
    return found
