"""The HTTP face of the bridge. See README.md of this room."""

from qpu_bridge.service.app import create_app
from qpu_bridge.service.auth import PLAN, crn
from qpu_bridge.service.secret import read_secret
from qpu_bridge.service.server import Server, serve

__all__ = ["PLAN", "Server", "create_app", "crn", "read_secret", "serve"]
