"""Jobs: what was asked, where it is, and how it ended. See README.md of this room."""

from qpu_bridge.jobs.devices import Condition, Devices, Word
from qpu_bridge.jobs.job import Job, Owner, Reason, Request
from qpu_bridge.jobs.listing import Filter, Page
from qpu_bridge.jobs.runner import Run, Runner
from qpu_bridge.jobs.states import FINAL, LIFE, PENDING, Move, State, after
from qpu_bridge.jobs.store import Store
from qpu_bridge.jobs.tokens import DEFAULT_INSTANCE, Token, Tokens
from qpu_bridge.jobs.work import Work

__all__ = [
    "DEFAULT_INSTANCE",
    "FINAL",
    "LIFE",
    "PENDING",
    "Condition",
    "Devices",
    "Filter",
    "Job",
    "Move",
    "Owner",
    "Page",
    "Reason",
    "Request",
    "Run",
    "Runner",
    "State",
    "Store",
    "Token",
    "Tokens",
    "Word",
    "Work",
    "after",
]
