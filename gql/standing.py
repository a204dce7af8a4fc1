"""What bars people, in the schema: deactivations, sign-in blocks, and whether somebody may sign in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

import gql.enums  # noqa: F401  (gives the enums their words, before a type shows one)
from gql.directives import NULL_ONLY_ON_ERROR
from gql.info import Info
from gql.node import Actor, later
from models.operation import StateChangeReason
from models.queue import Queue
from models.team import Team
from resolvers import standing
from resolvers.actors import actor_of
from resolvers.standing import SignInBlocker

_REASON = "Reason given by the caller, null for callers who do not see the whole organization."
_NOTE = "Note given by the caller, null for callers who do not see the whole organization."


@strawberry.type(description="Details of a deactivation.")
class Deactivation:
    """A view over a deactivation."""

    deactivated_at: datetime = strawberry.field(description="When the user was deactivated.")

    @strawberry.field(
        graphql_type=Actor | None,
        description="Who deactivated the user, null for callers who do not see the whole organization.",
    )
    async def deactivated_by(self: Any, info: Info) -> Any:
        return await actor_of(info.context, self.actor_kind, self.actor_id)

    reason: StateChangeReason | None = strawberry.field(description=_REASON)
    note: str | None = strawberry.field(description=_NOTE)

    @strawberry.field(description="When it will be taken back by itself, null when that is not planned.")
    async def reverts_at(self: Any, info: Info) -> datetime | None:
        return await standing.reverts_at(info.context, self.operation_id)

    @strawberry.field(
        graphql_type=list[later("Team", "gql.team")] | None,  # type: ignore[misc]
        directives=NULL_ONLY_ON_ERROR,
        description="Teams the user was removed from, as far as they still exist.",
    )
    async def removed_teams(self: Any, info: Info) -> list[Team]:
        return await standing.teams_taken(info.context, self)

    @strawberry.field(
        graphql_type=list[later("Queue", "gql.queue")] | None,  # type: ignore[misc]
        directives=NULL_ONLY_ON_ERROR,
        description="Directly assigned queues the user was removed from, as far as they still exist.",
    )
    async def removed_queues(self: Any, info: Info) -> list[Queue]:
        return await standing.queues_taken(info.context, self)


@strawberry.type(description="A block that keeps a user from signing in until it is lifted.")
class SignInBlock:
    """A view over a sign-in block."""

    since: datetime = strawberry.field(description="When the block was set.")

    @strawberry.field(
        graphql_type=Actor | None,
        description="Who set the block, null for callers who do not see the whole organization.",
    )
    async def set_by(self: Any, info: Info) -> Any:
        return await actor_of(info.context, self.actor_kind, self.actor_id)

    reason: StateChangeReason | None = strawberry.field(description=_REASON)
    note: str | None = strawberry.field(description=_NOTE)

    @strawberry.field(description="When it will be taken back by itself, null when that is not planned.")
    async def reverts_at(self: Any, info: Info) -> datetime | None:
        return await standing.reverts_at(info.context, self.operation_id)


@strawberry.type(description="Whether a user may sign in. Whether there is a password is not looked at.")
class SignInEligibility:
    """A view over `resolvers.standing.Eligibility`."""

    allowed: bool = strawberry.field(description="Whether the user may sign in.")
    blockers: list[SignInBlocker] = strawberry.field(description="Everything that stands in the way.")
