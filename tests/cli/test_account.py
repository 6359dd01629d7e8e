from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import Result

from qpu_bridge.cli.account import account_path
from qpu_bridge.cli.rack import only_bridge, open_folder, read_rack, write_address
from qpu_bridge.errors import BridgeError, SettingsError


def lines(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.exception
    return dict(line.removeprefix("export ").split("=", 1) for line in result.stdout.splitlines())


def test_a_kept_token_is_for_its_owner_only_and_found_again(say: Callable[..., Result]) -> None:
    made = say("token", "create", "ada", "--save")
    token = made.stdout.strip()
    assert token.startswith("qb-")
    assert stat.S_IMODE(account_path().stat().st_mode) == 0o600
    found = lines(say("env"))
    assert found["QISKIT_IBM_TOKEN"] == token
    assert found["IAM_URL"] == "http://127.0.0.1:18080"
    assert found["QISKIT_IBM_URL"] == "http://127.0.0.1:18080/experimental/api/v1"


def test_the_running_bridge_is_meant_before_the_rack(say: Callable[..., Result], home: Path) -> None:
    folder = open_folder(read_rack(home / "rack.toml"))
    write_address(folder, "http://127.0.0.1:5")
    assert lines(say("env", "--token", "qb-1-x"))["IAM_URL"] == "http://127.0.0.1:18080", "left behind by one that was killed"
    with only_bridge(folder):
        assert lines(say("env", "--token", "qb-1-x"))["IAM_URL"] == "http://127.0.0.1:5"
        with pytest.raises(SettingsError, match="answers at http://127"), only_bridge(folder):
            pass


def test_a_bridge_that_is_about_to_leave_is_waited_for(say: Callable[..., Result], home: Path) -> None:
    folder = open_folder(read_rack(home / "rack.toml"))
    with ExitStack() as leaving:
        leaving.enter_context(only_bridge(folder))
        with pytest.raises(SettingsError, match="Stop it first"), only_bridge(folder, 0.01):
            pass
        write_address(folder, "http://127.0.0.1:5")
        with pytest.raises(SettingsError, match="answers at http://127"), only_bridge(folder, 3600):
            pass
        (folder / "address").unlink()
        threading.Timer(0.1, leaving.pop_all().close).start()
        with only_bridge(folder, 60):
            pass


def test_an_account_that_others_may_read_is_refused(say: Callable[..., Result]) -> None:
    say("token", "create", "ada", "--save")
    account_path().chmod(0o644)
    done = say("env")
    assert isinstance(done.exception, SettingsError)
    assert "chmod 600" in str(done.exception)


def test_without_a_token_the_way_to_one_is_told(say: Callable[..., Result]) -> None:
    done = say("env")
    assert isinstance(done.exception, SettingsError)
    assert "qpu-bridge token create" in str(done.exception)


def test_a_bridge_at_a_free_port_that_does_not_run_has_no_address(say: Callable[..., Result], home: Path) -> None:
    (home / "rack.toml").write_text('[bridge]\nport = 0\ndata_dir = "data"\n')
    for arguments in (("token", "create", "ada", "--save"), ("env", "--token", "qb-1-x")):
        assert isinstance(say(*arguments).exception, SettingsError)
    assert lines(say("env", "--token", "qb-1-x", "--url", "http://there:1"))["IAM_URL"] == "http://there:1"


def test_run_replaces_itself_with_the_program(say: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr("os.execvpe", lambda *given: seen.append(given))
    monkeypatch.setattr("qpu_bridge.cli.account._ask", lambda *given: None)
    say("run", "--token", "qb-1-x", "--", "python", "my.py", "--flag", "a b")
    ((program, arguments, environment),) = seen
    assert program == "python"
    assert arguments == ["python", "my.py", "--flag", "a b"]
    assert environment["QISKIT_IBM_TOKEN"] == "qb-1-x"


def test_a_program_that_is_not_there(say: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qpu_bridge.cli.account._ask", lambda *given: None)
    done = say("run", "--token", "qb-1-x", "--", "/no/such/program")
    assert isinstance(done.exception, SettingsError)
    assert "give the program's path" in str(done.exception)


@pytest.fixture
def answer() -> Iterator[Callable[[int], str]]:
    """A server on this machine that answers every request with a status; its address."""
    servers: list[HTTPServer] = []

    def start(status: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *given: object) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_run_asks_the_bridge_first(
    say: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], str]
) -> None:
    seen: list[object] = []
    monkeypatch.setattr("os.execvpe", lambda *given: seen.append(given))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    def said(url: str) -> str:
        done = say("run", "--url", url, "--token", "qb-1-x", "--", "python")
        assert isinstance(done.exception, BridgeError), done.exception
        return str(done.exception)

    assert "no bridge answers at http://127.0.0.1:1; start it with `qpu-bridge serve" in said("http://127.0.0.1:1")
    assert "does not know the token; make one with `qpu-bridge token create NAME --save`" in said(answer(400))
    assert "no bridge answers" in said(answer(404))
    for wrong in ("http://", "ftp://here", "http://here:port", "http://a b", "http://[::1"):
        assert "must be a URL" in said(wrong)
    assert not seen
    say("run", "--url", answer(200), "--token", "qb-1-x", "--", "python")
    assert len(seen) == 1


def test_a_proxy_is_kept_out_of_the_way_on_this_machine(say: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.delenv("no_proxy", raising=False)
    assert lines(say("env", "--token", "qb-1-x"))["NO_PROXY"] == "example.org,127.0.0.1"
    assert "NO_PROXY" not in lines(say("env", "--token", "qb-1-x", "--url", "https://far.example.org"))


def test_a_token_kept_for_a_bridge_that_does_not_run_is_made_with_a_warning(say: Callable[..., Result], home: Path) -> None:
    assert "no bridge runs from" in say("token", "create", "ada", "--save", "--rack", str(home / "rack.toml")).stderr
    folder = open_folder(read_rack(home / "rack.toml"))
    write_address(folder, "http://127.0.0.1:5")
    with only_bridge(folder):
        assert "no bridge runs" not in say("token", "create", "ada", "--save").stderr
