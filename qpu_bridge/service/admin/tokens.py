"""``/admin/tokens``: who may come in."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from qpu_bridge.jobs import Caller, Token
from qpu_bridge.service.admin.form import Body, Moment, Shown
from qpu_bridge.service.auth import overseer
from qpu_bridge.service.moment import to_text
from qpu_bridge.service.parts import Parts


class NewToken(Body):
    """A token to be made for a user who is there."""

    user: str
    instance: str | None = Field(None, description="The one instance that it opens; without one, all of the user's.")
    days: float | None = Field(None, description="After how many days it ends by itself; without a number, never.")


class Made(Shown):
    """A new token: this is the only time that it can be seen."""

    token: str


class TokenShown(Shown):
    """A token without its secret."""

    id: str
    user: str
    instance: str | None
    created: Moment
    expires: Moment | None
    revoked: Moment | None
    last_used: Moment | None


class Tokens(Shown):
    """Tokens, the oldest first."""

    tokens: list[TokenShown]


def routes(parts: Parts) -> APIRouter:
    """The routes of tokens."""
    router = APIRouter()
    who = overseer(parts)
    store = parts.store

    @router.get("/tokens")
    def listing(user: str | None = None, caller: Caller = Depends(who)) -> Tokens:
        """All tokens, or those of a user."""
        return Tokens(tokens=[_shown(token) for token in store.tokens.all(user)])

    @router.post("/tokens")
    def create(body: NewToken, response: Response, caller: Caller = Depends(who)) -> Made:
        """Make a token; it is shown in this answer and never again."""
        store.users.user(body.user)
        response.headers["cache-control"] = "no-store"
        return Made(token=store.tokens.create(body.user, body.instance, days=body.days, actor=caller.user))

    @router.delete("/tokens/{token_id}", status_code=204)
    def revoke(token_id: str, caller: Caller = Depends(who)) -> Response:
        """Take a token back: at once nobody comes in with it, nor with what it was exchanged for."""
        store.tokens.revoke(token_id, actor=caller.user)
        return Response(status_code=204)

    return router


def _shown(token: Token) -> TokenShown:
    return TokenShown(
        id=token.id,
        user=token.user,
        instance=token.instance,
        created=str(to_text(token.created)),
        expires=to_text(token.expires),
        revoked=to_text(token.revoked),
        last_used=to_text(token.last_used),
    )
