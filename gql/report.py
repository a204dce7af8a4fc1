"""Reports in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import After, Before, First, Last, given, page_arguments
from gql.connection import connection
from gql.filters import FilterReader, IdFilterInput, nested
from gql.info import Info
from gql.user import User, UserFilterInput
from models.user import User as UserRow
from repositories.users import UserCriteria
from resolvers import reports
from resolvers.paging import Page
from resolvers.reports import ReportQuestion
from resolvers.users import UserQuestion


@strawberry.type
class AgentFigures:
    """What the report has to say about an agent: a view over `repositories.call_records.Figures`."""

    @strawberry.field(graphql_type=int, description="Number of calls that started in the period.")
    def calls(self: Any) -> int:
        return int(self.extra.calls)

    @strawberry.field(graphql_type=int, description="Talk time in seconds.")
    def talk_seconds(self: Any) -> int:
        return int(self.extra.talk_seconds)

    @strawberry.field(graphql_type=int, description="After-call work in seconds.")
    def wrap_up_seconds(self: Any) -> int:
        return int(self.extra.wrap_up_seconds)


AgentReportConnection = connection("AgentReport", User, items="agent-in-a-report", edge=AgentFigures)


@strawberry.type
class ReportQueries:
    """Root fields that report."""

    @strawberry.field(
        graphql_type=AgentReportConnection | None,
        description="Figures per agent over a period, by display name, of those who had calls in it. Deactivated and "
        "deleted agents are included unless left out by `filter`.",
    )
    async def agent_report(
        self: Any,
        info: Info,
        since: Annotated[datetime, strawberry.argument(description="Start of the period.")],
        until: Annotated[
            datetime, strawberry.argument(description="End of the period, not included; at most 366 days later.")
        ],
        filter: Annotated[UserFilterInput | None, strawberry.argument(description="Which agents.")] = UNSET,
        team: Annotated[
            IdFilterInput | None,
            strawberry.argument(
                description="Team for which the calls were taken, whatever became of the membership since."
            ),
        ] = UNSET,
        queue: Annotated[
            IdFilterInput | None, strawberry.argument(description="Queue through which the calls came.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[UserRow]:
        limits, now = info.context.limits, info.context.now()
        question = ReportQuestion(
            since=since,
            until=until,
            people=UserQuestion(nested(filter, FilterReader(limits, now), UserCriteria)),
            team=FilterReader(limits, now, ()).keys("team", given(team), "Team"),
            queue=FilterReader(limits, now, ()).keys("queue", given(queue), "Queue"),
        )
        return await reports.agent_report(info.context, question, page_arguments(first, after, last, before))
