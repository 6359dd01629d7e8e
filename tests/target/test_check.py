from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any
from weakref import ref

import pytest
from pydantic import TypeAdapter, ValidationError

from qpu_bridge.target import Snapshot
from qpu_bridge.target.check import faults

Fields = dict[str, Any]


def gate(fields: Fields, name: str) -> Fields:
    found: Fields = next(gate for gate in fields["gates"] if gate["name"] == name)
    return found


MISTAKES: list[tuple[str, Callable[[Fields], object], str]] = [
    ("frame without port", lambda f: f["frames"][0].update(port="nowhere"), "frames: 'q0' must name a port"),
    ("pulse without frame", lambda f: gate(f, "sx")["pulses"][0].update(frame="q9"), r"gates\[1\].*pulses\[0\].frame.*'q9'"),
    ("pulse without waveform", lambda f: gate(f, "x")["pulses"][0].update(waveform="w"), r"pulses\[0\].waveform .*'w'"),
    ("gap in the indices", lambda f: f["qubits"][1].update(index=4), "indices must count up"),
    ("pulse after the end", lambda f: gate(f, "cz")["pulses"][0].update(start=8), "ends at tick 68, after the end"),
    ("odd duration", lambda f: gate(f, "sx").update(duration=34), "multiple of 4 ticks"),
    ("curve too short", lambda f: gate(f, "rx")["pulses"][0].update(amplitude={"angle": [0], "value": [0]}), "at least two"),
    (
        "curve descends",
        lambda f: gate(f, "rx")["pulses"][0].update(amplitude={"angle": [0, -1], "value": [0, 0.1]}),
        "ascending",
    ),
    ("no curve", lambda f: gate(f, "rx")["pulses"][0].update(amplitude=0.1), "needs a curve"),
    (
        "curve on a fixed gate",
        lambda f: gate(f, "x")["pulses"][0].update(amplitude={"angle": [0, 1], "value": [0, 0.1]}),
        "takes no curve",
    ),
    ("loud pulse", lambda f: gate(f, "x")["pulses"][0].update(amplitude=1.2), "full scale"),
    ("rz with a duration", lambda f: gate(f, "rz").update(duration=4), "virtual Z"),
    ("unknown gate", lambda f: gate(f, "cz").update(name="cnot"), "must be one of"),
    ("gate on one qubit twice", lambda f: gate(f, "cz").update(qubits=[1, 1]), "2 different qubits"),
    ("gate twice", lambda f: f["gates"].append(gate(f, "sx")), "must stand once"),
    ("no x", lambda f: f["gates"].remove(gate(f, "x")), "qubit 0 is operational and so needs an x"),
    ("not measured", lambda f: f["measures"].pop(), "must hold each of the 3 qubits once"),
    ("capture too long", lambda f: f["measures"][0].update(acquire_duration=900), "after the measurement"),
    ("kernel of wrong length", lambda f: f["measures"][0].update(kernel="plain"), "as long as the capture"),
    ("drive on a readout line", lambda f: f["qubits"][0].update(drive_frame="r0"), "must be on a drive port"),
    ("shape that is none", lambda f: f["waveforms"]["flat"].update(rise=40), "waveforms.flat: the two edges"),
    ("rep delays", lambda f: f["timing"].update(default_rep_delay=1.0), "ascending"),
    ("no zone", lambda f: f.update(calibrated_at="2026-11-21T08:00:00"), "name its zone"),
    ("device without underscore", lambda f: f.update(device="lab"), "device"),
    ("coupling of one", lambda f: f.update(couplings=[{"qubits": [1, 1], "zz": 0.0}]), "two different ones of qubits 0 to 2"),
    ("coupling twice", lambda f: f.update(couplings=[{"qubits": q, "zz": 0.0} for q in ([0, 1], [1, 0])]), "must stand once"),
    ("unknown field", lambda f: f.update(owner="me"), "owner"),
]


@pytest.mark.parametrize(("mistake", "sentence"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_named(fields: Fields, mistake: Callable[[Fields], object], sentence: str) -> None:
    Snapshot.model_validate(fields)
    mistake(fields)
    with pytest.raises(ValidationError, match=sentence):
        Snapshot.model_validate(fields)


ELSEWHERE: list[tuple[str, Callable[[Fields], object]]] = [
    ("granularity", lambda f: f["timing"].update(granularity=5)),
    ("clock", lambda f: f["timing"].update(dt="1/3000000000")),
    ("clock of a line", lambda f: f["ports"][2].update(dt="1/400000000")),
    ("kind of a line", lambda f: f["ports"][2].update(kind="drive")),
    ("line of a carrier", lambda f: f["frames"][2].update(port="d0")),
    ("name of a carrier", lambda f: f["frames"][1].update(name="another")),
    ("longer envelope", lambda f: f["waveforms"]["flat"].update(duration=80)),
    ("no envelope", lambda f: f["waveforms"].pop("flat")),
    ("fewer qubits", lambda f: f["qubits"].pop()),
]


FOUND = [
    (name, mistake) for name, mistake, _ in MISTAKES if name not in ("device without underscore", "unknown field")
] + ELSEWHERE


@pytest.mark.parametrize("mistake", [mistake for _, mistake in FOUND], ids=[name for name, _ in FOUND])
def test_after_one_without_faults_the_same_faults_are_found(fields: Fields, mistake: Callable[[Fields], object]) -> None:
    """What a mistake leaves as it was is the very object, as after an edit: a fault must be found there, too."""
    known = Snapshot.model_validate(fields)
    mistake(fields)
    types = {name: field.annotation for name, field in Snapshot.model_fields.items() if name in fields}
    entries = {name: TypeAdapter[Any](kind).validate_python(fields[name]) for name, kind in types.items()}
    for name, entry in entries.items():
        if isinstance(entry, tuple):
            there = getattr(known, name)
            entries[name] = tuple(next((old for old in there if old == one), one) for one in entry)
        if isinstance(entry, dict):
            entries[name] = {key: known.waveforms[key] if known.waveforms.get(key) == one else one for key, one in entry.items()}
    wrong = known.model_copy(update=entries)
    assert not faults(known)
    found = faults(wrong)
    assert found
    assert found == faults(wrong.model_copy(deep=True))


def test_what_has_gone_is_not_remembered(fields: Fields) -> None:
    known = Snapshot.model_validate(fields)
    gone = ref(known)
    del known
    gc.collect()
    assert gone() is None
    assert not faults(Snapshot.model_validate(fields))


def test_lookups(snapshot: Snapshot) -> None:
    sx = snapshot.gate("sx", 1)
    assert sx is not None
    assert sx.qubits == (1,)
    assert snapshot.gate("cz", 1, 0) is None
    assert snapshot.measure(2).qubit == 2
    assert [frame.name for frame in snapshot.following(1)] == ["q1"]
    assert snapshot.port("a0").dt * 10**9 == 2
    # capture from 100 to 1000, then 400 of latency outlast the measurement; then x
    assert snapshot.reset_duration(0) == 100 + 2 * 450 + 400 + 32
