"""Users: roles, instances, and who is shut out."""

from __future__ import annotations

import pytest

from qpu_bridge.errors import BadRequest, NotFound, WrongState
from qpu_bridge.jobs import Role, Store


def test_a_user_is_added_once(store: Store) -> None:
    made = store.users.add("grace", Role.ADMINISTRATOR, ("lab", "physics", "lab"))
    assert (made.name, made.role, made.instances, made.disabled) == ("grace", Role.ADMINISTRATOR, ("lab", "physics"), None)
    assert store.users.user("grace") == made
    with pytest.raises(WrongState, match="must be new"):
        store.users.add("grace")
    assert store.users.all() == (made,)


def test_a_role_changes(store: Store) -> None:
    token = store.tokens.create("ada")
    assert store.users.set_role("ada", Role.MONITOR).role is Role.MONITOR
    found = store.tokens.check(token)
    assert found is not None
    assert found.role is Role.MONITOR


def test_instances_are_joined_and_left(store: Store) -> None:
    store.users.add("ada")
    assert store.users.join("ada", "physics").instances == ("lab", "physics")
    with pytest.raises(WrongState, match="only once"):
        store.users.join("ada", "physics")
    assert store.users.leave("ada", "lab").instances == ("physics",)
    with pytest.raises(NotFound):
        store.users.leave("ada", "lab")
    with pytest.raises(BadRequest):
        store.users.join("ada", "a:b")


def test_nobody_is_disabled_or_enabled_twice(store: Store) -> None:
    store.users.add("ada")
    with pytest.raises(WrongState):
        store.users.enable("ada")
    assert store.users.disable("ada").disabled is not None
    with pytest.raises(WrongState):
        store.users.disable("ada")
    assert store.users.enable("ada").disabled is None


def test_who_is_not_there(store: Store) -> None:
    for act in (
        lambda: store.users.user("nobody"),
        lambda: store.users.set_role("nobody", Role.USER),
        lambda: store.users.disable("nobody"),
        lambda: store.users.enable("nobody"),
        lambda: store.users.join("nobody", "lab"),
        lambda: store.users.leave("nobody", "lab"),
    ):
        with pytest.raises(NotFound):
            act()
    assert store.audit.entries() == ()
