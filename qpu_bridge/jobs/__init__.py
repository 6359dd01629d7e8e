"""Jobs: what was asked, where it is, and how it ended. See README.md of this room."""

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
