"""What modules and sequencers are set to: pure, and accepted by the vendor's own parameters."""

from __future__ import annotations

import tomllib
from math import pi
from pathlib import Path

import numpy as np
import pytest

from qpu_bridge.schedule import Discriminator
from qpu_drivers.qblox.parameters import (
    Wires,
    module_parameters,
    places,
    sequencer_parameters,
    silent_module_parameters,
    silent_sequencer_parameters,
)
from qpu_drivers.qblox.program import SequencerProgram, Settings
from qpu_drivers.qblox.rack import Rack

OPTIONS = tomllib.loads((Path(__file__).parent / "lab.toml").read_text())["devices"]["lab_five"]["options"]
RACK = Rack.read(OPTIONS, "lab_five")
BASEBAND = Rack.read(
    {
        "instrument": "dummy",
        "modules": {"4": "QRM", "6": "QCM"},
        "wiring": {
            "d": {"slot": 6, "output": [2, 3], "external_lo": 5e9, "mixer": {"gain_ratio": 1.1, "offset_volts": [0.01, -0.02]}},
            "a": {"slot": 4, "input": [0, 1], "external_lo": 7e9, "gain": 6, "phase_delay": 9},
        },
    },
    "lab_one",
)


def test_an_rf_module_is_tuned_in_the_vendors_units() -> None:
    found = module_parameters(RACK, 2)
    assert (found["out0_lo_freq"], found["out0_lo_en"], found["out0_att"]) == (5_100_000_000, True, 12)
    assert [found[f"out0_offset_path{path}"] for path in (0, 1)] == pytest.approx([4.1, -0.7])  # millivolts
    assert module_parameters(RACK, 10)["out0_in0_lo_freq"] == 7_000_000_000
    assert module_parameters(RACK, 10)["in0_att"] == 4


def test_the_oscillator_of_a_socket_without_a_line_is_off() -> None:
    assert {name: on for name, on in module_parameters(RACK, 6).items() if name.endswith("_lo_en")} == {
        "out0_lo_en": True,
        "out1_lo_en": False,
    }


def test_baseband_levels_are_volts_of_each_path() -> None:
    assert module_parameters(RACK, 8)["out2_offset"] == 0.14
    assert module_parameters(BASEBAND, 6) == {"out2_offset": 0.01, "out3_offset": -0.02}
    assert module_parameters(BASEBAND, 4)["in0_gain"] == 6


def test_silence_is_oscillators_off_and_levels_0() -> None:
    for slot in RACK.modules:
        silent = silent_module_parameters(RACK, slot)
        assert {name for name in module_parameters(RACK, slot) if name.endswith("_lo_en") or "_offset" in name} == set(silent)
        assert not any(silent.values())


def test_a_sequencer_is_on_its_own_outputs_and_no_others() -> None:
    rf = sequencer_parameters(RACK, SequencerProgram((2, 3), ""), Wires("d1"))
    assert (rf["connect_out0"], rf["connect_out1"]) == ("off", "IQ")
    pair = sequencer_parameters(BASEBAND, SequencerProgram((6, 0), ""), Wires("d"))
    assert [pair[f"connect_out{k}"] for k in range(4)] == ["off", "off", "I", "Q"]
    assert pair["mixer_corr_gain_ratio"] == 1.1
    flux = sequencer_parameters(RACK, SequencerProgram((8, 0), "", settings=Settings(modulated=False)), Wires("c12"))
    assert [flux[f"connect_out{k}"] for k in range(4)] == ["off", "I", "off", "off"]
    assert flux["mod_en_awg"] is False


def test_switches_of_rf_sockets_close_while_it_plays_only() -> None:
    assert sequencer_parameters(RACK, SequencerProgram((2, 0), ""), Wires("d0"))["marker_ovr_value"] == 3
    for slot, number in places(RACK):
        assert 0 <= number < 6
        silent = silent_sequencer_parameters(RACK.modules[slot])
        assert silent["sync_en"] is False
        assert {value for name, value in silent.items() if name.startswith("connect")} == {"off"}
        assert silent.get("marker_ovr_value", 0) == 0


def test_a_receiver_demodulates_thresholds_and_sends() -> None:
    settings = Settings(frequency=20e6, integration_length=400, discriminator=Discriminator(-pi / 2, 3.5), sends=4, listens=(2,))
    found = sequencer_parameters(RACK, SequencerProgram((10, 1), "", settings=settings), Wires("r", "a"))
    assert found["connect_acq"] == "in0"
    assert (found["demod_en_acq"], found["nco_freq"], found["integration_length_acq"]) == (True, 20e6, 400)
    assert (found["nco_prop_delay_comp_en"], found["nco_prop_delay_comp"]) == (True, 12)
    assert found["thresholded_acq_rotation"] == pytest.approx(270)
    assert found["thresholded_acq_threshold"] == 3.5
    assert (found["thresholded_acq_trigger_en"], found["thresholded_acq_trigger_address"]) == (True, 4)
    assert (found["trigger2_count_threshold"], found["trigger2_threshold_invert"]) == (1, False)
    pair = sequencer_parameters(BASEBAND, SequencerProgram((4, 0), ""), Wires(None, "a"))
    assert (pair["connect_acq_I"], pair["connect_acq_Q"], pair["thresholded_acq_trigger_en"]) == ("in0", "in1", False)


def test_the_vendors_matrix_turns_as_the_settings_say(assembler: Path) -> None:
    """A module compares `a11 I + a12 Q` with the threshold; with the rotation set here that is `Re(S e^(i angle))`."""
    from qblox_instruments import Cluster, ClusterType

    from qpu_drivers.qblox.vendor import close_cluster

    cluster = Cluster("matrix", dummy_cfg={10: ClusterType.CLUSTER_QRM_RF})
    try:
        angle, sum_ = 0.7, 0.3 - 0.9j
        settings = Settings(discriminator=Discriminator(angle, 0.0))
        found = sequencer_parameters(RACK, SequencerProgram((10, 0), "", settings=settings), Wires("r", "a"))
        for name, value in found.items():
            cluster.module10.sequencer0.parameters[name].set(value)
        line = cluster._get_sequencer_config(10, 0)["acq"][0]["th_acq"]
        turned = line["rotation_matrix_a11"] * sum_.real + line["rotation_matrix_a12"] * sum_.imag
        assert turned == pytest.approx((sum_ * np.exp(1j * angle)).real)
    finally:
        close_cluster(cluster)
