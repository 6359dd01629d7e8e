"""``/admin/quotas``: how much of the queue and of the devices' time users and instances may have."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from qpu_bridge.jobs import Caller, Owner
from qpu_bridge.service.admin.form import Body, Shown
from qpu_bridge.service.auth import overseer
from qpu_bridge.service.parts import Parts


class NewQuota(Body):
    """What a user, or a whole instance, may have; what is absent is as the rack file says."""

    pending_jobs: int | None = Field(None, description="Jobs that wait or run at the same time.")
    seconds: float | None = Field(None, description="Device time in 28 days, s.")


class NewPriority(Body):
    """Where the jobs of a user stand, those that wait and those to come."""

    priority: int


class QuotaShown(Shown):
    """What a user, or a whole instance, may have; null: no limit."""

    instance: str
    user: str | None
    pending_jobs: int | None
    seconds: float | None
    used_seconds: float
    priority: int


def routes(parts: Parts) -> APIRouter:
    """The routes of quotas."""
    router = APIRouter()
    who = overseer(parts)
    store = parts.store
    whose = Query(None, description="Without a user: the whole instance.")

    def shown(instance: str, user: str | None) -> QuotaShown:
        quota = store.quotas.quota(instance, user)
        owner = Owner(user or "", instance)
        balances = store.quotas.balances(owner)
        return QuotaShown(
            instance=instance,
            user=user,
            pending_jobs=quota.pending_jobs,
            seconds=quota.seconds,
            used_seconds=balances[0 if user else 1].used_s,
            priority=store.priorities.owner(owner) if user else 0,
        )

    @router.get("/quotas/{instance}")
    def one(instance: str, user: str | None = whose, caller: Caller = Depends(who)) -> QuotaShown:
        """What a user, or a whole instance, may have, and how much of it is used."""
        return shown(instance, user)

    @router.put("/quotas/{instance}")
    def change(instance: str, body: NewQuota, user: str | None = whose, caller: Caller = Depends(who)) -> QuotaShown:
        """Give a user, or a whole instance, a quota of their own."""
        store.users.require_member(instance, user)
        store.quotas.set(instance, user, pending_jobs=body.pending_jobs, seconds=body.seconds, actor=caller.user)
        return shown(instance, user)

    @router.put("/quotas/{instance}/priority")
    def put_first(instance: str, body: NewPriority, user: str, caller: Caller = Depends(who)) -> QuotaShown:
        """Put all jobs of a user in an instance before or behind those of others; 0 is everybody's."""
        store.users.require_member(instance, user)
        store.priorities.set_owner(Owner(user, instance), body.priority, actor=caller.user)
        return shown(instance, user)

    return router
