"""What blocks is done aside: in one other thread per request, while the loop answers others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Generic, ParamSpec, TypeVar

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

THREADS = 40
"""As many as things may block at once, checks of jobs among them."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claim(Generic[T]):
    """What a request says of who asks.

    Attributes:
        look: Asks the store, which blocks: who that is, or an error.
    """

    look: Callable[[], T]


class Aside:
    """A few threads."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "aside")

    async def __call__(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it in one of them, with the facts that hold here."""
        context = copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: context.run(do, *args, **kwargs))

    def endpoint(self, endpoint: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """An endpoint that blocks as one that does not; its claims are looked at in the same thread."""
        if iscoroutinefunction(endpoint):
            return endpoint

        def do(given: dict[str, Any]) -> Any:
            return endpoint(**{name: value.look() if isinstance(value, Claim) else value for name, value in given.items()})

        @wraps(endpoint)
        async def answer(**given: Any) -> Any:
            return await self(do, given)

        return answer

    def lay(self, onto: FastAPI | APIRouter, routes: APIRouter, base: str = "", *, shown: bool = True) -> None:
        """Put routes into one list: a router within a router is searched again and again for each request."""
        for route in routes.routes:
            assert isinstance(route, APIRoute)
            onto.add_api_route(
                base + route.path,
                self.endpoint(route.endpoint),
                methods=sorted(route.methods or ()),
                response_model=route.response_model,
                response_class=route.response_class,
                status_code=route.status_code,
                responses=route.responses,
                description=route.description,
                include_in_schema=shown and route.include_in_schema,
            )
