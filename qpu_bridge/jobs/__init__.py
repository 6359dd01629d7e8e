"""Jobs: what was asked, where it is, and how it ended. See README.md of this room."""

from qpu_bridge.jobs.audit import Audit, Entry, os_user
from qpu_bridge.jobs.devices import Condition, Devices, Word
from qpu_bridge.jobs.job import Job, Owner, Reason, Request
from qpu_bridge.jobs.listing import Filter, Page
from qpu_bridge.jobs.runner import Run, Runner
from qpu_bridge.jobs.states import FINAL, LIFE, PENDING, Move, State, after
from qpu_bridge.jobs.store import Store
from qpu_bridge.jobs.tokens import Caller, Token, Tokens
from qpu_bridge.jobs.users import DEFAULT_INSTANCE, Role, User, Users
from qpu_bridge.jobs.work import Work

__all__ = [
    "DEFAULT_INSTANCE",
    "FINAL",
    "LIFE",
    "PENDING",
    "Audit",
    "Caller",
    "Condition",
    "Devices",
    "Entry",
    "Filter",
    "Job",
    "Move",
    "Owner",
    "Page",
    "Reason",
    "Request",
    "Role",
    "Run",
    "Runner",
    "State",
    "Store",
    "Token",
    "Tokens",
    "User",
    "Users",
    "Word",
    "Work",
    "after",
    "os_user",
]
