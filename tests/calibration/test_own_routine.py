"""A routine of a laboratory's own is found by its entry point, and is then like any other."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qpu_bridge.cli.app import program
from qpu_bridge.errors import SettingsError
from qpu_calibration import catalog

OWN = Path(__file__).parent / "own"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """What an installer leaves of a package: its module, its name, and its entry points."""

    def install(**entries: str) -> None:
        described = tomllib.loads((OWN / "pyproject.toml").read_text())["project"]
        found = entries or described["entry-points"][catalog.ROUTINES]
        folder = tmp_path / "site" / f"lab_routines-{described['version']}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n")
        lines = "".join(f"{name} = {value}\n" for name, value in found.items())
        (folder / "entry_points.txt").write_text(f"[{catalog.ROUTINES}]\n{lines}")
        (tmp_path / "site" / "lab_routines.py").write_text((OWN / "lab_routines.py").read_text())
        monkeypatch.syspath_prepend(tmp_path / "site")

    known = (catalog.entries, catalog.routine)
    for one in known:
        one.cache_clear()
    yield install
    for one in known:
        one.cache_clear()
    sys.modules.pop("lab_routines", None)


def test_it_is_found_measured_and_fitted(installed, lab):
    installed()
    assert "thermal" in catalog.names()
    bench = lab().bench
    outcome = bench.run(catalog.routine("thermal"), [(0,), (2,), (4,)])
    assert not outcome.refused
    for fit in outcome.fits.values():
        # the snapshot's readout errors hold what heat there is
        assert abs(fit["population"]) < 4 * fit.error("population") + 0.005
    data = outcome.looks[0].data
    assert data["ones"].dims == ("qubit", "flipped")


def test_the_command_knows_it(installed):
    installed()
    said = CliRunner().invoke(program(), ["calibrate", "nonsense"]).exception
    assert isinstance(said, SettingsError)
    assert "thermal" in said.sentence


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("lab_routines:Missing", "routine thermal must be importable"),
        ("nowhere:Thermal", "routine thermal must be importable"),
        ("qpu_calibration.routines.t1:T1", "bears the name of its entry point"),
        ("qpu_calibration.routine:Settings", "must be a Routine"),
    ],
)
def test_an_entry_that_is_none_is_refused_with_its_place(installed, entry, says):
    installed(thermal=entry)
    with pytest.raises(SettingsError) as caught:
        catalog.routine("thermal")
    assert says in caught.value.sentence
    assert entry in caught.value.sentence
