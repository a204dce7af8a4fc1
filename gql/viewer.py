"""The caller: who it is, what it may do, and the limits it is held to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import strawberry

from gql.enums import CallerKind
from gql.info import Info
from gql.node import Actor, later
from gql.organization import Organization
from models.audit import ActorKind
from models.organization import Organization as OrganizationRow
from models.permission import Permission, PermissionScope
from models.session import Session
from resolvers.actors import actor_of
from resolvers.caller import Caller
from resolvers.limits import Limits
from resolvers.organizations import organization_of
from resolvers.sessions import session_of


@strawberry.type(description="A permission with its reach.")
class GrantedPermission:
    """A view over `Grant`."""

    permission: Permission = strawberry.field(description="The permission.")
    scope: PermissionScope = strawberry.field(description="How far it reaches.")


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission that a caller holds."""

    permission: Permission
    scope: PermissionScope


@strawberry.type(description="Limits that apply to a caller, so that clients need not guess them.")
class ApiLimits:
    """A view over `resolvers.limits.Limits`."""

    max_page_size: int = strawberry.field(description="Largest value for `first` and `last`.")
    max_bulk_targets: int = strawberry.field(description="Most targets that a bulk mutation takes as a list.")
    max_matched_targets: int = strawberry.field(description="Most users that a bulk mutation takes by a filter.")
    max_inline_targets: int = strawberry.field(
        description="Most targets that a bulk mutation handles before it answers."
    )
    max_create_users: int = strawberry.field(description="Most users that `addUsers` takes.")
    max_call_records: int = strawberry.field(description="Most calls that `recordCalls` takes.")
    max_filter_conditions: int = strawberry.field(description="Most conditions in one filter.")
    max_cost: int = strawberry.field(description="Highest cost of one operation, counted before it runs.")
    max_depth: int = strawberry.field(description="Most levels of fields in one operation.")
    max_aliases: int = strawberry.field(description="Most aliases of one field of one type in one document.")
    max_directives: int = strawberry.field(description="Most directives in one document.")
    max_tokens: int = strawberry.field(description="Most tokens of one document.")
    max_document_characters: int = strawberry.field(description="Most characters of one document.")
    max_request_bytes: int = strawberry.field(description="Most bytes in the body of one request.")

    @strawberry.field(description="Seconds after which a query is stopped, rounded up.")
    def max_query_seconds(self: Limits) -> int:
        return math.ceil(self.max_query_s)

    max_total_count: int = strawberry.field(description="Largest number that `totalCount` counts to.")


@strawberry.type(description="The caller.")
class Viewer:
    """A view over `resolvers.caller.Caller`."""

    @strawberry.field(graphql_type=CallerKind, description="What the caller is.")
    def kind(self: Any) -> CallerKind:
        return CallerKind.USER if self.kind is ActorKind.USER else CallerKind.API_KEY

    @strawberry.field(graphql_type=Actor, description="The caller: a User or an ApiKey, as `kind` says.")
    async def actor(self: Any, info: Info) -> Any:
        return await actor_of(info.context, self.kind, self.id)

    @strawberry.field(
        graphql_type=later("Session", "gql.session") | None,
        description="Session of the caller, null for an API key.",
    )
    async def session(self: Any, info: Info) -> Session | None:
        return None if self.session_id is None else await session_of(info.context, self.session_id)

    @strawberry.field(graphql_type=Organization, description="Organization in which the caller acts.")
    async def organization(self: Any, info: Info) -> OrganizationRow | None:
        return await organization_of(info.context)

    @strawberry.field(
        graphql_type=list[GrantedPermission],
        description="Permissions of the caller, each with the widest reach that the caller has.",
    )
    def permissions(self: Any) -> list[Grant]:
        return [Grant(one, self.permissions[one]) for one in Permission if one in self.permissions]

    @strawberry.field(graphql_type=ApiLimits, description="Limits that apply to the caller.")
    def limits(self: Any, info: Info) -> Limits:
        return info.context.limits


@strawberry.type
class ViewerQueries:
    """Root fields about the caller."""

    @strawberry.field(graphql_type=Viewer | None, description="The caller.")
    def viewer(self: Any, info: Info) -> Caller:
        return info.context.known
