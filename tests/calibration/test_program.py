"""The program ``calibrate``: what it takes, what it says, and what a job that is stopped leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import xarray as xr

from qpu_bridge import programs
from qpu_bridge.errors import BadRequest, CallerError, Cancelled, UnsupportedOption
from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.programs import Context, DeviceView
from qpu_bridge.target.versions import Versions
from qpu_calibration import figures
from qpu_calibration.archive import Archive
from qpu_calibration.catalog import routine
from qpu_calibration.request import CalibrationRequest, read_request
from qpu_emulator import five
from tests.calibration.slow import endless

Made = Callable[..., Context]


def asked(**experimental: object) -> str:
    return json.dumps({"schema_version": "v0.1", "options": {"experimental": experimental}})


@pytest.fixture
def context(tmp_path: Path, seed: int) -> Iterator[Made]:
    snapshot = five.snapshot()
    driver = open_driver("emulator", snapshot.device, snapshot, {})

    def made(**fields: object) -> Context:
        view = DeviceView(snapshot.device, Versions(tmp_path / "kept").current() or snapshot, driver.capabilities())
        basic = Context(view, Execution(driver, view.capabilities), seed, user="ada", calibration=tmp_path / "kept")
        return replace(basic, **fields)  # type: ignore[arg-type]

    yield made
    driver.close()


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> Iterator[figures.Figures]:
    """One process draws what jobs of this one leave to be drawn."""
    monkeypatch.setattr(figures, "MOST", 1)
    figures.beside.cache_clear()
    with figures.beside() as drawing:
        yield drawing
    figures.beside.cache_clear()


def test_what_is_asked_survives_the_way() -> None:
    request = CalibrationRequest(routine="rabi", qubits=(0, 3), couplers=((0, 1),), force=True, trust=False, seed=5)
    assert read_request(request.params()) == request
    assert read_request(asked()) == CalibrationRequest()
    assert read_request('{"schema_version": "v0.1"}') == CalibrationRequest()


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("{", BadRequest, "params must be JSON"),
        ("[]", BadRequest, "params must be an object"),
        ('{"schema_version": "v0.2"}', BadRequest, "schema_version must be v0.1"),
        ('{"schema_version": "v0.1", "speed": 1}', UnsupportedOption, "speed"),
        ('{"schema_version": "v0.1", "options": {"image": "x"}}', UnsupportedOption, "image"),
        (asked(device={"t1": 0.0}), UnsupportedOption, "device"),
        (asked(qubits="all"), BadRequest, r"options\.experimental\.qubits"),
        (asked(qubits=[]), BadRequest, r"options\.experimental\.qubits"),
        (asked(couplers=[]), BadRequest, r"options\.experimental\.couplers"),
        (asked(seed=-1), BadRequest, r"options\.experimental\.seed"),
        (asked(check=True, force=True), BadRequest, "nothing can be forced"),
        (asked(routine="tea"), BadRequest, "a routine must be one of"),
        (asked(couplers=[[0, 4]]), BadRequest, "a coupler must be one of"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(text: str, kind: type[CallerError], says: str, context: Made) -> None:
    with pytest.raises(kind, match=says):
        programs.check("calibrate", text, context().device)


def test_a_dry_run_measures_nothing(context: Made, tmp_path: Path) -> None:
    there = context()
    dry = context(device=replace(there.device, dry_run=True), execution=there.execution)
    answer = json.loads(programs.run("calibrate", asked(), dry))
    assert answer["schema_version"] == "v0.1"
    assert there.execution.usage_seconds == 0
    assert not (tmp_path / "kept").exists()


def test_a_job_that_is_stopped_anywhere_leaves_a_whole_version_and_is_gone_on_with(context: Made, tmp_path: Path) -> None:
    versions = Versions(tmp_path / "kept")
    wanted = asked(routine="qubit_spectroscopy", qubits=[0, 2], force=True, trust=False, figures=False)
    stops = 0
    for patience in (1, 4, 8, 16, 32, 10**9):
        asks = count()
        job = context(cancelled=lambda asks=asks, patience=patience: next(asks) >= patience)
        try:
            programs.run("calibrate", wanted, job)
        except Cancelled:
            stops += 1
        current = versions.current()
        assert current is not None
        assert current.calibration_id == versions.history()[0].calibration_id
        assert all(known.operator == "ada" for known in versions.history()[:-1])
    assert stops >= 2
    # what a rough frequency spoils is found again before all is done
    made = [known.routine for known in versions.history()]
    assert made[0].endswith("ramsey")
    # what an earlier one had finished was not done again by the last
    assert sum("resonator_spectroscopy" in routine for routine in made) == 1


def test_a_job_does_not_wait_for_its_figures_and_they_are_drawn_after_it(
    context: Made, tmp_path: Path, drawing: figures.Figures, stored: Callable[[str], xr.Dataset]
) -> None:
    data = stored("rabi")
    slow = tmp_path / Archive(tmp_path).keep("rabi", [(data, routine("rabi").fit(data))])
    with endless(slow) as begun:
        drawing.ask(slow, "rabi")
        begun()
        job = context()
        programs.run("calibrate", asked(routine="resonator_spectroscopy", qubits=[0], force=True), job)
        assert job.execution.usage_seconds > 0
        assert Versions(tmp_path / "kept").history()[0].operator == "ada"
        places = [path.parent for path in (tmp_path / "kept").rglob("data.h5")]
        assert [(place / "figure.txt").read_text() for place in places] == [f"{figures.NOT_YET}\n"] * len(places)
    assert drawing.finish(lambda: False) == 0
    assert all((place / "figure.png").exists() and not (place / "figure.txt").exists() for place in [slow, *places])


def test_only_the_numbers_in_use_are_calibrated(context: Made, tmp_path: Path) -> None:
    old = context()
    versions = Versions(tmp_path / "kept")
    first = versions.found(old.device.snapshot)
    versions.commit(first, routine="import", parent=first.calibration_id)
    with pytest.raises(BadRequest, match="must start from the numbers in use"):
        programs.run("calibrate", asked(check=True), old)
