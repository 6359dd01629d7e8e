"""Jobs: what was asked, where it is, and how it ended. See README.md of this room."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qpu_bridge.jobs.audit import Audit, Entry, os_user
    from qpu_bridge.jobs.devices import Condition, Devices, Word
    from qpu_bridge.jobs.job import Job, Owner, Reason, Request
    from qpu_bridge.jobs.listing import Filter, Page
    from qpu_bridge.jobs.maintenance import Maintenance, Window
    from qpu_bridge.jobs.opening import Mode, Opening
    from qpu_bridge.jobs.priorities import Priorities
    from qpu_bridge.jobs.quotas import Balance, Quota, Quotas
    from qpu_bridge.jobs.runner import Run, Runner
    from qpu_bridge.jobs.session_life import Session, SessionState
    from qpu_bridge.jobs.sessions import Sessions
    from qpu_bridge.jobs.states import FINAL, LIFE, PENDING, Move, State, after
    from qpu_bridge.jobs.store import Store
    from qpu_bridge.jobs.tokens import Caller, Token, Tokens
    from qpu_bridge.jobs.turns import turn
    from qpu_bridge.jobs.users import DEFAULT_INSTANCE, Role, User, Users
    from qpu_bridge.jobs.work import Work

__all__ = [
    "DEFAULT_INSTANCE",
    "FINAL",
    "LIFE",
    "PENDING",
    "Audit",
    "Balance",
    "Caller",
    "Condition",
    "Devices",
    "Entry",
    "Filter",
    "Job",
    "Maintenance",
    "Mode",
    "Move",
    "Opening",
    "Owner",
    "Page",
    "Priorities",
    "Quota",
    "Quotas",
    "Reason",
    "Request",
    "Role",
    "Run",
    "Runner",
    "Session",
    "SessionState",
    "Sessions",
    "State",
    "Store",
    "Token",
    "Tokens",
    "User",
    "Users",
    "Window",
    "Word",
    "Work",
    "after",
    "os_user",
    "turn",
]

_HOMES = {
    "audit": "Audit Entry os_user",
    "devices": "Condition Devices Word",
    "job": "Job Owner Reason Request",
    "listing": "Filter Page",
    "maintenance": "Maintenance Window",
    "opening": "Mode Opening",
    "priorities": "Priorities",
    "quotas": "Balance Quota Quotas",
    "runner": "Run Runner",
    "session_life": "Session SessionState",
    "sessions": "Sessions",
    "states": "FINAL LIFE PENDING Move State after",
    "store": "Store",
    "tokens": "Caller Token Tokens",
    "turns": "turn",
    "users": "DEFAULT_INSTANCE Role User Users",
    "work": "Work",
}
"""Module -> what is at home there."""


def __getattr__(name: str) -> Any:
    # who only holds a lock of the data folder must not pay for the database's library
    for module, names in _HOMES.items():
        if name in names.split():
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
