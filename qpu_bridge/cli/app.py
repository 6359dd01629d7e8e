"""The program: every command in one list, and how errors look."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Collection
from importlib import import_module
from typing import Any

import typer

from qpu_bridge.cli.journal import say
from qpu_bridge.errors import UNUSABLE, BridgeError, DeveloperError, SettingsError

_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
"""What a file system says that no change of the program would mend."""
COMMANDS = {
    "demo": "demo:demo",
    "serve": "serve:serve",
    "run": "account:run",
    "env": "account:env",
    "token": "tokens:app",
    "user": "users:app",
    "devices": "devices:app",
    "maintenance": "maintenance:app",
    "jobs": "jobs:app",
    "queue": "queue:app",
    "session": "sessions:app",
    "quota": "quotas:app",
    "audit": "audit:audit",
    "prune": "prune:prune",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "draw": "draw:draw",
    "driver": "driver:driver",
    "keys": "driver:keys",
    "runner": "runner:runner",
    "api": "api:api",
}
"""Where each command is, in the order of the help."""

INNER = ("runner", "api")
"""Commands that only `serve` gives."""


def program(first: str = "") -> typer.Typer:
    """The program with all its commands; with one alone, if that is the first word of the command line.

    Then nobody waits for the imports of the others, and a bridge starts three processes one after the other.
    """
    app = typer.Typer(
        name="qpu-bridge",
        help="""Qiskit Runtime for your own quantum processor.

        \b
        See everything at work, in a minute, with nothing to set up:
          qpu-bridge demo
        \b
        Run a bridge and use it:
          qpu-bridge serve                            (in one terminal)
          qpu-bridge token create ada --save          (in another: a token, kept for the next line)
          qpu-bridge run -- python my_qiskit_program.py
        """,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # without it a program of one command would not take the command's name
    app.callback()(_nothing)
    added: Collection[str] = ()
    if first not in COMMANDS:
        from qpu_bridge import plugins

        added = plugins.command_names()
    every = dict.fromkeys([*COMMANDS, *added])
    for name in [first] if first in every else every:
        _add(app, name, _ours(name) if name in COMMANDS else plugins.load_command(name))
    return app


def _ours(name: str) -> Any:
    module, attribute = COMMANDS[name].split(":")
    return getattr(import_module(f"qpu_bridge.cli.{module}"), attribute)


def _add(app: typer.Typer, name: str, found: Any) -> None:
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        # what follows `run` is another program's
        settings = {"allow_interspersed_args": False} if name == "run" else None
        app.command(name, hidden=name in INNER, context_settings=settings)(found)


def _nothing() -> None:
    pass


def run() -> None:
    """Run the program; an error raised on purpose is a sentence and an exit code, anything else is a bug and shows its trace.

    The code is 1, or `UNUSABLE` where the settings are wrong, so that whoever started the process does not try again. A full
    disk, or one that may not be written, is a sentence too.
    """
    try:
        program(*sys.argv[1:2])()
    except BridgeError as error:
        if isinstance(error, DeveloperError):
            raise
        say(f"qpu-bridge: {error.sentence}", logging.ERROR)
        sys.exit(UNUSABLE if isinstance(error, SettingsError) else 1)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        where = "" if error.filename is None else f" ({error.filename})"
        say(f"qpu-bridge: files must be writable and have room; got {error.strerror}{where}.", logging.ERROR)
        sys.exit(os.EX_IOERR)
