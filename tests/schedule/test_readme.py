"""The examples of the README are run."""

from __future__ import annotations

import doctest
from pathlib import Path

import qpu_bridge.schedule

README = Path(qpu_bridge.schedule.__file__).parent / "README.md"


def test_the_examples_do_what_they_say() -> None:
    result = doctest.testfile(str(README), module_relative=False, encoding="utf-8")
    assert result.attempted > 40
    assert result.failed == 0


def test_the_map_names_every_file() -> None:
    text = README.read_text(encoding="utf-8")
    for path in README.parent.glob("*.py"):
        assert path.name == "__init__.py" or f"`{path.name}`" in text, path.name
