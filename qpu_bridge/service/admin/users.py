"""``/admin/users``: who there is, what they may do, and where they work."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import Field

from qpu_bridge.jobs import DEFAULT_INSTANCE, Caller, Role, User
from qpu_bridge.service.admin.form import Body, Moment, Shown
from qpu_bridge.service.auth import overseer
from qpu_bridge.service.moment import to_text
from qpu_bridge.service.parts import Parts


class NewUser(Body):
    """A user to be made."""

    name: str
    role: Role = Field(Role.USER, strict=False)
    instances: list[str] = Field([DEFAULT_INSTANCE], max_length=100)


class Change(Body):
    """What is to be different; what is absent stays."""

    role: Role | None = Field(None, strict=False)
    disabled: bool | None = None


class UserShown(Shown):
    """A user."""

    name: str
    role: Role
    instances: list[str]
    created: Moment
    disabled: Moment | None


class Users(Shown):
    """All users, by name."""

    users: list[UserShown]


def routes(parts: Parts) -> APIRouter:
    """The routes of users."""
    router = APIRouter()
    who = overseer(parts)
    users = parts.store.users

    @router.get("/users")
    def listing(caller: Caller = Depends(who)) -> Users:
        """All users."""
        return Users(users=[_shown(user) for user in users.all()])

    @router.post("/users")
    def add(body: NewUser, caller: Caller = Depends(who)) -> UserShown:
        """Make a user; a token lets them in."""
        return _shown(users.add(body.name, body.role, tuple(body.instances), actor=caller.user))

    @router.get("/users/{name}")
    def one(name: str, caller: Caller = Depends(who)) -> UserShown:
        """One user."""
        return _shown(users.user(name))

    @router.patch("/users/{name}")
    def change(name: str, body: Change, caller: Caller = Depends(who)) -> UserShown:
        """Let a user do more or less; shut them out at once, with all their tokens, or let them in again."""
        user = users.user(name)
        if body.role is not None and body.role is not user.role:
            user = users.set_role(name, body.role, actor=caller.user)
        if body.disabled is not None and body.disabled is not (user.disabled is not None):
            user = (users.disable if body.disabled else users.enable)(name, actor=caller.user)
        return _shown(user)

    @router.put("/users/{name}/instances/{instance}")
    def join(name: str, instance: str, caller: Caller = Depends(who)) -> UserShown:
        """Let a user work in an instance too."""
        return _shown(users.join(name, instance, actor=caller.user))

    @router.delete("/users/{name}/instances/{instance}")
    def leave(name: str, instance: str, caller: Caller = Depends(who)) -> UserShown:
        """Let a user no longer work in an instance."""
        return _shown(users.leave(name, instance, actor=caller.user))

    return router


def _shown(user: User) -> UserShown:
    return UserShown(
        name=user.name,
        role=user.role,
        instances=list(user.instances),
        created=str(to_text(user.created)),
        disabled=to_text(user.disabled),
    )
