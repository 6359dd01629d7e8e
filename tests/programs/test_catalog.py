"""Which programs there are, and what is said of those that are not there yet."""

from __future__ import annotations

import pytest

from qpu_bridge.errors import SettingsError, UnsupportedProgram
from qpu_bridge.programs import Context, DeviceView, check, run


@pytest.mark.parametrize(("program_id", "says"), [("calibration", "calibrate"), ("x", "noise-learner")])
def test_unknown_programs(program_id: str, says: str, device: DeviceView, context: Context) -> None:
    with pytest.raises(UnsupportedProgram, match=says):
        check(program_id, "{}", device)
    with pytest.raises(UnsupportedProgram, match=says):
        run(program_id, "{}", context)


@pytest.mark.parametrize("allowed", [None, True, False])
@pytest.mark.parametrize("driver", ["loopback", "vendor"])
def test_dummy_data_does_not_pass_as_a_measurement(driver: str, allowed: bool | None, device: DeviceView) -> None:
    capabilities = device.capabilities.model_copy(update={"driver": driver, "simulated": True})
    view = DeviceView(device.name, device.snapshot, capabilities, allowed)
    if allowed or (allowed is None and driver == "loopback"):
        view.require_trustworthy()
    else:
        with pytest.raises(SettingsError, match=r"measurements.*allow_simulated = true under"):
            view.require_trustworthy()
