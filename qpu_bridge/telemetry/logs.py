"""Log lines on standard error: for people, or one JSON object each."""

from __future__ import annotations

import json
import logging
import os
import sys
import textwrap
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType

from qpu_bridge.telemetry.facts import facts

ENVIRONMENT = "QPU_BRIDGE_LOG_FORMAT"
"""Name of the variable by which the processes of a bridge are told the form."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


logger = logging.getLogger(__name__)


class LogFormat(StrEnum):
    """The form of a line."""

    PLAIN = "plain"
    JSON = "json"


def keep_logs(verbose: bool, form: LogFormat | None = None, **known: str | int) -> None:
    """Write warnings, and with ``verbose`` more, to standard error.

    Args:
        verbose: Whether to write what is worth no warning too.
        form: The form; None takes that of the process that started this one, and plain if there is none.
        **known: Facts that hold in the whole process.
    """
    if form is None:
        form = LogFormat.JSON if os.environ.get(ENVIRONMENT) == LogFormat.JSON else LogFormat.PLAIN
    os.environ[ENVIRONMENT] = form
    output = logging.StreamHandler()
    output.setFormatter(JsonLines(known) if form is LogFormat.JSON else PlainLines())
    # once more for a process that has already begun to log
    logging.basicConfig(level=logging.WARNING, handlers=[output], force=True)
    logging.getLogger("qpu_bridge").setLevel(logging.INFO if verbose else logging.WARNING)
    if form is LogFormat.JSON:
        # what would be written past the log: warnings, and the end of a process or of a thread
        logging.captureWarnings(True)
        sys.excepthook = lambda kind, error, trace: _ended("this process", kind, error, trace)
        threading.excepthook = lambda end: _ended(f"the thread {end.thread and end.thread.name}", *end[:3])


def for_machines() -> bool:
    """Whether every line of this process is for machines."""
    return any(isinstance(output.formatter, JsonLines) for output in logging.getLogger().handlers)


def _ended(what: str, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is not None and not issubclass(kind, KeyboardInterrupt | SystemExit):
        logger.critical("%s ended in a way that nobody foresaw", what, exc_info=(kind, error, trace))


class PlainLines(logging.Formatter):
    """For people: time, level, process, where, text, and what it is about."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the library's name
        """The line, with the facts that hold: one line, whatever texts of users are in it."""
        line = super().formatMessage(record)
        said = " ".join(f"{name}={value}" for name, value in facts().items())
        return printable(f"{line} [{said}]" if said else line)

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  the library's name
        """The traceback, indented: no line of it can be taken for a line of the log."""
        return textwrap.indent(super().formatException(ei), "  ", lambda _: True)


def printable(text: str) -> str:
    """A text that neither begins a new line nor commands a terminal; such characters are shown as in Python."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


class JsonLines(logging.Formatter):
    """For machines: one JSON object.

    Args:
        known: Facts that hold in the whole process.
    """

    def __init__(self, known: Mapping[str, str | int]) -> None:
        super().__init__()
        self._known = dict(known)

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **self._known,
            **facts(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
