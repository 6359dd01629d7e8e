"""What a client says of itself, and what somebody else may say instead."""

from __future__ import annotations

import pytest

from qpu_bridge.service.application import said


@pytest.mark.parametrize(
    ("header", "caller", "version"),
    [
        (
            "qiskit-version-2/qiskit_ibm_runtime-0.51.0,qiskit-2.6.1*,qiskit_aer-0.17.2/qiskit_ibm_runtime~sampler.py",
            "qiskit_ibm_runtime~sampler.py",
            "2.6.1",
        ),
        (
            "qiskit-version-2/qiskit_ibm_runtime-0.49.0,qiskit-2.2.0rc1/qiskit_ibm_runtime~estimator.py/mine",
            "qiskit_ibm_runtime~estimator.py",
            "2.2.0rc1",
        ),
        ("qiskit-version-2/qiskit_ibm_runtime-0.51.0/qiskit", "qiskit", None),
        ("/qiskit", "qiskit", None),
        ("", None, None),
        ("qiskit-version-2", None, None),
        ("curl", None, None),
        ("qiskit-version-2/qiskit-" + "9" * 100 + "/a b", None, None),
        ("qiskit-version-2/x/" + "y" * 200, None, None),
    ],
)
def test_a_header_is_read_as_far_as_it_makes_sense(header: str, caller: str | None, version: str | None) -> None:
    assert said(header) == {"caller": caller, "qiskit_version": version}
