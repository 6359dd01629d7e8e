"""The table names every option that the client and the schemas have: one that is new fails here, not silently in a job."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
from ibm_quantum_schemas.estimator.version_0_1 import OptionsModel as EstimatorOptionsModel
from ibm_quantum_schemas.sampler.version_0_1 import OptionsModel as SamplerOptionsModel
from pydantic import BaseModel
from qiskit_ibm_runtime.options import EstimatorOptions as LegacyEstimatorOptions
from qiskit_ibm_runtime.options import SamplerOptions as LegacySamplerOptions
from qiskit_ibm_runtime.options_models import EstimatorOptions, ExecutionOptions, ExecutorOptions, SamplerOptions
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

import qpu_bridge.programs
from qpu_bridge.programs.option_table import ESTIMATOR, EXECUTOR, SAMPLER, OptionTable

NOT_SENT = {
    # these steer the client or the job, and never reach a program
    "environment",
    "max_execution_time",
    "resilience_level",  # top level of the estimator's parameters
}
NEWER_ONLY = {
    # the newer client does these itself, before it sends an executor job
    "twirling.group",
    "simulator.angle_decimals",
    "simulator.layer_noise_model",
    "simulator.warn_absent",
}


def fields(model: Any, prefix: str = "") -> Iterator[str]:
    """Paths of all options inside a pydantic model or a dataclass."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        parts = {name: info.annotation for name, info in model.model_fields.items()}
    else:
        hints = {field.name: field for field in dataclasses.fields(model)}
        parts = {name: _default_type(field) for name, field in hints.items()}
    for name, annotation in parts.items():
        if name.startswith("_"):
            continue
        inner = [part for part in (annotation, *get_args(annotation)) if _nested(part)]
        if inner:
            yield from fields(inner[0], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _default_type(field: dataclasses.Field[Any]) -> Any:
    for made in (field.default, field.default_factory):
        factory = getattr(made, "default_factory", made)
        if isinstance(factory, type) and dataclasses.is_dataclass(factory):
            return factory
    return None


def _nested(part: Any) -> bool:
    if not isinstance(part, type):
        return False
    return (issubclass(part, BaseModel) and part.__name__.endswith(("Options", "OptionsModel", "OptionsV2Model"))) or (
        dataclasses.is_dataclass(part) and not issubclass(part, BaseModel)
    )


def known(path: str, table: OptionTable) -> bool:
    return path in table or path in NEWER_ONLY or path.split(".")[0] in NOT_SENT


@pytest.mark.parametrize(
    ("model", "table"),
    [
        (SamplerOptionsModel, SAMPLER),
        (EstimatorOptionsModel, ESTIMATOR),
        (LegacySamplerOptions, SAMPLER),
        (LegacyEstimatorOptions, ESTIMATOR),
        (SamplerOptions, SAMPLER),
        (EstimatorOptions, ESTIMATOR),
        (ExecutionOptions, EXECUTOR),
    ],
)
def test_every_option_is_in_the_table(model: Any, table: OptionTable) -> None:
    found = list(fields(model))
    assert len(found) > 3
    assert [path for path in found if not known(path, table)] == []


@pytest.mark.parametrize("version", list(QUANTUM_PROGRAM_PARAMS_CONVERTERS))
def test_every_executor_option_is_in_the_table(version: str) -> None:
    # the annotation is a name until the model is first used
    options = import_module(QUANTUM_PROGRAM_PARAMS_CONVERTERS[version].model.__module__).OptionsModel
    assert set(options.model_fields) <= set(EXECUTOR)


def test_the_executor_options_of_the_client_are_known() -> None:
    assert set(ExecutorOptions.model_fields) == {"environment", "execution", "experimental", "simulator", "max_execution_time"}


def test_the_walk_sees_nested_options() -> None:
    assert "resilience.zne.amplifier" in set(fields(EstimatorOptionsModel))
    assert "resilience.zne.amplifier" in set(fields(LegacyEstimatorOptions))
    assert "dynamical_decoupling.sequence_type" in set(fields(LegacySamplerOptions))
    assert "simulator.noise_model" in set(fields(SamplerOptionsModel))


@pytest.mark.parametrize("table", [EXECUTOR, SAMPLER, ESTIMATOR])
def test_the_readme_lists_every_option(table: OptionTable) -> None:
    text = (Path(qpu_bridge.programs.__file__).parent / "README.md").read_text()
    assert [path for path in table if f"`{path}`" not in text] == []


@pytest.mark.parametrize("table", [EXECUTOR, SAMPLER, ESTIMATOR])
def test_the_readme_names_a_test_of_every_option(table: OptionTable) -> None:
    there = set(
        re.findall(r"^def (test_\w+)", "\n".join(path.read_text() for path in Path(__file__).parent.glob("*.py")), re.MULTILINE)
    )
    rows = (Path(qpu_bridge.programs.__file__).parent / "README.md").read_text().splitlines()
    for path in table:
        named = [name for row in rows if row.startswith(f"| `{path}` |") for name in re.findall(r"`(test_\w+)`", row)]
        assert named, path
        assert set(named) <= there, path
