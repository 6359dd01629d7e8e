"""The rack file: every mistake has a path, what must hold, and what was given."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qpu_bridge.errors import SettingsError
from qpu_drivers.qblox.rack import ModuleKind, Rack

LAB = Path(__file__).parent / "lab.toml"


@pytest.fixture
def options() -> dict[str, Any]:
    return tomllib.loads(LAB.read_text())["devices"]["lab_five"]["options"]


def test_the_laboratory_is_a_rack(options: dict[str, Any]) -> None:
    rack = Rack.read(options, "lab_five")
    assert rack.simulated
    assert rack.kind("a") is ModuleKind.QRM_RF
    assert rack.wiring["d0"].sockets == (0,)
    assert rack.oscillator("c01") == 0.0


def test_an_input_shares_the_oscillator_of_its_module(options: dict[str, Any]) -> None:
    assert "lo" not in options["wiring"]["a"]
    assert Rack.read(options, "lab_five").oscillator("a") == 7e9


def test_a_mixer_outside_has_a_frequency_that_nobody_sets() -> None:
    line = {"slot": 6, "output": [2, 3], "external_lo": 5e9}
    rack = Rack.read({"instrument": "10.0.0.7", "modules": {"6": "QCM"}, "wiring": {"d0": line}}, "lab_one")
    assert not rack.simulated
    assert rack.wiring["d0"].sockets == (2, 3)
    assert rack.oscillator("d0") == 5e9


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def apply(options: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        for key in outer:
            options = options[key]
        options[last] = value

    return apply


def remove(path: str) -> Callable[[dict[str, Any]], None]:
    def apply(options: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        for key in outer:
            options = options[key]
        del options[last]

    return apply


WRONG: dict[str, tuple[Callable[[dict[str, Any]], None], str, str, str]] = {
    "a module of another kind": (change("modules.2", "QTM"), "modules.2", "a QCM, QRM, QCM-RF or QRM-RF", "QTM"),
    "a slot that no cluster has": (change("modules.21", "QCM"), "modules.21", "less than or equal to 20", "21"),
    "no instrument": (remove("instrument"), "instrument", "must be there", "nothing"),
    "an unknown entry": (change("wiring.d0.power", 3), "wiring.d0.power", "one that driver qblox knows", "power"),
    "a slot without a module": (change("wiring.d0.slot", 3), "wiring.d0.slot", "those with one: 2, 4, 6, 8, 10", "3"),
    "a socket that is not there": (change("wiring.d0.output", 2), "wiring.d0.output", "from 0 to 1", "2"),
    "two sockets of an RF module": (
        change("wiring.d0.output", [0, 1]),
        "wiring.d0.output",
        "one socket, which is I and Q",
        "0, 1",
    ),
    "one socket for I and Q": (change("wiring.c01.output", [1, 1]), "wiring.c01.output", "two different ones", "1, 1"),
    "a socket of two lines": (change("wiring.d1.output", 0), "wiring.d1.output", "belong to one line", "0, which is line d0"),
    "an output and an input": (change("wiring.a.output", 0), "wiring.a", "either an output or an input", "both"),
    "an input where there is none": (change("wiring.a.slot", 2), "wiring.a.input", "a QRM or QRM-RF", "QCM-RF in slot 2"),
    "no oscillator": (remove("wiring.d0.lo"), "wiring.d0.lo", "the frequency of its oscillator", "none"),
    "an oscillator out of range": (change("wiring.d0.lo", 20_000_000_000), "wiring.d0.lo", "less than or equal", "20000000000"),
    "half a hertz": (change("wiring.d0.lo", 5.2e9 + 0.5), "wiring.d0.lo", "valid integer", "5200000000.5"),
    "two oscillators of one": (
        change("wiring.a.lo", 7_100_000_000),
        "wiring.r.lo",
        "one oscillator",
        "7000000000 and 7100000000",
    ),
    "an oscillator of a QCM": (change("wiring.c01.lo", 5_000_000_000), "wiring.c01.lo", "RF modules", "5000000000"),
    "a mixer at one output": (change("wiring.c01.external_lo", 5e9), "wiring.c01.external_lo", "I/Q pair", "5000000000.0"),
    "an odd attenuation": (change("wiring.d0.attenuation", 7), "wiring.d0.attenuation", "a multiple of 2", "7"),
    "too much attenuation at an input": (change("wiring.a.attenuation", 32), "wiring.a.attenuation", "inputs up to 30 dB", "32"),
    "gain of an output": (change("wiring.d0.gain", 3), "wiring.d0.gain", "only inputs of a QRM", "3"),
    "an offset of an RF output": (change("wiring.d0.offset_volts", 0.1), "wiring.d0.offset_volts", "baseband", "0.1"),
    "an offset out of range": (change("wiring.c01.offset_volts", 3.0), "wiring.c01.offset_volts", "less than or equal", "3.0"),
    "a mixer's offset out of range": (
        change("wiring.d0.mixer", {"offset_volts": [0.1, 0.0]}),
        "wiring.d0.mixer.offset_volts",
        "from -0.084 to 0.073 V",
        "(0.1, 0.0)",
    ),
    "a flight of an output": (change("wiring.d0.time_of_flight", 10), "wiring.d0.time_of_flight", "only inputs", "10"),
    "a trigger before its time": (change("trigger.latency", 300), "trigger.latency", "greater than or equal to 364", "300"),
    "an address twice": (change("trigger.addresses", [1, 1]), "trigger.addresses", "stand once", "1, 1"),
    "another clock": (change("reference", "atomic"), "reference", "'internal' or 'external'", "atomic"),
    "answers of a real cluster": (
        lambda options: options.update(instrument="10.0.0.7", answers="formula"),
        "answers",
        "only a dummy or a simulator",
        "formula",
    ),
    "no number": (change("wiring.d0.mixer", {"gain_ratio": float("nan")}), "wiring.d0.mixer.gain_ratio", "finite", "nan"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_with_its_path(options: dict[str, Any], case: str) -> None:
    spoil, path, must, given = WRONG[case]
    before = copy.deepcopy(options)
    spoil(options)
    assert options != before
    with pytest.raises(SettingsError) as caught:
        Rack.read(options, "lab_five")
    assert caught.value.where == f"devices.lab_five.options.{path}"
    assert must in caught.value.must
    assert given in str(caught.value.given)


def test_further_mistakes_are_told_too(options: dict[str, Any]) -> None:
    options["wiring"]["d0"]["output"] = 5
    options["wiring"]["d1"]["slot"] = 1
    with pytest.raises(SettingsError, match=r"wiring\.d1\.slot") as caught:
        Rack.read(options, "lab_five")
    assert "wiring.d0.output" in caught.value.where
