"""Analyses of qiskit-experiments find in stored data what routines find."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from qiskit_experiments.framework import ExperimentData
from qiskit_experiments.library.characterization.analysis import T1Analysis
from qiskit_experiments.library.randomized_benchmarking import RBAnalysis

from qpu_calibration.axis import Values
from qpu_calibration.catalog import routine
from qpu_calibration.measured import each
from qpu_calibration.reading import excited
from qpu_calibration.routines.rb import survived


def counted(x: Values, share: Values, shots: int, first: str) -> ExperimentData:
    """Data of one qubit as that library takes them: how often ``first`` came at each point, else the other outcome."""
    data = ExperimentData()
    data.metadata["physical_qubits"] = [0]
    other = "1" if first == "0" else "0"
    for value, part in zip(x, share, strict=True):
        came = int(min(max(round(part * shots), 0), shots))
        data.add_data({"counts": {first: came, other: shots - came}, "metadata": {"xval": float(value)}})
    return data


def found(analysis: T1Analysis | RBAnalysis, data: ExperimentData, **options: object) -> Mapping[str, tuple[float, float]]:
    """Value and standard error of each result."""
    analysis.set_options(plot=False, **options)
    analysis.run(data, replace_results=True).block_for_results()
    rows = data.analysis_results(dataframe=True)
    return {name: (value.n, value.s) for name, value in zip(rows["name"], rows["value"], strict=True)}


def test_t1(stored):
    data = stored("t1")
    for fit, one in zip(routine("t1").fit(data), each(data), strict=True):
        value, error = found(T1Analysis(), counted(one["delay"], excited(one)[0], data.attrs["shots"], "1"))["T1"]
        # the weights are not the same: points near 0 and 1 count for less there
        assert fit["t1"] == pytest.approx(value, abs=0.7 * error)
        assert fit.error("t1") == pytest.approx(error, rel=0.3)


def test_error_per_clifford(stored):
    """With the asymptote at a half, which sequences of both ends have; left free, its error is ten times larger."""
    data = stored("rb")
    options = {"gate_error_ratio": None, "outcome": "0"}
    for fit, one in zip(routine("rb").fit(data), each(data), strict=True):
        x, share, _ = survived(one)
        counts = counted(x, share, 2 * data.attrs["shots"], "0")
        value, error = found(RBAnalysis(), counts, fixed_parameters={"b": 0.5}, **options)["EPC"]
        assert fit["error_per_clifford"] == pytest.approx(value, abs=0.7 * error)
        assert fit.error("error_per_clifford") == pytest.approx(error, rel=0.3)
        free = found(RBAnalysis(), counts, **options)["EPC"]
        assert free[1] > 4 * error
