"""Who asks: an access token or an API key, and the instance that it belongs to."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request

from qpu_bridge.errors import NotAuthorized
from qpu_bridge.jobs import Owner, Token
from qpu_bridge.service.parts import Parts

PLAN = "qpu-bridge-plan"
"""Id of the one plan; served at the root, where no other path may have this name."""


def crn(instance: str) -> str:
    """The name of an instance in the form that the client expects."""
    return f"crn:v1:bluemix:public:quantum-computing:us-east:a/qpu-bridge:{instance}::"


def caller(parts: Parts) -> Callable[[Request], Owner]:
    """A dependency: the owner in whose name a request is made.

    ``Authorization`` may hold ``Bearer ACCESS`` or ``apikey KEY``: the client falls back to the latter while the identity
    endpoint is away.
    """

    def who(request: Request) -> Owner:
        token = _token(parts, request.headers.get("authorization", ""))
        if token is None:
            raise NotAuthorized("a request must carry a valid token", where="Authorization", remedy="Ask for a new token.")
        named = request.headers.get("service-crn")
        if named and named not in (crn(token.owner.instance), token.owner.instance):
            raise NotAuthorized(
                "the instance must be the one of the token", given=named, where="Service-CRN", remedy='Use instance="auto".'
            )
        return token.owner

    return who


def _token(parts: Parts, header: str) -> Token | None:
    scheme, _, rest = header.partition(" ")
    credential = rest.strip()
    if scheme.lower() == "apikey":
        return parts.store.tokens.check(credential)
    if scheme.lower() == "bearer":
        identifier = parts.signer.read(credential)
        return None if identifier is None else parts.store.tokens.valid(identifier)
    return None
