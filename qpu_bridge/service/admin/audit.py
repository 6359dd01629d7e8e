"""``/admin/audit``: who did what."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Query

from qpu_bridge.jobs import Caller
from qpu_bridge.service.admin.form import Moment, Shown
from qpu_bridge.service.auth import overseer
from qpu_bridge.service.moment import to_moment, to_text
from qpu_bridge.service.parts import Parts


class EntryShown(Shown):
    """One act."""

    number: int
    at: Moment
    actor: str
    act: str
    object: str
    details: str


class Entries(Shown):
    """Acts, the newest first; the next page is before the last number."""

    entries: list[EntryShown]


def routes(parts: Parts) -> APIRouter:
    """The route of the audit log, which nobody can change."""
    router = APIRouter()
    who = overseer(parts)

    @router.get("/audit")
    def listing(
        since: Moment | None = None,
        until: Moment | None = None,
        actor: str | None = None,
        act: str | None = None,
        before: int | None = None,
        limit: int = Query(100, ge=1, le=1000),
        caller: Caller = Depends(who),
    ) -> Entries:
        """Administrative acts."""
        found = parts.store.audit.entries(
            since=None if since is None else to_moment(since, "since"),
            until=None if until is None else to_moment(until, "until"),
            actor=actor,
            act=act,
            before=before,
            limit=limit,
        )
        return Entries(
            entries=[
                EntryShown(
                    number=entry.number,
                    at=str(to_text(entry.at)),
                    actor=entry.actor,
                    act=entry.act,
                    object=entry.object,
                    details=entry.details,
                )
                for entry in found
            ]
        )

    return router
