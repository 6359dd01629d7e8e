"""Seeds for every test: derived from its id, printed when it fails, never from the clock."""

from __future__ import annotations

import random
import zlib
from collections.abc import Generator, Iterator

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import settings

mpl.use("Agg")
settings.register_profile("house", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What emulated devices keep on disk is neither found in the user's folder nor left there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A number that belongs to this test."""
    return seed_of(request.node.nodeid)


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """Random numbers that belong to this test."""
    return np.random.default_rng(seed)


def seed_of(nodeid: str) -> int:
    return zlib.crc32(nodeid.encode())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    number = seed_of(item.nodeid)
    random.seed(number)
    np.random.seed(number)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections.append(("seed", f"{seed_of(item.nodeid)} (crc32 of the test id)"))
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drivers", "the contract of drivers (tests/drivers)")
    group.addoption("--driver", help="test this driver only, by the name of its entry point")
    group.addoption("--driver-snapshot", default="five", help="a built-in snapshot, or a file; default: five")
    group.addoption("--driver-device", default="lab_five", help="name of the device; default: lab_five")
    group.addoption("--driver-options", default="{}", help="the driver's options, a JSON object")
