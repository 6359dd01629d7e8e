"""The ``cal`` block: names of the text and what they stand for in a snapshot."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from openpulse import ast
from pydantic import TypeAdapter, ValidationError

from qpu_bridge.errors import ScheduleError, SettingsError
from qpu_bridge.schedule import Waveform
from qpu_bridge.target import file, shape
from qpu_bridge.units import Clock
from qpu_calibration.defcal.expression import call, listed, number, real, refuse, whole, word
from qpu_calibration.defcal.words import SHAPES

COUNTED = {"duration", "width", "rise"}
"""Fields of envelopes that are samples."""

_SHAPE: TypeAdapter[Any] = TypeAdapter(shape.Shape)


class Block:
    """A snapshot document that declarations fill.

    Args:
        document: Plain data of a snapshot, which is changed.
        facts: Pragmas: what they speak of -> identifier -> facts.
    """

    def __init__(self, document: dict[str, Any], facts: dict[str, dict[str, Any]]) -> None:
        self.document = document
        self.facts = facts
        self.arrays: dict[str, tuple[float, ...]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._whole = "snapshot" in facts
        self._stood = set(document["waveforms"])

    def declare(self, statement: Any) -> None:
        """One statement of the block.

        Raises:
            SettingsError: If a snapshot has no place for it.
        """
        if isinstance(statement, ast.ExternDeclaration):
            return
        if not isinstance(statement, ast.ClassicalDeclaration):
            refuse(statement, "a cal block may declare ports, frames, waveforms and arrays")
        name, kind, value = statement.identifier.name, statement.type, statement.init_expression
        if isinstance(kind, ast.PortType):
            self._port(name)
        elif isinstance(kind, ast.FrameType):
            self._frame(name, value)
        elif isinstance(kind, ast.WaveformType):
            self._waveform(name, value)
        elif isinstance(kind, ast.ArrayType):
            self.arrays[name] = tuple(one.real for one in listed(value))
        else:
            refuse(statement, "a cal block may declare ports, frames, waveforms and arrays")

    def name(self, kind: str, part: Any) -> str:
        """What an identifier is called in the snapshot.

        Raises:
            SettingsError: If nothing of this kind was declared under it, and the snapshot has none.
        """
        identifier = word(part)
        known = self._names.get((kind, identifier))
        if known is None and self._has(kind, identifier):
            known = identifier
        if known is None:
            refuse(part, f"a {kind} must be declared in the cal block or stand in the snapshot", identifier)
        return known

    def shaped(self, wish: str, part: Any) -> str:
        """Put a waveform that the text describes into the snapshot, and say under which name.

        Args:
            wish: The name that it gets, unless the snapshot uses that for another waveform.
            part: Samples, ``held`` or an envelope.

        Raises:
            SettingsError: If it makes no waveform.
        """
        made = self._shape(part)
        try:
            shape.waveform(_SHAPE.validate_python(made))
        except (ScheduleError, ValidationError) as error:
            given = error.sentence if isinstance(error, ScheduleError) else file.sentences(error)
            refuse(part, "a waveform must have the numbers of its shape", given)
        name, there = wish, self.document["waveforms"]
        if not self._whole:
            # a name that the snapshot uses for another envelope stays its own
            count = 1
            while name in there and there[name] != made:
                count += 1
                name = f"{wish}_{count}"
        there[name] = made
        return name

    def replace(self, table: str, key: dict[str, Any], row: dict[str, Any]) -> None:
        """Put a row in the place of the one with the same key; facts of that one which the row does not have stay."""
        rows = self.document[table]
        for place, old in enumerate(rows):
            if all(old[name] == value for name, value in key.items()):
                rows[place] = {name: value for name, value in old.items() if name not in row} | row
                return
        rows.append(row)

    def frame(self, name: str) -> dict[str, Any]:
        """A frame of the snapshot by name."""
        found: dict[str, Any] = next(frame for frame in self.document["frames"] if frame["name"] == name)
        return found

    def ticks(self, frame: str, samples: int) -> int:
        """Ticks of the timeline that cover samples of a frame's line."""
        port = next(port for port in self.document["ports"] if port["name"] == self.frame(frame)["port"])
        return Clock(Fraction(self.document["timing"]["dt"])).ticks_covering(Clock(Fraction(port["dt"])), samples)

    def samples(self, frame: str, ticks: int) -> int:
        """Whole samples of a frame's line that fit into ticks."""
        port = next(port for port in self.document["ports"] if port["name"] == self.frame(frame)["port"])
        return int(ticks * Fraction(self.document["timing"]["dt"]) / Fraction(port["dt"]))

    def envelope(self, name: str) -> Waveform:
        """A waveform of the snapshot."""
        return shape.waveform(_SHAPE.validate_python(self.document["waveforms"][name]))

    def _has(self, kind: str, name: str) -> bool:
        if kind == "waveform":
            # what the text adds is known by the text's names alone
            return name in self._stood
        return any(row["name"] == name for row in self.document[f"{kind}s"])

    def _fact(self, kind: str, identifier: str) -> dict[str, Any]:
        known = self.facts.get(kind, {}).get(identifier, {"name": identifier})
        return {name: value for name, value in known.items() if name != "identifier"}

    def _port(self, identifier: str) -> None:
        fact = self._fact("port", identifier)
        if "kind" in fact:
            self.replace("ports", {"name": fact["name"]}, fact)
        elif not self._has("port", fact["name"]):
            raise SettingsError("a port must be one of the snapshot", given=identifier)
        self._names["port", identifier] = fact["name"]

    def _frame(self, identifier: str, value: Any) -> None:
        port, frequency, phase = call(value, "newframe", 3)
        if number(phase) != 0:
            refuse(value, "a frame must begin at phase 0")
        row = self._fact("frame", identifier)
        row |= {"port": self.name("port", port), "frequency": real(frequency)}
        self._names["frame", identifier] = row["name"]
        self.replace("frames", {"name": row["name"]}, row)

    def _waveform(self, identifier: str, value: Any) -> None:
        self._names["waveform", identifier] = self.shaped(self._fact("waveform", identifier)["name"], value)

    def _shape(self, value: Any) -> dict[str, Any]:
        if isinstance(value, ast.ArrayLiteral):
            numbers = listed(value)
            return {"shape": "samples", "real": [n.real for n in numbers], "imag": [n.imag for n in numbers], "repeats": None}
        called = value.name.name if isinstance(value, ast.FunctionCall) else ""
        if called == "held":
            samples, repeats = call(value, "held", 2)
            held: dict[str, Any] = self.document["waveforms"].pop(self.name("waveform", samples))
            if word(repeats) not in self.arrays:
                refuse(repeats, "how long samples are held must be an array of the cal block", repeats.name)
            return held | {"repeats": [int(n) for n in self.arrays[repeats.name]]}
        shape_name = called.removeprefix("envelope_")
        if shape_name not in SHAPES or shape_name == called:
            refuse(value, f"a waveform must be samples, held, or one of {', '.join(f'envelope_{name}' for name in SHAPES)}")
        given = zip(SHAPES[shape_name], call(value, called, len(SHAPES[shape_name])), strict=True)
        return {"shape": shape_name} | {field: whole(one) if field in COUNTED else real(one) for field, one in given}
