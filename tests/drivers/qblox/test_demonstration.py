"""The main job on a rack of five qubits: compiled, assembled by the vendor's own tool, and answered by the vendor's dummy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import EstimatorV2

from qpu_bridge import BridgeService, plugins
from qpu_bridge.cli.examples import demonstration
from qpu_bridge.target import waveform
from qpu_drivers.qblox.answers import answers
from tests.flow.conftest import serving

pytestmark = pytest.mark.filterwarnings(
    "ignore:The SamplerV2 class is deprecated:DeprecationWarning", "ignore:The EstimatorV2 class is deprecated:DeprecationWarning"
)
LAB = (Path(__file__).parent / "lab.toml").read_text()
BRIDGE = '[bridge]\nport = 0\ndata_dir = "data"\n\n'
READOUT = 10


STRICT = LAB.replace("lab_five", "lab_strict").replace("allow_simulated = true", "")


@pytest.fixture(scope="module")
def service(assembler: Path) -> Iterator[BridgeService]:
    with serving(BRIDGE + LAB + STRICT) as running:
        yield BridgeService(running.url, running.token)


@pytest.fixture(scope="module")
def backend(service: BridgeService) -> Any:
    return service.backend("lab_five")


def isa(backend: Any, *circuits: Any) -> list[Any]:
    return generate_preset_pass_manager(2, backend, seed_transpiler=7).run(list(circuits))


@pytest.mark.parametrize("client_side", [False, True], ids=["SamplerV2", "executor_sampler"])
def test_decoupled_and_twirled_circuits_run(backend: Any, client_side: bool) -> None:
    circuits = isa(backend, demonstration.bell(), demonstration.ghz(backend.num_qubits))
    counts = demonstration.sample(backend, circuits, client_side=client_side)
    assert {name: sum(found.values()) for name, found in counts.items()} == {"bell": 4096, "ghz": 4096}
    # the answers know nothing of the circuits: all outcomes come
    assert {name: len(found) for name, found in counts.items()} == {"bell": 4, "ghz": 32}


def test_the_hydrogen_molecule_runs_with_and_without_mitigation(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Quick(EstimatorV2):
        """With fewer shots, since the dummy copies each answer."""

        def run(self, *pubs: Any) -> Any:
            self.options.default_shots = 64
            return super().run(*pubs)

    monkeypatch.setattr(demonstration, "EstimatorV2", Quick)
    (circuit,) = isa(backend, demonstration.trial_state())
    for level in (1, 0):
        found = demonstration.sweep(backend, circuit, level)
        assert len(found["energies"]) == 24
        assert np.isfinite(found["energies"]).all()


def test_injected_points_come_back_in_their_shot_and_qubit_through_the_whole_bridge(backend: Any) -> None:
    """Shot k of qubit q is bin k of acquisition 0 of sequencer q, conjugated, times the kernel's constant."""
    clouds = demonstration.points(backend)["clouds"]
    snapshot = plugins.open_snapshot("five")
    for cloud in clouds:
        assert cloud.shape == (1024, 5)
        for qubit, measure in enumerate(snapshot.measures):
            kernel = waveform(snapshot.waveforms[measure.kernel])
            constant = kernel.samples[np.argmax(np.abs(kernel.samples))]
            sums = measure.acquire_duration * answers((READOUT, qubit), 0, np.arange(1024))
            assert np.allclose(cloud[:, qubit], constant * sums.conj(), atol=0.01)


def test_dummy_data_is_no_measurement_unless_the_rack_allows_it(service: BridgeService) -> None:
    with pytest.raises(Exception, match="allow_simulated"):
        demonstration.points(service.backend("lab_strict"))
