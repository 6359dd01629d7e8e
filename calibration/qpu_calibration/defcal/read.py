"""Reading OpenQASM 3 text with ``defcal`` statements into a snapshot: the whole of one, or what is new in it."""

from __future__ import annotations

import json
from contextlib import redirect_stderr
from dataclasses import replace
from io import StringIO
from typing import Any

import openpulse
from openpulse import ast
from openqasm3.visitor import QASMVisitor
from pydantic import ValidationError

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import Snapshot, file
from qpu_calibration.defcal.block import Block
from qpu_calibration.defcal.body import gate_of, measure_of
from qpu_calibration.defcal.words import PRAGMA

_KEYS = {"qubit": "index", "measure": "qubit", "port": "identifier", "frame": "identifier", "waveform": "identifier"}


def from_defcal(text: str, base: Snapshot | None = None) -> Snapshot:
    """Read text.

    Args:
        text: As `to_defcal` writes it; or by hand, with frames, waveforms and gates of its own.
        base: What holds for all that the text does not say. Without it, the text must be a whole snapshot.

    Raises:
        SettingsError: If the text cannot be parsed, holds what a snapshot cannot, or makes no snapshot that agrees with itself.
    """
    if not text.strip():
        raise SettingsError("a calibration's text must hold something", given="nothing")
    program = _parsed(text)
    for statement in program.statements:
        if isinstance(statement, ast.CalibrationStatement | ast.CalibrationDefinition):
            _Placing(text, statement).visit(statement.body)
    facts = _facts(program)
    try:
        return Snapshot.model_validate(_document(program, facts, base))
    except ValidationError as error:
        raise SettingsError("the text must make a snapshot that agrees with itself", given=file.sentences(error)) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, StopIteration) as error:
        # pragmas say of what they speak in a form of their own
        given = f"{type(error).__name__}: {_first_line(error)}"
        raise SettingsError("pragmas of a calibration's text must be as it was exported", given=given) from error


def _parsed(text: str) -> ast.Program:
    said = StringIO()
    try:
        # what is wrong is told to the terminal by one half of the parser, to the caller by the other
        with redirect_stderr(said):
            program = openpulse.parse(text)
    except Exception as error:
        words = said.getvalue() or str(error) or "text that ends too early"
        raise SettingsError(
            "a calibration's text must be OpenQASM 3 with OpenPulse",
            given=words.splitlines()[0][:100],
            remedy="Is the file whole?",
        ) from error
    if all(isinstance(statement, ast.CalibrationGrammarDeclaration) for statement in program.statements):
        raise SettingsError("a calibration's text must hold something", given="only a heading", remedy="Is the file whole?")
    return program


def _document(program: ast.Program, facts: dict[str, dict[str, Any]], base: Snapshot | None) -> dict[str, Any]:
    """The snapshot as plain data."""
    whole = "snapshot" in facts
    if not whole and base is None:
        raise SettingsError("text without the pragmas of a snapshot needs one to build on", given="neither")
    document: dict[str, Any] = {} if base is None else base.model_dump(mode="json")
    if whole:
        document = dict(facts["snapshot"][""])
        document["qubits"] = [facts["qubit"][key] for key in sorted(facts.get("qubit", {}), key=int)]
        document |= {"ports": [], "frames": [], "waveforms": {}, "gates": [], "measures": []}
    block = Block(document, facts)
    for statement in program.statements:
        if isinstance(statement, ast.CalibrationStatement):
            for one in statement.body:
                block.declare(one)
    for statement in program.statements:
        if isinstance(statement, ast.CalibrationDefinition):
            _define(statement, block, facts)
        elif not isinstance(statement, ast.CalibrationStatement | ast.CalibrationGrammarDeclaration | ast.Pragma):
            raise SettingsError(
                "a calibration's text may hold pragmas, cal and defcal", given=type(statement).__name__, where=_line(statement)
            )
    return block.document


class _Placing(QASMVisitor[None]):
    """Moves the lines of a block's parts, which the parser counts from the block's brace, to where they stand in the text."""

    def __init__(self, text: str, statement: ast.Statement) -> None:
        lines = text.splitlines(keepends=True)
        span = statement.span
        assert span is not None
        begin = sum(map(len, lines[: span.start_line - 1])) + span.start_column
        self.before = text.count("\n", 0, text.index("{", begin))

    def visit(self, node: Any, context: None = None) -> None:
        """Of a part, and of all its parts."""
        if isinstance(node, list):
            for one in node:
                self.visit(one)
            return
        if node.span is not None:
            node.span = replace(node.span, start_line=node.span.start_line + self.before)
        self.generic_visit(node)


def _define(statement: ast.CalibrationDefinition, block: Block, facts: dict[str, dict[str, Any]]) -> None:
    qubits = [int(qubit.name.removeprefix("$")) for qubit in statement.qubits if qubit.name.removeprefix("$").isdigit()]
    if len(qubits) != len(statement.qubits):
        raise SettingsError("a defcal must name its qubits as $0, $1, ...", given=statement.name.name, where=_line(statement))
    if statement.name.name == "measure":
        if len(qubits) != 1:
            raise SettingsError("a measurement must be of one qubit", given=f"{len(qubits)}", where=_line(statement))
        (qubit,) = qubits
        block.replace(
            "measures", {"qubit": qubit}, measure_of(statement, qubit, block) | facts.get("measure", {}).get(str(qubit), {})
        )
        return
    key = json.dumps([statement.name.name, qubits])
    made = gate_of(statement, qubits, block) | facts.get("gate", {}).get(key, {})
    block.replace("gates", {"name": statement.name.name, "qubits": qubits}, made)


def _facts(program: ast.Program) -> dict[str, dict[str, Any]]:
    """Pragmas of ours: what they speak of -> which -> facts."""
    found: dict[str, dict[str, Any]] = {}
    for statement in program.statements:
        if not isinstance(statement, ast.Pragma):
            continue
        word, _, rest = statement.command.partition(" ")
        if word != PRAGMA:
            continue
        what, _, text = rest.partition(" ")
        try:
            fact = json.loads(text)
            key = (
                json.dumps([fact["name"], fact["qubits"]]) if what == "gate" else str(fact[_KEYS[what]]) if what in _KEYS else ""
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                "a pragma of a calibration must hold the facts of one thing",
                given=statement.command[:80],
                where=_line(statement),
                remedy="Is the file whole?",
            ) from error
        found.setdefault(what, {})[key] = fact
    return found


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _line(statement: ast.QASMNode) -> str:
    return "" if statement.span is None else f"line {statement.span.start_line}"
