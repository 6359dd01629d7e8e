"""Writing a snapshot as OpenQASM 3 with an OpenPulse ``cal`` block and a ``defcal`` per gate and measurement."""

from __future__ import annotations

import json
from typing import Any

from qpu_bridge.schedule.names import Names
from qpu_bridge.target import Curve, GateSpec, MeasureSpec, SampledShape, Shape, Snapshot, waveform
from qpu_calibration.defcal.words import EXTERNS, PRAGMA, SHAPES

_HEAD = """OPENQASM 3.0;
defcalgrammar "openpulse";
// {device}, calibration {calibration_id}. 1 dt is {dt} s.
// Phases are told by the rotation they make: +pi/2 is a +Y rotation, RZ(theta) subtracts theta from the qubit's frames."""


def to_defcal(snapshot: Snapshot) -> str:
    """The whole of a snapshot as text that an OpenPulse parser reads and `from_defcal` makes the same snapshot of.

    Numbers have all their digits. What no pulse says (lifetimes, error rates, timing rules) stands in pragmas.
    """
    return _Writer(snapshot).text()


class _Writer:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.names = Names()
        self.lines: list[str] = []

    def text(self) -> str:
        plain = self.snapshot.model_dump(mode="json")
        self.lines.append(
            _HEAD.format(device=plain["device"], calibration_id=plain["calibration_id"], dt=self.snapshot.timing.dt)
        )
        tables = ("ports", "frames", "waveforms", "qubits", "gates", "measures")
        self.pragma("snapshot", {name: value for name, value in plain.items() if name not in tables})
        for qubit in plain["qubits"]:
            self.pragma("qubit", qubit)
        body = [*EXTERNS.split("\n"), *self.ports(plain), *self.frames(plain), *self.waveforms()]
        curves = self.curves()
        self.lines += ["cal {", *(f"  {line}" for line in [*body, *curves]), "}"]
        for gate in self.snapshot.gates:
            facts = gate.model_dump(mode="json", exclude={"pulses", "phases", "duration"})
            self.pragma("gate", facts)
            self.gate(gate)
        for measure in self.snapshot.measures:
            kept = {"qubit", "prob_meas1_prep0", "prob_meas0_prep1"}
            self.pragma("measure", measure.model_dump(mode="json", include=kept))
            self.measure(measure)
        return "\n".join(self.lines) + "\n"

    def pragma(self, what: str, facts: dict[str, Any]) -> None:
        self.lines.append(f"pragma {PRAGMA} {what} {json.dumps(facts)}")

    def ports(self, plain: dict[str, Any]) -> list[str]:
        found = []
        for port in plain["ports"]:
            name = self.names("port", port["name"], port["name"])
            self.pragma("port", {"identifier": name} | port)
            found.append(f"port {name};")
        return found

    def frames(self, plain: dict[str, Any]) -> list[str]:
        found = []
        for frame in plain["frames"]:
            name = self.names("frame", frame["name"], frame["name"])
            self.pragma("frame", {"identifier": name, "name": frame["name"], "follows": frame["follows"]})
            found.append(f"frame {name} = newframe({self.names('port', frame['port'])}, {frame['frequency']!r}, 0.0);")
        return found

    def waveforms(self) -> list[str]:
        found = []
        for key, shape in self.snapshot.waveforms.items():
            name = self.names("waveform", key, key)
            self.pragma("waveform", {"identifier": name, "name": key})
            found += self.shape(name, key, shape)
        return found

    def shape(self, name: str, key: str, shape: Shape) -> list[str]:
        if not isinstance(shape, SampledShape):
            arguments = ", ".join(repr(getattr(shape, field)) for field in SHAPES[shape.shape])
            return [f"waveform {name} = envelope_{shape.shape}({arguments});"]
        numbers = ", ".join(_complex(x, y) for x, y in zip(shape.real, shape.imag, strict=True))
        if shape.repeats is None:
            return [f"waveform {name} = {{{numbers}}};"]
        values, repeats = self.names("values", key, f"{key}_samples"), self.names("repeats", key, f"{key}_repeats")
        counts = ", ".join(map(str, shape.repeats))
        return [
            f"waveform {values} = {{{numbers}}};",
            f"array[uint[32], {len(shape.repeats)}] {repeats} = {{{counts}}};",
            f"waveform {name} = held({values}, {repeats});",
        ]

    def curves(self) -> list[str]:
        found = []
        for gate in self.snapshot.gates:
            numbers = [*(pulse.amplitude for pulse in gate.pulses), *(phase.angle for phase in gate.phases)]
            for curve in numbers:
                if isinstance(curve, Curve):
                    found += [self.knots("angles", curve.angle), self.knots("levels", curve.value)]
        return list(dict.fromkeys(found))

    def knots(self, kind: str, numbers: tuple[float, ...]) -> str:
        name = self.names(kind, numbers, kind)
        return f"array[float[64], {len(numbers)}] {name} = {{{', '.join(map(repr, numbers))}}};"

    def gate(self, gate: GateSpec) -> None:
        angles = any(isinstance(n, Curve) for n in [*(p.amplitude for p in gate.pulses), *(p.angle for p in gate.phases)])
        argument = "(angle[64] theta)" if angles or gate.name == "rz" else ""
        self.lines.append(f"defcal {gate.name}{argument} {', '.join(f'${q}' for q in gate.qubits)} {{")
        now = {self.snapshot.qubits[gate.qubits[0]].drive_frame: 0}
        for pulse in gate.pulses:
            frame, phase = self.names("frame", pulse.frame), pulse.phase
            self.wait(now, pulse.frame, pulse.start)
            if phase:
                self.line(f"shift_phase({frame}, {phase!r});")
            self.line(f"play({frame}, scale({self.number(pulse.amplitude)}, {self.names('waveform', pulse.waveform)}));")
            if phase:
                self.line(f"shift_phase({frame}, -({phase!r}));")
            now[pulse.frame] = pulse.start + self.ticks(pulse.frame, waveform(self.snapshot.waveforms[pulse.waveform]).duration)
        self.wait(now, max(now, key=lambda name: now[name]), gate.duration)
        phases = [(phase.qubit, self.number(phase.angle)) for phase in gate.phases]
        for qubit, angle in [(gate.qubits[0], "theta")] if gate.name == "rz" else phases:
            for carrier in self.snapshot.following(qubit):
                self.line(f"shift_phase({self.names('frame', carrier.name)}, -({angle}));")
        self.lines.append("}")

    def measure(self, measure: MeasureSpec) -> None:
        self.lines.append(f"defcal measure ${measure.qubit} -> bit {{")
        tone, ear = self.names("frame", measure.drive_frame), self.names("frame", measure.acquire_frame)
        now = {measure.drive_frame: 0, measure.acquire_frame: 0}
        self.line(f"play({tone}, scale({measure.amplitude!r}, {self.names('waveform', measure.waveform)}));")
        now[measure.drive_frame] = self.ticks(measure.drive_frame, waveform(self.snapshot.waveforms[measure.waveform]).duration)
        self.wait(now, measure.acquire_frame, measure.acquire_start)
        ticks = self.ticks(measure.acquire_frame, measure.acquire_duration)
        kernel = None if measure.kernel is None else self.names("waveform", measure.kernel)
        heard = f"capture_sum({ear}, {ticks}dt)" if kernel is None else f"capture_iq({ear}, {kernel})"
        self.line(f"complex[float[64]] iq = {heard};")
        now[measure.acquire_frame] += ticks
        self.wait(now, max(now, key=lambda name: now[name]), measure.duration)
        self.line(f"return discriminate(iq, {measure.angle!r}, {measure.threshold!r});")
        self.lines.append("}")

    def wait(self, now: dict[str, int], frame: str, until: int) -> None:
        ticks = until - now.setdefault(frame, 0)
        if ticks > 0:
            self.line(f"delay[{ticks}dt] {self.names('frame', frame)};")
            now[frame] = until

    def number(self, number: float | Curve) -> str:
        if not isinstance(number, Curve):
            return repr(number)
        return f"spline(theta, {self.names('angles', number.angle)}, {self.names('levels', number.value)})"

    def ticks(self, frame: str, samples: int) -> int:
        return self.snapshot.ticks(self.snapshot.frame(frame).port, samples)

    def line(self, text: str) -> None:
        self.lines.append(f"  {text}")


def _complex(real: float, imaginary: float) -> str:
    if not imaginary:
        return repr(real)
    sign = "-" if imaginary < 0 else "+"
    return f"{real!r} {sign} {abs(imaginary)!r}im"
