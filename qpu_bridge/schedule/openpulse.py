"""A schedule as OpenQASM 3 text with an OpenPulse ``cal`` block.

Rules of the text: a carrier (a frame at one frequency) is made at the start of each shot, so that its phase counts from there,
as the schedule says; each play shifts the phase, plays, and shifts it back, so that no state is carried through branches.
"""

from __future__ import annotations

import numpy as np

from qpu_bridge.schedule.block import Assign, Block, Body, Branch, Linear, Repeat, Rows, Straight, While
from qpu_bridge.schedule.column import Acquisition
from qpu_bridge.schedule.event import NONE, Operation
from qpu_bridge.schedule.expression import Apply, Bits, Constant, Expression, Operator, Read, SlotValue, Variable, VariableKind
from qpu_bridge.schedule.names import Names
from qpu_bridge.schedule.schedule import Schedule

_HEAD = """OPENQASM 3.0;
defcalgrammar "openpulse";
// Phases are told by the rotation they make: +pi/2 is a +Y rotation, RZ(theta) subtracts theta.
// 1 dt is {dt} s. Inputs are the slots of one row of the table."""
_EXTERNS = """extern capture_iq(frame, waveform) -> complex[float[64]];
extern capture_sum(frame, duration) -> complex[float[64]];
extern capture_trace(frame, duration) -> waveform;
extern discriminate(complex[float[64]], float[64], float[64]) -> bit;"""


def to_openpulse(schedule: Schedule) -> str:
    """Write a schedule as text that an OpenPulse parser reads."""
    return _Writer(schedule).text()


class _Writer:
    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.names = Names()
        self.lines: list[str] = []
        self.depth = self.turns = 0
        self.swept = schedule.swept.keys()
        self.carriers: dict[tuple[int, float, int], str] = {}

    def text(self) -> str:
        self.lines.append(_HEAD.format(dt=self.schedule.clock.dt))
        for index, slot in enumerate(self.schedule.slots):
            name = self.names("s", index)
            if index not in self.swept:
                bits = "" if slot.bits is None else f", {slot.bits} bits"
                self.lines.append(f"input float[64] {name};  // {slot.kind.value}{bits}")
        self.lines.append("input uint[32] shots;")
        self.open("cal {")
        self.tables()
        self.loops()
        self.close()
        return "\n".join(self.lines) + "\n"

    def line(self, text: str) -> None:
        self.lines.extend("  " * self.depth + part for part in text.split("\n"))

    def open(self, text: str) -> None:
        self.line(text)
        self.depth += 1

    def close(self, text: str = "}") -> None:
        self.depth -= 1
        self.line(text)

    def tables(self) -> None:
        self.line(_EXTERNS)
        for index, port in enumerate(self.schedule.ports):
            self.line(f"port {self.names('p', index, port.name)};  // {port.kind.value}, sampled every {port.clock.dt} s")
        for index, wave in enumerate(self.schedule.waveforms):
            samples = ", ".join(_number(sample) for sample in wave.expand())
            self.line(f"waveform {self.names('w', index)} = {{{samples}}};")

    def loops(self) -> None:
        for loop in self.schedule.loops:
            if isinstance(loop, Linear):
                counter = self.names("k", loop.sweeps[0].slot)
                self.open(f"for uint[32] {counter} in [0:{loop.count - 1}] {{")
                for sweep in loop.sweeps:
                    value = f"{float(sweep.start)!r} + {float(sweep.step)!r} * {counter}"
                    self.line(f"float[64] {self.names('s', sweep.slot)} = {value};")
            elif isinstance(loop, Rows):
                self.open("if (true) {  // once per row of the table: the inputs are that row")
            else:
                self.open("for uint[32] shot in [1:shots] {")
        self.start()
        self.body(self.schedule.realtime)
        for _ in self.schedule.loops:
            self.close()

    def start(self) -> None:
        """What a shot begins with: carriers at phase 0, memory and variables at 0."""
        events = self.schedule.events
        keys = np.unique(events[["frame", "frequency", "frequency_slot"]])
        for index, frame in enumerate(self.schedule.frames):
            mine = [(float(f), int(s)) for number, f, s in keys.tolist() if number == index]
            for frequency, slot in sorted(mine, key=lambda pair: (pair != (frame.frequency, NONE), pair)):
                key = (index, frequency, slot)
                self.carriers[key] = self.names("f", key, frame.name)
                port = self.names("p", frame.port)
                shift = "" if slot == NONE else f" + {self.names('s', slot)}"
                self.line(f"frame {self.carriers[key]} = newframe({port}, {frequency!r}{shift}, 0.0);")
        for index, column in enumerate(self.schedule.columns):
            name = self.names("c", index, column.name)
            note = "returned" if column.returned else "not returned"
            average = ", averaged over shots" if column.average else ""
            if column.acquisition is Acquisition.RAW:
                self.line(f"waveform {name};  // {note}{average}")
                continue
            self.line(f"complex[float[64]] {self.names('iq', index, f'{column.name}_iq')} = 0.0;")
            self.line(f"bit {name} = 0;  // {note}: {column.output.value}{average}")
        for index, variable in enumerate(self.schedule.variables):
            zero = {VariableKind.BOOL: "false", VariableKind.UINT: "0", VariableKind.FLOAT: "0.0"}[variable.kind]
            self.line(f"{_type(variable)} {self.names('v', index, variable.name)} = {zero};")

    def body(self, body: Body) -> None:
        for block in body:
            if isinstance(block, Straight):
                self.straight(block)
            else:
                self.control(block)

    def control(self, block: Block) -> None:
        if isinstance(block, Assign):
            self.line(f"{self.names('v', block.variable)} = {self.expression(block.value)};")
        elif isinstance(block, Branch):
            self.open(f"if ({self.expression(block.condition)}) {{")
            self.body(block.then)
            if block.otherwise:
                self.close("} else {")
                self.depth += 1
                self.body(block.otherwise)
            self.close()
        elif isinstance(block, Repeat):
            self.turns += 1
            counter = self.names("turn", self.turns, "turn")
            self.open(f"for uint[32] {counter} in [0:{block.count - 1}] {{")
            if block.variable != NONE:
                self.line(f"{self.names('v', block.variable)} = {counter};")
            self.body(block.body)
            self.close()
        elif isinstance(block, While):
            self.open(f"while ({self.expression(block.condition)}) {{  // at most {block.maximum} turns, then a fault")
            self.body(block.body)
            self.close()

    def straight(self, block: Straight) -> None:
        everyone = ", ".join(self.carriers.values())
        now = dict.fromkeys(self.carriers.values(), 0)
        for row in range(block.first, block.last):
            event = self.schedule.events[row]
            carrier = self.carriers[int(event["frame"]), float(event["frequency"]), int(event["frequency_slot"])]
            start = int(event["start"])
            if start > now[carrier]:
                self.line(f"delay[{start - now[carrier]}dt] {carrier};")
            now[carrier] = start + int(event["duration"])
            phase = self.phase(row)
            if phase:
                self.line(f"shift_phase({carrier}, {phase});")
            self.line(self.act(row, carrier))
            if phase:
                self.line(f"shift_phase({carrier}, -({phase}));")
        if not now:
            return
        last = max(now, key=lambda carrier: now[carrier])
        if block.duration > now[last]:
            self.line(f"delay[{block.duration - now[last]}dt] {last};")
        if block.duration_slot != NONE:
            self.line(f"delay[{self.names('s', block.duration_slot)} * 1dt] {last};")
        self.line(f"barrier {everyone};")

    def phase(self, row: int) -> str:
        event = self.schedule.events[row]
        terms = [repr(float(event["phase"]))] if event["phase"] else []
        terms += [self.names("s", int(event["phase_slot"]))] if event["phase_slot"] != NONE else []
        terms += [self.names("v", int(event["phase_variable"]))] if event["phase_variable"] != NONE else []
        return " + ".join(terms)

    def act(self, row: int, carrier: str) -> str:
        event = self.schedule.events[row]
        waveform = int(event["waveform"])
        if event["operation"] == Operation.PLAY:
            factor = repr(float(event["amplitude"]))
            if event["amplitude_slot"] != NONE:
                factor += f" * {self.names('s', int(event['amplitude_slot']))}"
            return f"play({carrier}, scale({factor}, {self.names('w', waveform)}));"
        index = int(event["column"])
        column, name = self.schedule.columns[index], self.names("c", index)
        ticks = f"{int(event['duration'])}dt"
        if column.acquisition is Acquisition.RAW:
            return f"{name} = capture_trace({carrier}, {ticks});"
        iq = self.names("iq", index)
        sums = f"capture_sum({carrier}, {ticks})" if waveform == NONE else f"capture_iq({carrier}, {self.names('w', waveform)})"
        text = f"{iq} = {sums};"
        if column.discriminator is not None:
            line = f"{float(column.discriminator.angle)!r}, {float(column.discriminator.threshold)!r}"
            text += f"\n{name} = discriminate({iq}, {line});"
        return text

    def expression(self, part: Expression) -> str:
        if isinstance(part, Constant):
            return str(part.value).lower() if isinstance(part.value, bool) else repr(part.value)
        if isinstance(part, Read):
            return self.names("v", part.variable)
        if isinstance(part, SlotValue):
            return self.names("s", part.slot)
        if isinstance(part, Bits):
            names = [self.names("c", column) for column in part.columns]
            if len(names) == 1:
                return names[0]
            word = f"uint[{len(names)}]"
            return "(" + " | ".join(f"({word}({name}) << {place})" for place, name in enumerate(names)) + ")"
        return self.applied(part, [self.expression(argument) for argument in part.arguments])

    def applied(self, part: Apply, inner: list[str]) -> str:
        if part.operator is Operator.CAST:
            return f"{_type(Variable('', part.kind, part.width))}({inner[0]})"
        if part.operator is Operator.INDEX:
            return f"(({inner[0]} >> {inner[1]}) & 1)"
        if part.operator is Operator.NEGATE:
            return f"(-{inner[0]})"
        if len(inner) == 1:
            return f"({part.operator.value}{inner[0]})"
        return f"({inner[0]} {part.operator.value} {inner[1]})"


def _type(variable: Variable) -> str:
    if variable.kind is VariableKind.BOOL:
        return "bool"
    return f"uint[{variable.width}]" if variable.kind is VariableKind.UINT else "float[64]"


def _number(sample: complex) -> str:
    """A complex number with all its digits, short where a part is 0."""
    if not sample.imag:
        return repr(float(sample.real))
    imaginary = f"{abs(float(sample.imag))!r}im"
    sign = "-" if sample.imag < 0 else "+"
    if not sample.real:
        return imaginary if sign == "+" else f"-{imaginary}"
    return f"{float(sample.real)!r} {sign} {imaginary}"
