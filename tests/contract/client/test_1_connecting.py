"""Section 1: pointing the client at a host; section 2: identity, search, catalog."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from qiskit_ibm_runtime import QiskitRuntimeService

from tests.contract.client.conftest import ROOTS, Place

WRONG = "qb-000000000000-" + "x" * 43


@pytest.fixture
def roots(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ROOTS:
        monkeypatch.setenv(name, place.url)


def names(service: QiskitRuntimeService) -> list[str]:
    return sorted(backend.name for backend in service.backends())


def test_recommended_way_says_no_warning(place: Place, roots: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        service = QiskitRuntimeService(
            channel="ibm_quantum_platform", token=place.ada, url=f"{place.url}/experimental/api/v1", instance="auto"
        )
    assert names(service) == ["emu_five", "loop_five"]


def test_account_in_the_environment(place: Place, roots: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", place.ada)
    monkeypatch.setenv("QISKIT_IBM_URL", f"{place.url}/experimental/api/v1")
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", "auto")
    monkeypatch.setenv("QISKIT_IBM_CHANNEL", "ibm_quantum_platform")
    assert names(QiskitRuntimeService()) == ["emu_five", "loop_five"]


def test_saved_account(place: Place, roots: None, tmp_path: Path) -> None:
    file = str(tmp_path / "accounts.json")
    QiskitRuntimeService.save_account(
        channel="ibm_quantum_platform",
        token=place.ada,
        url=f"{place.url}/experimental/api/v1",
        instance="auto",
        name="lab",
        filename=file,
        set_as_default=True,
    )
    assert names(QiskitRuntimeService(filename=file)) == ["emu_five", "loop_five"]
    assert names(QiskitRuntimeService(name="lab", filename=file)) == ["emu_five", "loop_five"]


def test_credentials_file_instead_of_two_variables(
    place: Place, roots: None, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ROOTS[1:]:
        monkeypatch.delenv(name)
    file = outside / "credentials.env"
    file.write_text("".join(f"{name}={place.url}\n" for name in ROOTS[1:]))
    monkeypatch.setenv("IBM_CREDENTIALS_FILE", str(file))
    service = QiskitRuntimeService(
        channel="ibm_quantum_platform", token=place.ada, url=f"{place.url}/experimental/api/v1", instance="auto"
    )
    assert names(service) == ["emu_five", "loop_five"]


def test_without_search_and_catalog(place: Place, monkeypatch: pytest.MonkeyPatch, service: QiskitRuntimeService) -> None:
    monkeypatch.setenv("IAM_URL", place.url)
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "1")
    (instance,) = service.instances()
    direct = QiskitRuntimeService(
        channel="ibm_quantum_platform", token=place.ada, url=f"{place.url}/experimental/api/v1", instance=instance["crn"]
    )
    assert names(direct) == ["emu_five", "loop_five"]


def test_resolver_in_code(place: Place, roots: None) -> None:
    service = QiskitRuntimeService(
        channel="ibm_quantum_platform",
        token=place.ada,
        url=place.url,
        instance="auto",
        url_resolver=lambda *_: f"{place.url}/api/v1",
    )
    assert names(service) == ["emu_five", "loop_five"]


def test_a_wrong_key_fails_fast_and_says_why(place: Place, connect: Callable[[str], QiskitRuntimeService]) -> None:
    started = time.monotonic()
    with pytest.raises(Exception, match="valid API token"):
        connect(WRONG)
    assert time.monotonic() - started < 5


def test_instance_by_name_and_crn(place: Place, roots: None, service: QiskitRuntimeService) -> None:
    (instance,) = service.instances()
    assert instance["crn"].startswith("crn:v1:")
    assert instance["pricing_type"] == "free"
    for named in (instance["name"], instance["crn"]):
        again = QiskitRuntimeService(
            channel="ibm_quantum_platform", token=place.ada, url=f"{place.url}/experimental/api/v1", instance=named
        )
        assert again.active_instance() == instance["crn"]


def test_usage_is_there_before_anything_is_submitted(service: QiskitRuntimeService) -> None:
    usage = service.usage()
    assert usage["usage_consumed_seconds"] >= 0
    assert usage["usage_limit_reached"] is False
