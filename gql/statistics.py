"""Numbers for the filter bar of a list of people."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import given
from gql.filters import FilterReader, nested
from gql.info import Info
from gql.user import UserFilterInput
from models.presence import PresenceState
from models.user import UserRole, UserStatus
from repositories.users import UserCriteria
from resolvers.statistics import Counted, Statistics, statistics_of
from resolvers.users import UserQuestion, search_words


@strawberry.type(description="Number of users in one life-cycle state.")
class UserStatusCount:
    """A view over `resolvers.statistics.Counted`."""

    @strawberry.field(graphql_type=UserStatus, description="The state.")
    def status(self: Any) -> Any:
        return self.of

    count: int = strawberry.field(description="Number of users.")


@strawberry.type(description="Number of users in one presence state.")
class PresenceStateCount:
    """A view over `resolvers.statistics.Counted`."""

    @strawberry.field(graphql_type=PresenceState, description="The state.")
    def state(self: Any) -> Any:
        return self.of

    count: int = strawberry.field(description="Number of users.")


@strawberry.type(description="Number of users with one role.")
class UserRoleCount:
    """A view over `resolvers.statistics.Counted`."""

    @strawberry.field(graphql_type=UserRole, description="The role.")
    def role(self: Any) -> Any:
        return self.of

    count: int = strawberry.field(description="Number of users.")


@strawberry.type(description="Numbers for the filter bar of a user list. What nobody is is told too, with 0.")
class UserStatistics:
    """A view over `resolvers.statistics.Statistics`."""

    @strawberry.field(graphql_type=int, description="Users that match, deactivated ones included.")
    async def total(self: Any) -> int:
        return int(await self.total())

    @strawberry.field(
        graphql_type=list[UserStatusCount],
        description="Users that match, by life-cycle state; without a condition on the status, active and deactivated "
        "ones.",
    )
    async def by_status(self: Any) -> list[Counted[UserStatus]]:
        found: list[Counted[UserStatus]] = await self.by_status()
        return found

    @strawberry.field(graphql_type=list[PresenceStateCount], description="Users that match, by presence state.")
    async def by_presence(self: Any) -> list[Counted[PresenceState]]:
        found: list[Counted[PresenceState]] = await self.by_presence()
        return found

    @strawberry.field(
        graphql_type=list[UserRoleCount],
        description="Users that match, by role: who has two counts twice, who has none nowhere.",
    )
    async def by_role(self: Any) -> list[Counted[UserRole]]:
        found: list[Counted[UserRole]] = await self.by_role()
        return found


@strawberry.type
class StatisticsQueries:
    """Root fields for numbers of people."""

    @strawberry.field(
        graphql_type=UserStatistics | None,
        description="Numbers for the filter bar of a user list, deactivated users included. Only what is selected is "
        "counted.",
    )
    async def user_statistics(
        self: Any,
        info: Info,
        filter: Annotated[UserFilterInput | None, strawberry.argument(description="Condition on the users.")] = UNSET,
        search: Annotated[str | None, strawberry.argument(description="Search text as in `users`.")] = UNSET,
    ) -> Statistics:
        wanted = nested(filter, FilterReader.of(info.context), UserCriteria)
        words = search_words(given(search))
        return statistics_of(info.context, UserQuestion(wanted.asking(words=words), include_deactivated=True))
