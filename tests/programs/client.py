"""The real client, with its last step (sending) replaced: what it would send is kept, and answers are decoded by it."""

from __future__ import annotations

import json
from typing import Any

from qiskit_ibm_runtime import IBMBackend
from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS
from qiskit_ibm_runtime.json import RuntimeEncoder
from qiskit_ibm_runtime.utils.backend_decoder import configuration_from_server_data

from qpu_bridge.driver import Capabilities
from qpu_bridge.target import Snapshot, configuration, properties


class Sent:
    """What stands in for a job: the request as text."""

    def __init__(self, program_id: str, inputs: Any) -> None:
        self.program_id = program_id
        self.params_json = json.dumps(inputs, cls=RuntimeEncoder)


class Service:
    """What stands in for the service: it keeps what it is asked to run."""

    is_local = False

    def _run(self, program_id: str, inputs: Any, **_: Any) -> Sent:
        return Sent(program_id, inputs)


class Pages:
    """What stands in for the HTTP client: the documents the bridge serves."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def backend_properties(self, *_: Any, **__: Any) -> Any:
        return json.loads(json.dumps(properties(self.snapshot)))


def backend(snapshot: Snapshot, capabilities: Capabilities, *, fractional: bool | None = None) -> IBMBackend:
    """The machine as the client sees it."""
    raw = json.loads(json.dumps(configuration(snapshot, capabilities)))
    made = IBMBackend(configuration_from_server_data(raw, use_fractional_gates=fractional), Service(), Pages(snapshot))
    made.options.use_fractional_gates = fractional
    return made


def decode(program_id: str, text: str) -> Any:
    """What ``job.result()`` gives for an answer."""
    decoders = DEFAULT_DECODERS[program_id]
    result: Any = text
    for decoder in decoders if isinstance(decoders, list | tuple) else [decoders]:
        if not hasattr(decoder, "is_applicable") or decoder.is_applicable(result):
            result = decoder.decode(result)
    return result
