"""API keys in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

import gql.enums  # noqa: F401  (gives the enums their words, before a type shows one)
from gql.info import Info
from gql.node import Actor, Node, node_id, resolvable, views
from models.api_key import ApiKey as ApiKeyRow
from models.permission import Permission
from resolvers import actors


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

    @strawberry.field(graphql_type=str, description="Beginning of the secret, by which to recognise it.")
    async def prefix(self: Any, info: Info) -> str:
        return await actors.prefix_of(info.context, self)

    @strawberry.field(
        graphql_type=list[Permission],
        description="Permissions of the key in the whole organization, never more than those of who made it.",
    )
    def permissions(self: Any) -> list[Permission]:
        return [permission for permission in Permission if permission.name in self.permissions]

    created_at: datetime = strawberry.field(description="When the key was made.")
    last_used_at: datetime | None = strawberry.field(description="When the key was last used, to within a minute.")


resolvable("ApiKey", actors.api_key_of)
