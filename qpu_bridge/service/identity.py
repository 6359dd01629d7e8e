"""``/identity/token``: an API key is exchanged for an access token."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from qpu_bridge.service.parts import Parts

GRANT = "urn:ibm:params:oauth:grant-type:apikey"


def routes(parts: Parts) -> APIRouter:
    """The identity routes."""
    router = APIRouter()

    @router.post("/identity/token")
    async def token(request: Request) -> Response:
        """Exchange an API key (form fields ``grant_type`` and ``apikey``) for an access token."""
        try:
            fields = parse_qs((await request.body()).decode("utf-8"), max_num_fields=20)
        except ValueError:
            return _refuse("BXNIM0109E", "The body must be a form.")
        if fields.get("grant_type", [""])[0] != GRANT:
            return _refuse("BXNIM0107E", f"The grant_type must be {GRANT}.")
        found = await parts.aside(parts.store.tokens.check, fields.get("apikey", [""])[0])
        if found is None:
            return _refuse("BXNIM0415E", "Provided API key could not be found.")
        access = parts.signer.sign(found)
        return JSONResponse(
            {
                "access_token": access.text,
                "refresh_token": "not_supported",
                "token_type": "Bearer",
                "expires_in": access.expires - access.issued,
                "expiration": access.expires,
                "scope": "ibm openid",
            },
            headers={"cache-control": "no-store"},
        )

    return router


def _refuse(code: str, message: str) -> Response:
    # The identity endpoint has an error form of its own, which the client's identity library reads.
    return JSONResponse({"errorCode": code, "errorMessage": message}, 400)
