from qpu_bridge.sdk import BridgeBackend as BridgeBackend
from qpu_bridge.sdk import BridgeService as BridgeService

__all__ = ["BridgeBackend", "BridgeService"]
