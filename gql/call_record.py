"""Calls that agents took, in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import After, Before, First, Last, page_arguments
from gql.connection import connection
from gql.filters import DateTimeFilterInput, FilterReader, IdFilterInput, read
from gql.info import Info
from gql.node import Node, later, node_id, resolvable, views
from models.call_record import CallDirection, CallEndReason
from models.call_record import CallRecord as CallRecordRow
from models.queue import Queue
from models.team import Team
from models.user import User
from repositories.call_records import CallRecordCriteria
from resolvers import call_records
from resolvers.paging import Page
from resolvers.queues import queue_of
from resolvers.teams import team_of
from resolvers.users import user_of


@strawberry.type(description="One call of an agent. While it has no end, the agent is handling an active contact.")
class CallRecord(Node):
    """A view over a call record."""

    id = node_id("CallRecord")
    is_type_of = views(CallRecordRow)
    external_id: str = strawberry.field(description="Key of the call in the telephony system, unique.")

    @strawberry.field(
        graphql_type=later("User", "gql.user") | None,
        description="Agent who took the call, deactivated or deleted ones included.",
    )
    async def user(self: Any, info: Info) -> User | None:
        return await user_of(info.context, self.user_id)

    @strawberry.field(graphql_type=later("Queue", "gql.queue") | None, description="Queue through which the call came.")
    async def queue(self: Any, info: Info) -> Queue | None:
        return await queue_of(info.context, self.queue_id)

    @strawberry.field(
        graphql_type=later("Team", "gql.team") | None,
        description="Team for which the agent took the call: the one through which the queue was reached, or the "
        "first by name; kept when the membership ends.",
    )
    async def team(self: Any, info: Info) -> Team | None:
        return await team_of(info.context, self.team_id)

    direction: CallDirection = strawberry.field(description="Which side started the call.")
    started_at: datetime = strawberry.field(description="When the call started.")
    ended_at: datetime | None = strawberry.field(description="When the call ended, null while it goes on.")
    ended_by: CallEndReason | None = strawberry.field(description="What ended the call, null while it goes on.")
    talk_seconds: int = strawberry.field(description="Talk time in seconds, 0 until it is recorded.")
    wrap_up_seconds: int = strawberry.field(description="After-call work in seconds, 0 until it is recorded.")


CallRecordConnection = connection("CallRecord", CallRecord)
resolvable("CallRecord", call_records.call_record_of)


@strawberry.input(description="Condition on call records. Several fields in one object must all hold.")
class CallRecordFilterInput:
    user: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the agent.")
    team: IdFilterInput | None = strawberry.field(
        default=UNSET,
        description="Condition on the team for which the agent took the call, whatever became of the membership since.",
    )
    queue: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the queue.")
    started_at: DateTimeFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the time of the start."
    )
    active: bool | None = strawberry.field(default=UNSET, description="Whether the call still goes on.")

    def criteria(self, reader: FilterReader) -> CallRecordCriteria:
        """Which call records are wanted."""
        return CallRecordCriteria(
            user=reader.keys("user", self.user, "User"),
            team=reader.keys("team", self.team, "Team"),
            queue=reader.keys("queue", self.queue, "Queue"),
            started_at=reader.instant("startedAt", self.started_at),
            active=reader.flag("active", self.active),
        )


@strawberry.type
class CallRecordQueries:
    """Root fields about calls."""

    @strawberry.field(
        graphql_type=CallRecordConnection | None,
        description="Call records, the latest first, those of deactivated and deleted agents included.",
    )
    async def call_records(
        self: Any,
        info: Info,
        filter: Annotated[
            CallRecordFilterInput | None, strawberry.argument(description="Condition on the call records.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[CallRecordRow]:
        criteria = read(filter, FilterReader.of(info.context)) or CallRecordCriteria()
        return await call_records.page(info.context, criteria, page_arguments(first, after, last, before))
