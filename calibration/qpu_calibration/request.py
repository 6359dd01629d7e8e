"""What a job of the program ``calibrate`` asks for."""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field, ValidationError

from qpu_bridge.errors import BadRequest, SettingsError, UnsupportedOption
from qpu_bridge.schedule import Document
from qpu_calibration.graph import Graph, Node

VERSION = "v0.1"
"""Schema of the parameters and of the result."""

WHERE = "options.experimental"


class CalibrationRequest(Document):
    """The experimental options of the client's calibrator.

    Attributes:
        routine: A routine, or ``all``; what it needs is seen to first.
        qubits: Only these, and the couplers between them.
        couplers: Only these.
        check: Only look: change nothing, whatever is found.
        force: Calibrate also what is in specification.
        trust: Look first at what was never calibrated here: the snapshot may be right.
        figures: Draw a figure of each fit.
        seed: For simulated devices.
    """

    routine: str = "all"
    qubits: tuple[int, ...] | None = Field(None, min_length=1)
    couplers: tuple[tuple[int, int], ...] | None = Field(None, min_length=1)
    check: bool = False
    force: bool = False
    trust: bool = True
    figures: bool = True
    seed: int | None = Field(None, ge=0, lt=2**63)

    def params(self) -> str:
        """Parameters of a job that asks for this."""
        return json.dumps(
            {"schema_version": VERSION, "options": {"experimental": self.model_dump(mode="json", exclude_none=True)}}
        )

    def nodes(self, graph: Graph) -> list[Node]:
        """What is to be brought into specification.

        Raises:
            BadRequest: If the device has no such routine, qubit or coupler.
        """
        try:
            return graph.nodes(None if self.routine == "all" else self.routine, self.qubits, self.couplers)
        except SettingsError as error:
            raise BadRequest(error.must, given=error.given, where=f"{WHERE}.{error.where or 'routine'}") from None


def read_request(params_json: str) -> CalibrationRequest:
    """Read and check parameters, without looking at the device.

    Raises:
        BadRequest: If a field is malformed, or of an unknown version.
        UnsupportedOption: If an option is unknown.
    """
    try:
        params = json.loads(params_json)
    except ValueError as error:
        raise BadRequest("params must be JSON", given=str(error)[:80]) from None
    _require_known(params, {"schema_version", "options"}, "params")
    if params.get("schema_version") != VERSION:
        raise BadRequest(f"schema_version must be {VERSION}", given=str(params.get("schema_version"))[:40], where="params")
    options = params.get("options", {})
    _require_known(options, {"experimental"}, "options")
    experimental = options.get("experimental", {})
    _require_known(experimental, set(CalibrationRequest.model_fields), WHERE)
    try:
        request = CalibrationRequest.model_validate_json(json.dumps(experimental), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadRequest("an option must fit", given=first["msg"][:80], where=f"{WHERE}.{place}") from None
    if request.check and request.force:
        raise BadRequest("check changes nothing, so that nothing can be forced", given="both", where=WHERE)
    return request


def _require_known(found: Any, known: set[str], where: str) -> None:
    if not isinstance(found, dict):
        raise BadRequest(f"{where} must be an object", given=type(found).__name__)
    unknown = sorted(set(found) - known)
    if unknown:
        raise UnsupportedOption(
            f"an option of calibrate must be one of {', '.join(sorted(known))}", given=", ".join(unknown)[:80], where=where
        )
