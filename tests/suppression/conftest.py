"""The synthetic machine of the lowering tests serves here too."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from qpu_bridge.target import Snapshot

_LOWERING: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "lowering" / "conftest.py"))


@pytest.fixture(scope="session")
def five() -> Snapshot:
    return _LOWERING["synthetic"](5)


@pytest.fixture(scope="session")
def played() -> Any:
    return _LOWERING["Played"]


@pytest.fixture(scope="session")
def same() -> Any:
    return _LOWERING["same_up_to_z"]
