"""The vendor's dummy, for all tests of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from qpu_drivers.qblox.program import Program
from tests.drivers.qblox.oracle.assembler import assemble, dummy
from tests.drivers.qblox.oracle.lab import RACK


@pytest.fixture(scope="session")
def accepted(assembler: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Program], None]]:
    """Hands every sequence of a program to the vendor's assembler, which must accept it."""
    room = tmp_path_factory.mktemp("dummy")
    with dummy(RACK["modules"]) as cluster:

        def accept(program: Program) -> None:
            with chdir(room):
                for one in program.sequencers:
                    assemble(cluster, one.place, one.sequence)

        yield accept
