"""The environment in which an unmodified client finds the bridge."""

from __future__ import annotations

from qpu_bridge.sdk.address import CLIENT_API, root_of


def environment(url: str, token: str) -> dict[str, str]:
    """Variables with which ``QiskitRuntimeService()`` of a new process talks to the bridge, and to nobody else.

    They speak for a whole process: one that must also talk to IBM uses `BridgeService`.

    Args:
        url: Address of the bridge, for example ``http://127.0.0.1:8080``.
        token: Token of the user.
    """
    root = root_of(url)
    return {
        # without this one the client would send the token to iam.cloud.ibm.com
        "IAM_URL": root,
        "GLOBAL_SEARCH_URL": root,
        "GLOBAL_CATALOG_URL": root,
        # these four come before accounts saved on disk
        "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
        "QISKIT_IBM_URL": root + CLIENT_API,
        "QISKIT_IBM_TOKEN": token,
        "QISKIT_IBM_INSTANCE": "auto",
    }
