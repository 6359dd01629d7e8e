"""A schedule as text: small enough for a terminal, stable enough for a golden file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import words
from qpu_bridge.schedule.block import Assign, Block, Body, Branch, Repeat, Straight, While
from qpu_bridge.schedule.bound import bind, row_values
from qpu_bridge.schedule.event import NONE, Operation
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import Table

_LEVELS = "▁▂▃▄▅▆▇█"
_CAPTURE = "░"
_LISTED = 24


def draw(schedule: Schedule, row: int | None = None, table: Table | None = None, *, width: int = 64) -> str:
    """Draw a schedule as text: a lane per port, one picture per straight block, then its events.

    The height of a lane is the magnitude of the envelope relative to the lane's loudest play, captures are shaded.
    ``*s0`` multiplies, ``+s0`` adds slot 0; ``+angle`` adds a real-time variable.

    Args:
        schedule: What to draw.
        row: Row of the table to fill in; without it slots stay visible.
        table: Rows of slot values.
        width: Characters per lane.
    """
    shown = schedule if row is None else bind(schedule, row_values(schedule, row, table or Table.single()))
    lines = _head(schedule, shown, row)
    _body(shown, shown.realtime, "", width, lines)
    return "\n".join(lines) + "\n"


def _head(schedule: Schedule, shown: Schedule, row: int | None) -> list[str]:
    tick = words.quantity(float(schedule.clock.dt), "s")
    length = "depends on slots or bits" if shown.duration is None else _time(shown, shown.duration)
    lines = [f"schedule of {len(schedule.events)} events, {length}, tick {tick}"]
    for index, port in enumerate(schedule.ports):
        frames = [frame for frame in schedule.frames if frame.port == index]
        text = ", ".join(f"{f.name} {words.quantity(f.frequency, 'Hz')}" if f.frequency else f.name for f in frames)
        lines.append(f"  {port.name} ({port.kind.value}): {text}")
    lines.extend(f"  w{index}: {_wave(schedule, index)}" for index in range(len(schedule.waveforms)))
    if row is not None:
        lines.append(f"row {row}, first point of each axis")
    lines.append("for " + ", ".join(words.loop(schedule, loop) for loop in shown.loops) + ":")
    return lines


def _wave(schedule: Schedule, index: int) -> str:
    wave = schedule.waveforms[index]
    kind = "real" if wave.real else "complex"
    return f"{kind}, {wave.duration} samples in {len(wave.samples)} runs, peak {wave.peak:.4g}"


def _time(schedule: Schedule, ticks: int) -> str:
    return words.quantity(float(ticks * schedule.clock.dt), "s")


def _body(schedule: Schedule, body: Body, indent: str, width: int, lines: list[str]) -> None:
    for block in body:
        if isinstance(block, Straight):
            _straight(schedule, block, indent, width, lines)
        else:
            _control(schedule, block, indent, width, lines)


def _control(schedule: Schedule, block: Block, indent: str, width: int, lines: list[str]) -> None:
    inner = indent + "  "
    if isinstance(block, Assign):
        name = schedule.variables[block.variable].name
        lines.append(f"{indent}{name} = {words.expression(schedule, block.value)}")
    elif isinstance(block, Branch):
        lines.append(f"{indent}if {words.expression(schedule, block.condition)}:")
        _body(schedule, block.then, inner, width, lines)
        if block.otherwise:
            lines.append(f"{indent}else:")
            _body(schedule, block.otherwise, inner, width, lines)
    elif isinstance(block, Repeat):
        counter = "" if block.variable == NONE else f", counting {schedule.variables[block.variable].name}"
        lines.append(f"{indent}{block.count} times{counter}:")
        _body(schedule, block.body, inner, width, lines)
    elif isinstance(block, While):
        lines.append(f"{indent}while {words.expression(schedule, block.condition)}, at most {block.maximum} times:")
        _body(schedule, block.body, inner, width, lines)


def _straight(schedule: Schedule, block: Straight, indent: str, width: int, lines: list[str]) -> None:
    swept = "" if block.duration_slot == NONE else f" + s{block.duration_slot} ticks"
    length = f"{_time(schedule, block.duration)}{swept}"
    if block.first == block.last:
        lines.append(f"{indent}wait {length}")
        return
    lines.append(f"{indent}straight, {length}:")
    events = schedule.events[block.first : block.last]
    span = max(block.duration, 1)
    columns = min(width, span)
    name_width = max(len(port.name) for port in schedule.ports)
    for port in np.unique(events["port"]):
        mine = events[events["port"] == port]
        lines.append(f"{indent}  {schedule.ports[port].name:<{name_width}} |{_lane(schedule, mine, span, columns)}|")
    rows = range(block.first, block.last)
    lines.extend(f"{indent}  {_event(schedule, row)}" for row in rows[:_LISTED])
    if len(rows) > _LISTED:
        lines.append(f"{indent}  ... and {len(rows) - _LISTED} more")


def _lane(schedule: Schedule, events: NDArray[np.void], span: int, columns: int) -> str:
    level = np.zeros(columns)
    captured = np.zeros(columns, bool)
    for event in events:
        start, stop = int(event["start"]), int(event["start"] + event["duration"])
        first, last = start * columns // span, max(-(-stop * columns // span), start * columns // span + 1)
        if event["operation"] == Operation.CAPTURE:
            captured[first:last] = True
            continue
        wave = schedule.waveforms[event["waveform"]]
        # what the envelope reaches within each character, so that a short pulse is not lost
        edges = np.cumsum(wave.repeats) / wave.duration * (stop - start)
        heights = np.abs(wave.samples) * (abs(float(event["amplitude"])) or 1e-9)
        for cell in range(first, min(last, columns)):
            left, right = cell * span / columns - start, (cell + 1) * span / columns - start
            begin = min(int(np.searchsorted(edges, max(left, 0), side="right")), len(heights) - 1)
            end = min(int(np.searchsorted(edges, right, side="left")), len(heights) - 1)
            level[cell] = max(level[cell], float(heights[begin : end + 1].max()))
    loudest = level.max(initial=0.0) or 1.0
    text = []
    for height, shaded in zip(level, captured, strict=True):
        step = min(int(height / loudest * len(_LEVELS)), len(_LEVELS) - 1)
        text.append(_CAPTURE if shaded else _LEVELS[step] if height else " ")
    return "".join(text)


def _event(schedule: Schedule, row: int) -> str:
    event = schedule.events[row]
    frame = schedule.frames[event["frame"]]
    capture = event["operation"] == Operation.CAPTURE
    text = f"{event['start']:>6} {'<' if capture else '>'} {frame.name}"
    if event["waveform"] != NONE:
        text += f" w{event['waveform']}"
    if not capture:
        text += f" *{event['amplitude']:.6g}"
        text += f"*s{event['amplitude_slot']}" if event["amplitude_slot"] != NONE else ""
    text += _phase(schedule, row)
    shift = float(event["frequency"]) - frame.frequency
    if shift or event["frequency_slot"] != NONE:
        text += f" @{words.quantity(float(event['frequency']), 'Hz')}"
        text += f"+s{event['frequency_slot']}" if event["frequency_slot"] != NONE else ""
    return f"{text} -> {schedule.columns[event['column']].name}" if capture else text


def _phase(schedule: Schedule, row: int) -> str:
    event = schedule.events[row]
    terms = [words.angle(float(event["phase"]))]
    if event["phase_slot"] != NONE:
        terms.append(f"s{event['phase_slot']}")
    if event["phase_variable"] != NONE:
        terms.append(schedule.variables[event["phase_variable"]].name)
    if terms[0] == "0":
        terms = terms[1:]
    return f" ^{'+'.join(terms)}" if terms else ""
