"""``qpu-bridge env`` and ``run``: an unmodified program finds the bridge."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode, urlsplit

import typer

from qpu_bridge.cli.rack import RackOption, rack_option, read_rack, url_of
from qpu_bridge.errors import NotAuthorized, OperatorError, SettingsError
from qpu_bridge.sdk import environment
from qpu_bridge.settings import is_loopback

UrlOption = Annotated[
    str | None,
    typer.Option("--url", envvar="QPU_BRIDGE_URL", help="Where the bridge is. Default: the kept one, else the one running here."),
]
TokenOption = Annotated[str | None, typer.Option("--token", envvar="QPU_BRIDGE_TOKEN", help="Your token. Default: the kept one.")]


ANSWER_S = 2.0
"""How long a bridge may take to take a connection before a program starts, s."""


def env(url: UrlOption = None, token: TokenOption = None, rack: RackOption = None) -> None:
    """Print the environment in which an unmodified Qiskit program uses the bridge.

    \b
      eval "$(qpu-bridge env)"
      python my_qiskit_program.py
    """
    for name, value in _environment(url, token, rack).items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def run(
    command: Annotated[list[str], typer.Argument(help="The program and its arguments, after --.", metavar="-- PROGRAM ...")],
    url: UrlOption = None,
    token: TokenOption = None,
    rack: RackOption = None,
) -> None:
    """Run a program in the environment in which an unmodified client uses the bridge.

    \b
      qpu-bridge run -- python my_qiskit_program.py
      qpu-bridge run -- jupyter lab
    """
    program = [part for part in command[:1] if part != "--"] + command[1:]
    if not program:
        raise SettingsError("a program must follow", remedy="For example: qpu-bridge run -- python my_qiskit_program.py")
    variables = _environment(url, token, rack)
    _ask(variables["IAM_URL"], variables["QISKIT_IBM_TOKEN"], rack)
    try:
        os.execvpe(program[0], program, os.environ | variables)
    except OSError as error:
        raise SettingsError(
            "the program must be there",
            given=error.strerror,
            where=program[0],
            remedy="Activate the environment that it is in, or give the program's path.",
        ) from None


def _ask(url: str, token: str, rack: Path | None) -> None:
    """Find out before the program starts whether a bridge answers and knows the token: the client would retry for minutes.

    What this cannot judge, a certificate that only the client trusts or a slow answer, it leaves to the client.

    Raises:
        OperatorError: If no bridge answers.
        NotAuthorized: If it does not know the token.
    """
    silent = f"no bridge answers at {url}; start it with `qpu-bridge serve{rack_option(rack)}`"
    form = urlencode({"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": token}).encode()
    # a proxy is for the rest of the world, as `variables_for` tells the client too
    direct = [urllib.request.ProxyHandler({})] if is_loopback(urlsplit(url).hostname or "") else []
    try:
        request = urllib.request.Request(f"{url}/identity/token", form, method="POST")
        urllib.request.build_opener(*direct).open(request, timeout=ANSWER_S).close()
    except urllib.error.HTTPError as error:
        with error:
            if error.code in (400, 401, 403):
                raise NotAuthorized(
                    "this bridge does not know the token; make one with `qpu-bridge token create NAME --save`", where=url
                ) from None
            raise OperatorError(silent, where=f"what is there says HTTP {error.code}") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            return
        raise OperatorError(silent, where=getattr(error.reason, "strerror", None) or str(error.reason)) from None
    except TimeoutError:
        return
    except (http.client.InvalidURL, ValueError) as error:
        raise SettingsError("the address must be a URL", given=str(error), where=url) from None
    except (OSError, http.client.HTTPException) as error:
        raise OperatorError(silent, where=str(error)) from None


def account_path() -> Path:
    """Where `save` keeps an account: ``$XDG_CONFIG_HOME/qpu-bridge/account.json``."""
    root = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(root) / "qpu-bridge" / "account.json"


def save(url: str, token: str) -> Path:
    """Keep where the bridge is and the user's token, for the user only."""
    path = account_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump({"url": url, "token": token}, file)
    return aside.replace(path)


def _kept() -> dict[str, str]:
    path = account_path()
    try:
        mode = path.stat().st_mode & 0o777
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError("the kept account must be readable", given=str(error), where=str(path)) from None
    if mode & 0o077:
        raise SettingsError(
            "the kept account must be for its owner only", given=oct(mode), where=str(path), remedy=f"chmod 600 {path}"
        )
    return {key: str(document[key]) for key in ("url", "token") if key in document}


def _environment(url: str | None, token: str | None, rack: Path | None) -> dict[str, str]:
    kept = _kept()
    if rack is not None or "url" not in kept:
        # who names a rack means that bridge, whatever was kept
        kept = kept | ({} if url else {"url": url_of(read_rack(rack))})
    address = url or kept["url"]
    secret = token or kept.get("token")
    if not secret:
        raise SettingsError(
            "a token must be known",
            remedy="Make one with `qpu-bridge token create NAME --save`, or give --token or QPU_BRIDGE_TOKEN.",
        )
    try:
        variables = variables_for(address, secret)
        urlsplit(variables["IAM_URL"]).port  # noqa: B018  a wrong port is an error too
        if any(letter.isspace() for letter in variables["IAM_URL"]):
            raise ValueError(f"a space in {address!r}")
        return variables
    except ValueError as error:
        raise SettingsError("the address must be a URL", given=str(error)) from None


def variables_for(url: str, token: str) -> dict[str, str]:
    """The environment in which an unmodified client finds the bridge, also where a proxy stands before the rest of the world.

    Raises:
        ValueError: If the address names no host.
    """
    variables = environment(url, token)
    host = urlsplit(variables["IAM_URL"]).hostname or ""
    if is_loopback(host) and any(os.environ.get(name) for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")):
        known = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
        variables |= dict.fromkeys(("NO_PROXY", "no_proxy"), f"{known},{host}" if known else host)
    return variables
