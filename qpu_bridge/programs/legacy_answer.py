"""Results of the older programs as text."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import PrimitiveResult
from qiskit_ibm_runtime.json import RuntimeEncoder

from qpu_bridge.programs.compression import pack
from qpu_bridge.programs.plain_answer import plain
from qpu_bridge.telemetry import Stage, stage


@stage(Stage.ANSWER)
def answer(result: PrimitiveResult[Any], *, typed: bool) -> str:
    """The text of a result: as the client's `RuntimeDecoder` reads it, or plain."""
    return json.dumps(result, cls=_Encoder) if typed else plain(result)


class _Encoder(RuntimeEncoder):  # type: ignore[misc]  # the client is not typed
    """The client's encoder, which compresses arrays at level 6: seconds for IQ data, for nothing."""

    def default(self, obj: Any) -> Any:
        if isinstance(obj, np.ndarray) and obj.dtype != object:
            return {"__type__": "ndarray", "__value__": base64.b64encode(pack(_saved(obj), obj.dtype)).decode("ascii")}
        return super().default(obj)


def _saved(array: NDArray[np.generic]) -> bytes:
    """An array as a NumPy file."""
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
