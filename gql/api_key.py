"""API keys in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

import gql.enums  # noqa: F401  (gives the enums their words, before a type shows one)
from gql.arguments import After, Before, First, Last, page_arguments
from gql.connection import connection
from gql.info import Info
from gql.node import Actor, Node, node_id, resolvable, views
from models.api_key import ApiKey as ApiKeyRow
from models.permission import Permission
from resolvers import actors, api_keys
from resolvers.paging import Page


def _display_name(self: Any) -> str:
    return str(self.name)


@strawberry.type(description="A key with which a program uses the API.")
class ApiKey(Node, Actor):
    """A view over an API key."""

    id = node_id("ApiKey")
    is_type_of = views(ApiKeyRow)

    display_name: str = strawberry.field(
        resolver=_display_name, description="Name to show for the key when it acts, the same as `name`."
    )
    name: str = strawberry.field(description="Name, unique regardless of case.")

    @strawberry.field(
        graphql_type=str | None,
        description="Beginning of the secret, by which to recognise it; null for callers who neither are the key nor "
        "hold KEYS_MANAGE.",
    )
    async def prefix(self: Any, info: Info) -> str | None:
        return await actors.prefix_of(info.context, self)

    @strawberry.field(
        graphql_type=list[Permission],
        description="Permissions of the key in the whole organization, never more than those of who made it. Empty for "
        "callers who neither are the key nor hold KEYS_MANAGE.",
    )
    def permissions(self: Any, info: Info) -> list[Permission]:
        return actors.permissions_of_key(info.context, self)

    created_at: datetime = strawberry.field(description="When the key was made.")

    @strawberry.field(
        graphql_type=datetime | None,
        description="When the key was last used, to within a minute; null for callers who neither are the key nor hold "
        "KEYS_MANAGE.",
    )
    def last_used_at(self: Any, info: Info) -> datetime | None:
        return actors.last_used_at(info.context, self)


ApiKeyConnection = connection("ApiKey", ApiKey)
resolvable("ApiKey", actors.api_key_of)


@strawberry.type
class ApiKeyQueries:
    """Root fields about API keys."""

    @strawberry.field(
        graphql_type=ApiKeyConnection | None, description="API keys, sorted by name; never their secrets."
    )
    async def api_keys(
        self: Any,
        info: Info,
        include_inactive: Annotated[
            bool, strawberry.argument(description="Whether revoked and expired keys are listed too.")
        ] = False,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[ApiKeyRow]:
        return await api_keys.page(info.context, include_inactive, page_arguments(first, after, last, before))
