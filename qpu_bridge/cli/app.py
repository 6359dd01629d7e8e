"""The program: every command in one list, and how errors look."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from qpu_bridge import plugins
from qpu_bridge.cli import account, demo, devices, draw, driver, jobs, runner, serve, tokens
from qpu_bridge.errors import BridgeError, DeveloperError, SettingsError
from qpu_bridge.transport.process import UNUSABLE

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
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("run", context_settings={"allow_interspersed_args": False})(account.run)
app.command("env")(account.env)
app.add_typer(tokens.app, name="token")
app.command("devices")(devices.devices)
app.add_typer(jobs.app, name="jobs")
app.command("draw")(draw.draw)
app.command("driver")(driver.driver)
app.command("keys")(driver.keys)
app.command("runner", hidden=True)(runner.runner)
for name, commands in plugins.commands():
    app.add_typer(commands, name=name)


def run() -> None:
    """Run the program; an error raised on purpose is a sentence and an exit code, anything else is a bug and shows its trace.

    The code is 1, or `UNUSABLE` where the settings are wrong, so that whoever started the process does not try again.
    """
    try:
        app()
    except BridgeError as error:
        if isinstance(error, DeveloperError):
            raise
        Console(stderr=True).print(f"qpu-bridge: {error.sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(UNUSABLE if isinstance(error, SettingsError) else 1)
