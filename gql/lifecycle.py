"""Deactivate, reactivate, force offline, resume online, sign out: inputs, payloads, root fields."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from gql.arguments import INPUT
from gql.bulk import BulkTermsInput, bulk_payload, performed
from gql.info import Info
from models.operation import ActiveContactPolicy, RestoreScope
from resolvers.bulk import BulkAnswer
from resolvers.lifecycle import Deactivate, ForceOffline, Reactivate, ResumeOnline, SignOut

_INLINE = "The operation, finished already when it was handled inline; null when nothing was started."
_UNCHANGED = " Users that already are as asked count as UNCHANGED."


def _policy() -> Any:
    return strawberry.field(
        default=ActiveContactPolicy.END_NOW, description="What happens to users who are handling a contact."
    )


@strawberry.input
class ScheduledInput(BulkTermsInput):
    """What can be done at another time; not a type of its own in the schema."""

    execute_at: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="When to do it; at once when omitted."
    )


@strawberry.input(description="Deactivates users.")
class DeactivateUsersInput(ScheduledInput):
    until: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When to reactivate the users again with what the deactivation took, as `undoBulkOperation` would; "
        "never when omitted.",
    )
    on_active_contact: ActiveContactPolicy = _policy()


@strawberry.input(description="Reactivates users.")
class ReactivateUsersInput(ScheduledInput):
    restore: list[RestoreScope] = strawberry.field(
        default_factory=list,
        description="What to put back of what the deactivation took, as far as it still exists; nothing when empty.",
    )


@strawberry.input(description="Signs users out and blocks further sign-ins.")
class ForceUsersOfflineInput(ScheduledInput):
    until: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="When to lift the sign-in block again; never when omitted."
    )
    on_active_contact: ActiveContactPolicy = _policy()


@strawberry.input(description="Lifts the sign-in block of users.")
class ResumeUsersOnlineInput(ScheduledInput):
    """The terms that all share, and none besides."""


@strawberry.input(description="Ends the sessions of users, who can sign in again.")
class SignOutUsersInput(ScheduledInput):
    on_active_contact: ActiveContactPolicy = _policy()


DeactivateUsersPayload = bulk_payload("deactivateUsers", _INLINE)
ReactivateUsersPayload = bulk_payload("reactivateUsers", _INLINE)
ForceUsersOfflinePayload = bulk_payload("forceUsersOffline", _INLINE)
ResumeUsersOnlinePayload = bulk_payload("resumeUsersOnline", _INLINE)
SignOutUsersPayload = bulk_payload("signOutUsers", _INLINE)


@strawberry.type
class Lifecycle:
    """Root fields; not a type of its own in the schema."""

    @strawberry.mutation(
        graphql_type=DeactivateUsersPayload | None,
        description="Deactivates users: ends their sessions on every surface, sets their presence to OFFLINE, removes "
        "them from teams and direct queues, suspends their licenses. Their data in reports stays." + _UNCHANGED,
    )
    async def deactivate_users(self, info: Info, input: Annotated[DeactivateUsersInput, INPUT]) -> BulkAnswer:
        return await performed(info.context, input, Deactivate, lambda: Deactivate(input.on_active_contact))

    @strawberry.mutation(
        graphql_type=ReactivateUsersPayload | None,
        description="Reactivates users: their old passwords work again, no mail is sent, their presence stays OFFLINE, "
        "their licenses need free seats, no team or queue is put back unless asked for." + _UNCHANGED,
    )
    async def reactivate_users(self, info: Info, input: Annotated[ReactivateUsersInput, INPUT]) -> BulkAnswer:
        return await performed(info.context, input, Reactivate, lambda: Reactivate(tuple(dict.fromkeys(input.restore))))

    @strawberry.mutation(
        graphql_type=ForceUsersOfflinePayload | None,
        description="Signs users out and keeps them from signing in until `resumeUsersOnline`; teams, queues, skill "
        "groups and licenses stay." + _UNCHANGED,
    )
    async def force_users_offline(self, info: Info, input: Annotated[ForceUsersOfflineInput, INPUT]) -> BulkAnswer:
        return await performed(info.context, input, ForceOffline, lambda: ForceOffline(input.on_active_contact))

    @strawberry.mutation(
        graphql_type=ResumeUsersOnlinePayload | None,
        description="Lifts the block set by `forceUsersOffline`; signs nobody in." + _UNCHANGED,
    )
    async def resume_users_online(self, info: Info, input: Annotated[ResumeUsersOnlineInput, INPUT]) -> BulkAnswer:
        return await performed(info.context, input, ResumeOnline, ResumeOnline)

    @strawberry.mutation(
        graphql_type=SignOutUsersPayload | None,
        description="Ends the sessions of users, who can sign in again." + _UNCHANGED,
    )
    async def sign_out_users(self, info: Info, input: Annotated[SignOutUsersInput, INPUT]) -> BulkAnswer:
        return await performed(info.context, input, SignOut, lambda: SignOut(input.on_active_contact))
