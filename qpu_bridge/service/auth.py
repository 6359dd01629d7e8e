"""Who asks: an access token or an API key, the instance that is meant, and what the role allows."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader

from qpu_bridge.errors import BadRequest, NotAllowed, NotAuthorized
from qpu_bridge.jobs import Caller, Owner, Role
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


def crn(instance: str) -> str:
    """The name of an instance in the form that the client expects."""
    return f"crn:v1:bluemix:public:quantum-computing:us-east:a/qpu-bridge:{instance}::"


def comer(parts: Parts) -> Callable[..., Caller]:
    """A dependency: who makes a request, whatever the instance.

    ``Authorization`` may hold ``Bearer ACCESS`` or ``apikey KEY``: the client falls back to the latter while the identity
    endpoint is away.
    """

    def who(header: str | None = Security(SCHEME)) -> Caller:
        found = _caller(parts, header or "")
        if found is None:
            raise NotAuthorized("a request must carry a valid token", where="Authorization", remedy="Ask for a new token.")
        return found

    return who


def caller(parts: Parts) -> Callable[..., Owner]:
    """A dependency: the owner in whose name a request is made, a user within the instance that the request names.

    Who may work in one instance only need not name it.
    """
    known = comer(parts)

    # one dependency and not two: each costs a change of threads
    def whose(request: Request, header: str | None = Security(SCHEME)) -> Owner:
        found = known(header)
        named = request.headers.get("service-crn")
        chosen = [name for name in found.instances if named in (None, "", name, crn(name))]
        if not chosen:
            raise NotAuthorized(
                "the token must open the instance", given=named or "none", where="Service-CRN", remedy='Use instance="auto".'
            )
        if len(chosen) > 1:
            raise BadRequest(
                "a request must say which instance it means", where="Service-CRN", remedy=f"Yours: {', '.join(chosen)}."
            )
        if found.role is Role.MONITOR and request.method not in READS:
            raise NotAllowed("the role must allow changes", given=found.role, remedy="Ask an administrator.")
        return Owner(found.user, chosen[0])

    return whose


def overseer(parts: Parts) -> Callable[..., Caller]:
    """A dependency: somebody who may see what is everybody's, and, unless they only read, change it.

    An administrator may do both, a monitor may look.
    """

    def who(request: Request, found: Caller = Depends(comer(parts))) -> Caller:
        if found.role is Role.ADMINISTRATOR or (found.role is Role.MONITOR and request.method in READS):
            return found
        needed = "an administrator's or a monitor's" if request.method in READS else "an administrator's"
        raise NotAllowed(f"the role must be {needed}", given=found.role)

    return who


def _caller(parts: Parts, header: str) -> Caller | None:
    scheme, _, rest = header.partition(" ")
    credential = rest.strip()
    if scheme.lower() == "apikey":
        return parts.store.tokens.check(credential)
    if scheme.lower() == "bearer":
        identifier = parts.signer.read(credential)
        return None if identifier is None else parts.store.tokens.valid(identifier)
    return None
