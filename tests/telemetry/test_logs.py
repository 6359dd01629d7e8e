from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from qpu_bridge.execution import prefetch
from qpu_bridge.telemetry import about, facts
from qpu_bridge.telemetry.logs import ENVIRONMENT, JsonLines, LogFormat, PlainLines, keep_logs


def record(text: str = "the %s is %d", *values: object, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("qpu_bridge.x", logging.WARNING, __file__, 1, text, values or ("answer", 42), exc_info)  # type: ignore[arg-type]


def test_a_json_line_holds_what_it_is_about() -> None:
    with about(job="j1", device="lab_two"), about(trace="t1"):
        line = json.loads(JsonLines({"process_name": "runner"}).format(record()))
    assert line["message"] == "the answer is 42"
    assert line["time"].endswith("+00:00")
    assert {line["job"], line["device"], line["trace"], line["process_name"]} == {"j1", "lab_two", "t1", "runner"}
    assert "job" not in json.loads(JsonLines({}).format(record()))


def test_a_traceback_is_one_field_of_one_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        text = JsonLines({}).format(record(exc_info=(type(error), error, error.__traceback__)))
    assert "\n" not in text
    assert "ValueError: two\nlines" in json.loads(text)["exception"]


def test_plain_lines_say_it_at_their_end() -> None:
    with about(job="j1"):
        assert PlainLines().format(record()).endswith("qpu_bridge.x: the answer is 42 [job=j1]")
    assert PlainLines().format(record()).endswith("the answer is 42")


def test_texts_of_users_begin_no_line_and_command_no_terminal() -> None:
    forged = "\n2026-01-01 00:00:00 CRITICAL 1 qpu_bridge: all is lost"
    line = PlainLines().format(record("the path is %s%s", "\x1b[2J", forged))
    assert "\n" not in line
    assert r"\x1b[2J\n2026" in line
    try:
        raise ValueError(forged)
    except ValueError as error:
        text = PlainLines().format(record(exc_info=(type(error), error, error.__traceback__)))
    assert all(more.startswith("  ") for more in text.split("\n")[1:])


def test_facts_go_along_with_work_that_is_made_ahead() -> None:
    def made() -> Iterator[str]:
        for _ in range(3):
            yield str(facts().get("job"))

    with about(job="j1"):
        assert list(prefetch(made())) == ["j1"] * 3
        with ThreadPoolExecutor(1) as others:
            assert others.submit(copy_context().run, lambda: facts()["job"]).result() == "j1"
    assert facts() == {}


def test_the_form_is_handed_down_to_child_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "json")
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        keep_logs(False)
        assert isinstance(root.handlers[0].formatter, JsonLines)
        keep_logs(False, LogFormat.PLAIN)
        assert isinstance(root.handlers[0].formatter, PlainLines)
    finally:
        root.handlers[:], root.level = before


def test_for_machines_nothing_is_written_past_the_log() -> None:
    program = """
import sys, threading, warnings
from qpu_bridge.telemetry.logs import LogFormat, keep_logs
keep_logs(False, LogFormat.JSON, part="test")
warnings.warn("it is late", stacklevel=1)
thread = threading.Thread(target=lambda: 1 / 0, name="divider")
thread.start()
thread.join()
raise KeyError("the end")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    lines = [json.loads(text) for text in done.stderr.splitlines()]
    assert [(line["level"], line["part"]) for line in lines] == [("WARNING", "test"), ("CRITICAL", "test"), ("CRITICAL", "test")]
    assert "it is late" in lines[0]["message"]
    assert lines[1]["message"] == "the thread divider ended in a way that nobody foresaw"
    assert "ZeroDivisionError" in lines[1]["exception"]
    assert "KeyError: 'the end'" in lines[2]["exception"]
