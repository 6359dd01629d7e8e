"""Bodies of ``defcal`` statements: plays, waits and phases as rows of a snapshot."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from openpulse import ast

from qpu_bridge.errors import SettingsError
from qpu_calibration.defcal.block import Block
from qpu_calibration.defcal.expression import call, number, real, refuse, ticks, word

CAPTURES = ("capture_iq", "capture_sum")


class _Body:
    """One body under way: how far each frame is, and by how much its phase was shifted."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.now: dict[str, int] = defaultdict(int)
        self.shifts: dict[str, list[Any]] = defaultdict(list)
        self.plays: list[dict[str, Any]] = []
        self.heard: dict[str, Any] = {}
        self.line: tuple[float, float] | None = None
        self.own: dict[str, str] = {}

    def read(self, statements: list[Any]) -> None:
        for statement in statements:
            if isinstance(statement, ast.DelayInstruction):
                self.delay(statement)
            elif isinstance(statement, ast.QuantumBarrier):
                frames = [self.block.name("frame", frame) for frame in statement.qubits] or list(self.now)
                self.now.update(dict.fromkeys(frames, max((self.now[frame] for frame in frames), default=0)))
            elif isinstance(statement, ast.ExpressionStatement) and isinstance(statement.expression, ast.FunctionCall):
                self.act(statement.expression)
            elif isinstance(statement, ast.ClassicalDeclaration) and isinstance(statement.type, ast.WaveformType):
                name = statement.identifier.name
                self.own[name] = self.block.shaped(name, statement.init_expression)
            elif isinstance(statement, ast.ClassicalDeclaration):
                self.capture(statement.init_expression)
            elif isinstance(statement, ast.ReturnStatement):
                _, angle, threshold = call(statement.expression, "discriminate", 3)
                self.line = real(angle), real(threshold)
            else:
                refuse(statement, "a defcal may hold play, delay, barrier, shift_phase, waveforms, one capture and its return")

    def delay(self, statement: Any) -> None:
        waited = ticks(statement.duration)
        for frame in statement.qubits:
            self.now[self.block.name("frame", frame)] += waited

    def act(self, part: Any) -> None:
        if part.name.name == "play":
            frame, shape = call(part, "play", 2)
            name = self.block.name("frame", frame)
            level: Any = 1.0
            if isinstance(shape, ast.FunctionCall) and shape.name.name == "scale":
                factor, shape = call(shape, "scale", 2)
                level = self.level(factor)
            waveform = self.waveform(shape)
            self.plays.append(
                {"frame": name, "waveform": waveform, "start": self.now[name], "amplitude": level, "phase": self.phase(name)}
            )
            self.now[name] += self.block.ticks(name, self.block.envelope(waveform).duration)
        elif part.name.name == "shift_phase":
            frame, shift = call(part, "shift_phase", 2)
            self.shift(self.block.name("frame", frame), shift)
        else:
            refuse(part, "a defcal may play and shift phases")

    def waveform(self, part: Any) -> str:
        """Name of a waveform in the snapshot, of one that has a name here or is described where it is played."""
        if not isinstance(part, ast.Identifier):
            return self.block.shaped("played", part)
        return self.own.get(part.name) or self.block.name("waveform", part)

    def shift(self, frame: str, part: Any) -> None:
        """Shifts add up; one that takes the last one back leaves nothing, exactly."""
        sign = 1
        if isinstance(part, ast.UnaryExpression) and part.op.name == "-" and not _constant(part):
            sign, part = -1, part.expression
        shift = real(part) if _constant(part) else (sign, part)
        held = self.shifts[frame]
        if held and isinstance(shift, float) and isinstance(held[-1], float) and held[-1] == -shift:
            held.pop()
            if not held:
                # virtual Z count in the order in which they are left at the end
                del self.shifts[frame]
        else:
            held.append(shift)

    def phase(self, frame: str) -> float:
        held = self.shifts.get(frame, [])
        if not all(isinstance(one, float) for one in held):
            raise SettingsError("the phase of a play must not depend on the angle", given="a curve", where=frame)
        return float(sum(held))

    def capture(self, part: Any) -> None:
        if self.heard or not isinstance(part, ast.FunctionCall) or part.name.name not in CAPTURES:
            refuse(part, f"what a defcal declares must be waveforms, and one value that {' or '.join(CAPTURES)} gives")
        frame, given = call(part, part.name.name, 2)
        name, kernel = self.block.name("frame", frame), None
        if part.name.name == "capture_iq":
            kernel = self.waveform(given)
            samples = self.block.envelope(kernel).duration
        else:
            samples = self.block.samples(name, ticks(given))
        self.heard = {"acquire_frame": name, "acquire_start": self.now[name], "acquire_duration": samples, "kernel": kernel}
        self.now[name] += self.block.ticks(name, samples)

    def level(self, part: Any) -> Any:
        """A number, or a curve over the gate's angle."""
        if isinstance(part, ast.FunctionCall):
            _, angles, levels = call(part, "spline", 3)
            missing = [one for one in (angles, levels) if word(one) not in self.block.arrays]
            if missing:
                refuse(missing[0], "a spline must go through arrays of the cal block", missing[0].name)
            return {"angle": self.block.arrays[angles.name], "value": self.block.arrays[levels.name]}
        return real(part)

    @property
    def duration(self) -> int:
        return max(self.now.values(), default=0)


def gate_of(statement: Any, qubits: list[int], block: Block) -> dict[str, Any]:
    """A gate, as plain data.

    Raises:
        SettingsError: If a gate cannot be like that.
    """
    body = _Body(block)
    body.read(statement.body)
    if body.heard or body.line:
        refuse(statement, "only a measurement may capture and return", statement.name.name)
    name = statement.name.name
    phases = [] if name == "rz" else _virtual(body)
    return {"name": name, "qubits": qubits, "duration": body.duration, "pulses": body.plays, "phases": phases}


def measure_of(statement: Any, qubit: int, block: Block) -> dict[str, Any]:
    """A measurement, as plain data.

    Raises:
        SettingsError: If it is not one tone and one capture that is discriminated.
    """
    body = _Body(block)
    body.read(statement.body)
    if len(body.plays) != 1 or not body.heard or body.line is None or body.plays[0]["start"] or body.plays[0]["phase"]:
        refuse(statement, "a measurement must be one tone from the start on, one capture, and the return of its bit")
    tone = body.plays[0]
    found = {"qubit": qubit, "drive_frame": tone["frame"], "waveform": tone["waveform"], "amplitude": tone["amplitude"]}
    return found | body.heard | {"angle": body.line[0], "threshold": body.line[1], "duration": body.duration}


def _virtual(body: _Body) -> list[dict[str, Any]]:
    """What is left of the phases is a virtual Z: RZ(angle) subtracts it from all frames of the qubit."""
    found: dict[int, Any] = {}
    for frame, shifts in body.shifts.items():
        qubit = body.block.frame(frame)["follows"]
        if qubit is None or len(shifts) > 1:
            raise SettingsError(
                "a virtual Z must be one shift of each frame of its qubit", given=f"{len(shifts)} shifts", where=frame
            )
        shift = shifts[0]
        if isinstance(shift, float):
            angle: Any = -shift
        else:
            angle = body.level(shift[1])
            if shift[0] > 0:
                angle = {"angle": angle["angle"], "value": tuple(-value for value in angle["value"])}
        if found.setdefault(qubit, angle) != angle:
            raise SettingsError("all frames of a qubit must be shifted alike", given="different shifts", where=frame)
    return [{"qubit": qubit, "angle": angle} for qubit, angle in found.items()]


def _constant(part: Any) -> bool:
    try:
        number(part)
    except SettingsError:
        return False
    return True
