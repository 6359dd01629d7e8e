"""One bridge, and outside clients of other releases, each in an environment of its own: ``python -m tests.contract.clients``.

The bridge stays as it is installed here; only the process of the client differs, and it sees nothing of the bridge but its URL.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.contract.client.conftest import RACK
from tests.contract.place import two_users
from tests.flow.conftest import Running, serving

RELEASES = ("0.49.0", "0.50.0", "0.51.0")
TESTS = Path(__file__).with_name("client")
ROOT = TESTS.parents[2]


@dataclass(frozen=True)
class Outcome:
    """What one client found."""

    release: str
    qiskit: str
    passed: int
    skipped: int
    failed: tuple[str, ...]
    seconds: float


def environment(release: str, folder: Path, qiskit: str | None) -> Path:
    """A Python that has this release of the client, pytest, and nothing of ours."""
    python = folder / release / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / release], check=True)
    wanted = [f"qiskit-ibm-runtime=={release}", "pytest>=8.3", f"qiskit=={qiskit}" if qiskit else "qiskit"]
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted], check=True)
    return python


def drive(release: str, python: Path, running: Running) -> Outcome:
    """Run the contract's tests by one client."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("QISKIT_", "QPU_BRIDGE_", "PYTEST_"))}
    place = " ".join((running.url, *two_users(running)))
    known = bare | {"QPU_BRIDGE_CONTRACT": place, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    # nothing of this repository's settings: its pytest has plugins that this environment does not
    own = ["-c", os.devnull, "--rootdir", str(TESTS), "--confcutdir", str(TESTS), "--import-mode=importlib"]
    command = [python, "-m", "pytest", "-q", "-ra", "--tb=short", "-p", "no:cacheprovider", *own, str(TESTS)]
    started = time.monotonic()
    # not in the repository's folder: a package there would be found before the installed one
    done = subprocess.run(command, env=known, cwd=python.parent, capture_output=True, text=True, timeout=1200)
    print(done.stdout[-20_000:], done.stderr[-2_000:], sep="\n")
    qiskit = subprocess.run(
        [python, "-c", "import qiskit; print(qiskit.__version__)"], capture_output=True, text=True, check=True
    )
    failed = tuple(re.findall(r"^(?:FAILED|ERROR) \S*?(test_\S+)", done.stdout, re.MULTILINE))
    seconds = time.monotonic() - started
    passed, skipped = (_count(word, done.stdout) for word in ("passed", "skipped"))
    return Outcome(release, qiskit.stdout.strip(), passed, skipped, failed or (() if done.returncode == 0 else ("all",)), seconds)


def _count(word: str, text: str) -> int:
    found = re.search(rf"(\d+) {word}", text)
    return int(found[1]) if found else 0


def main() -> int:
    """Drive every release, and print a table."""
    parser = argparse.ArgumentParser(prog="clients", description=__doc__)
    parser.add_argument(
        "releases", nargs="*", default=RELEASES, help=f"of qiskit-ibm-runtime; {', '.join(RELEASES)} if none is named"
    )
    parser.add_argument("--folder", type=Path, help="where the environments are made, and found again")
    parser.add_argument("--qiskit", help="release of qiskit, instead of the newest that the client takes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clients-") as room, serving(RACK) as running:
        folder = (given.folder or Path(room)).absolute()
        outcomes = [drive(release, environment(release, folder, given.qiskit), running) for release in given.releases]
    print("| client | qiskit | passed | skipped | failed | s |\n|---|---|---|---|---|---|")
    for one in outcomes:
        print(f"| {one.release} | {one.qiskit} | {one.passed} | {one.skipped} | {len(one.failed)} | {one.seconds:.0f} |")
        for name in one.failed:
            print(f"{one.release}: {name} failed")
    return 1 if any(one.failed for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
