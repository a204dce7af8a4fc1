"""The application: what answers at which address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from repositories.engine import PATIENCE_S, Database
from resolvers.activity import Activity
from resolvers.bell import Bell
from resolvers.limits import Limits
from resolvers.pepper import choose_pepper
from server.graphiql.page import Page, is_for_browser
from server.graphql import graphql
from server.health import livez, readyz
from server.settings import Settings

ALLOWED_HEADERS = (
    "Accept",
    "Apollo-Require-Preflight",
    "Authorization",
    "Content-Type",
    "GraphQL-Require-Preflight",
    "X-Request-Id",
)
EXPOSED_HEADERS = ("X-Request-Id", "Retry-After")


@dataclass
class Gateway:
    """What the requests of a process share.

    Attributes:
        bell: Wakes the jobs of a worker in this process, or of the one beside it.
        draining: Whether the process is about to end: it answers, but is no longer ready for more.
    """

    settings: Settings
    database: Database
    activity: Activity
    limits: Limits = field(default_factory=Limits)
    page: Page = field(default_factory=Page)
    bell: Bell = field(default_factory=Bell)
    draining: bool = False


def limits_of(settings: Settings) -> Limits:
    """What callers are told, and held to, by the settings."""
    documents = settings.graphql.model_dump(exclude={"query_timeout_s"})
    return Limits(
        **documents, max_request_bytes=settings.server.max_body_bytes, max_query_s=settings.graphql.query_timeout_s
    )


def create_app(settings: Settings, database: Database) -> Starlette:
    """The application over a migrated database, which stays the caller's to close."""
    pepper = settings.auth.pepper
    choose_pepper(
        database,
        value=None if pepper is None else pepper.get_secret_value(),
        file=settings.auth.pepper_file,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await app.state.gateway.activity.drain()

    middleware = []
    if settings.server.allowed_origins:
        # Dashboards on other hosts show bearer tokens; credentials that browsers add by themselves are not allowed.
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.server.allowed_origins,
                allow_methods=("GET", "POST"),
                allow_headers=ALLOWED_HEADERS,
                expose_headers=EXPOSED_HEADERS,
                max_age=600,
            )
        )
    app = Starlette(
        routes=[
            Route("/graphql", _Graphql()),
            Route("/graphiql/{name}", _page_file),
            Route("/livez", livez),
            Route("/readyz", readyz),
        ],
        middleware=middleware,
        lifespan=lifespan,
        exception_handlers={404: _nothing_here},
    )
    app.router.redirect_slashes = False  # an address is right or not there: a redirect would leave the body behind
    app.state.gateway = Gateway(settings, database, Activity(database), limits_of(settings))
    return app


class _Graphql:
    """`server.graphql.graphql` for every method, whose answers have its own form; for browsers GraphiQL."""

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        request = Request(scope, receive, send)
        gateway: Gateway = request.app.state.gateway
        if gateway.settings.server.graphiql and is_for_browser(request):
            response = gateway.page.page(request)
        else:
            response = await graphql(request)
        await response(scope, receive, send)


async def _page_file(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    found = gateway.page.file(request) if gateway.settings.server.graphiql else None
    return found or await _nothing_here(request)


async def _nothing_here(_request: Request, _error: Exception | None = None) -> Response:
    return JSONResponse({"status": "there is nothing here"}, 404)
