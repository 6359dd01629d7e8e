"""ZeroMQ and only ZeroMQ: client, server, keys, and the supervisor of driver processes. See README.md of this room."""

from qpu_bridge.transport.client import RemoteDriver
from qpu_bridge.transport.endpoint import is_local, lines
from qpu_bridge.transport.keys import ClientKeys, KeyPair, ServerKeys, make_keys, read_pair, read_public
from qpu_bridge.transport.process import serve_driver
from qpu_bridge.transport.server import DriverServer
from qpu_bridge.transport.supervisor import Supervisor

__all__ = [
    "ClientKeys",
    "DriverServer",
    "KeyPair",
    "RemoteDriver",
    "ServerKeys",
    "Supervisor",
    "is_local",
    "lines",
    "make_keys",
    "read_pair",
    "read_public",
    "serve_driver",
]
