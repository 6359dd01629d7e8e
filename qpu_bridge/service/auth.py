"""Who asks: an access token or an API key, the instance that is meant, and what the role allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request, Security
from fastapi.security import APIKeyHeader

from qpu_bridge.errors import BadRequest, NotAllowed, NotAuthorized
from qpu_bridge.jobs import Caller, Owner, Role
from qpu_bridge.service.aside import Claim
from qpu_bridge.service.parts import Parts

PLAN = "qpu-bridge-plan"
"""Id of the one plan; served at the root, where no other path may have this name."""

READS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

SCHEME = APIKeyHeader(
    name="Authorization",
    scheme_name="token",
    description="`Bearer ACCESS`, with an access token of /identity/token; or `apikey TOKEN`, with the token itself.",
    auto_error=False,
)


T = TypeVar("T")


def crn(instance: str) -> str:
    """The name of an instance in the form that the client expects."""
    return f"crn:v1:bluemix:public:quantum-computing:us-east:a/qpu-bridge:{instance}::"


def comer(parts: Parts) -> Callable[..., Awaitable[Claim[Caller]]]:
    """A dependency: who makes a request, whatever the instance.

    ``Authorization`` may hold ``Bearer ACCESS`` or ``apikey KEY``: the client falls back to the latter while the identity
    endpoint is away.
    """

    async def who(header: str | None = Security(SCHEME)) -> Claim[Caller]:
        return await _claim(parts, header, lambda found: found)

    return who


def caller(parts: Parts) -> Callable[..., Awaitable[Claim[Owner]]]:
    """A dependency: the owner in whose name a request is made, a user within the instance that the request names.

    Who may work in one instance only need not name it.
    """

    async def whose(request: Request, header: str | None = Security(SCHEME)) -> Claim[Owner]:
        return await _claim(parts, header, lambda found: _owner(request, found))

    return whose


def _owner(request: Request, found: Caller) -> Owner:
    named = request.headers.get("service-crn")
    chosen = [name for name in found.instances if named in (None, "", name, crn(name))]
    if not chosen:
        raise NotAuthorized(
            "the token must open the instance", given=named or "none", where="Service-CRN", remedy='Use instance="auto".'
        )
    if len(chosen) > 1:
        raise BadRequest("a request must say which instance it means", where="Service-CRN", remedy=f"Yours: {', '.join(chosen)}.")
    if found.role is Role.MONITOR and request.method not in READS:
        raise NotAllowed("the role must allow changes", given=found.role, remedy="Ask an administrator.")
    return Owner(found.user, chosen[0])


def overseer(parts: Parts) -> Callable[..., Awaitable[Claim[Caller]]]:
    """A dependency: somebody who may see what is everybody's, and, unless they only read, change it.

    An administrator may do both, a monitor may look.
    """

    async def who(request: Request, header: str | None = Security(SCHEME)) -> Claim[Caller]:
        return await _claim(parts, header, lambda found: _overseer(request, found))

    return who


def _overseer(request: Request, found: Caller) -> Caller:
    if found.role is Role.ADMINISTRATOR or (found.role is Role.MONITOR and request.method in READS):
        return found
    needed = "an administrator's or a monitor's" if request.method in READS else "an administrator's"
    raise NotAllowed(f"the role must be {needed}", given=found.role)


async def _claim(parts: Parts, header: str | None, then: Callable[[Caller], T]) -> Claim[T]:
    """Refuse strangers at once, before anything else of their request is read.

    What bears our signature was given to somebody within the hour: whether it still holds is asked together with what they want.
    """
    scheme, _, rest = (header or "").partition(" ")
    credential = rest.strip()
    if scheme.lower() == "apikey":
        settled = then(_known(await parts.aside(parts.store.tokens.check, credential)))
        return Claim(lambda: settled)
    identifier = parts.signer.read(credential) if scheme.lower() == "bearer" else None
    if identifier is None:
        raise _stranger()
    return Claim(lambda: then(_known(parts.store.tokens.valid(identifier))))


def _known(found: Caller | None) -> Caller:
    if found is None:
        raise _stranger()
    return found


def _stranger() -> NotAuthorized:
    return NotAuthorized(
        "a request must carry a valid token",
        where="Authorization",
        remedy="Send 'apikey TOKEN', of `qpu-bridge token create`, or 'Bearer ACCESS', of POST /identity/token.",
    )
