"""Teams in the schema, and the lists of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import (
    After,
    Before,
    First,
    GlobalId,
    IncludeInactive,
    Last,
    NameSearch,
    given,
    page_arguments,
    wishes,
)
from gql.connection import connection
from gql.directives import NULL_ONLY_ON_ERROR
from gql.enums import OrderDirection, worded
from gql.filters import CONDITION, FilterReader, IdFilterInput, StringFilterInput, all_of, any_of, nested, none_of
from gql.info import Info
from gql.node import Node, key_argument, later, node_id, resolvable, views
from gql.words import ACTIVE, ACTIVE_CONDITION, DESCRIPTION, NAME, ORDER, VERSION
from models.queue import Queue
from models.site import Site
from models.team import Team as TeamRow
from models.user import User
from repositories.teams import TeamCriteria, TeamOrderField
from resolvers import queues, sites, teams
from resolvers.paging import Page
from resolvers.users import search_words

worded(
    TeamOrderField,
    "Fields by which a list of Team items can be sorted.",
    NAME="Name, regardless of case and accents.",
    CREATED_AT="Time of creation.",
)


@strawberry.type(description="A group of users who work together.")
class Team(Node):
    """A view over a team."""

    id = node_id("Team")
    is_type_of = views(TeamRow)
    version: int = strawberry.field(description=VERSION)
    name: str = strawberry.field(description=NAME)
    description: str | None = strawberry.field(description=DESCRIPTION)
    active: bool = strawberry.field(description=ACTIVE)

    @strawberry.field(graphql_type=later("Site", "gql.site") | None, description="Site of the team.")
    async def site(self: Any, info: Info) -> Site | None:
        return await sites.site_of(info.context, self.site_id)

    @strawberry.field(
        graphql_type=later("Team", "gql.team") | None, description="Team this team belongs to, null at the top."
    )
    async def parent(self: Any, info: Info) -> TeamRow | None:
        return await teams.team_of(info.context, self.parent_id)

    @strawberry.field(
        graphql_type=later("TeamConnection", "gql.team") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Teams that belong directly to this team, by name.",
    )
    async def children(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[TeamRow]:
        return await teams.children_of(info.context, self, page_arguments(first, after, last, before))

    @strawberry.field(
        graphql_type=later("UserConnection", "gql.user") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Active members of the team, by display name.",
    )
    async def members(
        self: Any,
        info: Info,
        include_descendants: Annotated[
            bool,
            strawberry.argument(description="Whether members of the teams below are listed too, each user once."),
        ] = False,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[User]:
        return await teams.members_of(
            info.context, self, include_descendants, page_arguments(first, after, last, before)
        )

    @strawberry.field(
        graphql_type=later("QueueConnection", "gql.queue") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Queues assigned to the team itself; its members receive those of its parents too.",
    )
    async def queues(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[Queue]:
        return await queues.queues_of_team(info.context, self, page_arguments(first, after, last, before))

    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it last changed.")


TeamConnection = connection("Team", Team)
resolvable("Team", teams.team_of)


@strawberry.input(description=CONDITION.format("teams"))
class TeamFilterInput:
    and_: list[TeamFilterInput] | None = all_of()
    or_: list[TeamFilterInput] | None = any_of()
    not_: TeamFilterInput | None = none_of()
    active: bool | None = strawberry.field(default=UNSET, description=ACTIVE_CONDITION)
    name: StringFilterInput | None = strawberry.field(default=UNSET, description="Condition on the name.")
    site: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the site.")
    parent: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the parent team.")
    has_members: bool | None = strawberry.field(default=UNSET, description="Whether the team has members of its own.")

    def criteria(self, reader: FilterReader) -> TeamCriteria:
        """Which teams are wanted, as far as the object itself says."""
        return TeamCriteria(
            active=reader.flag("active", self.active),
            name=reader.text("name", self.name),
            site=reader.keys("site", self.site, "Site"),
            parent=reader.keys("parent", self.parent, "Team"),
            has_members=reader.flag("hasMembers", self.has_members),
        )


@strawberry.input(description=ORDER.format("Team"))
class TeamOrderInput:
    field: TeamOrderField = strawberry.field(description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Sort direction.")


@strawberry.type
class TeamQueries:
    """Root fields about teams."""

    @strawberry.field(graphql_type=Team | None, description="Team with this id, null when it does not exist.")
    async def team(self: Any, info: Info, id: GlobalId) -> TeamRow | None:
        return await teams.team_of(info.context, key_argument(id, "Team"))

    @strawberry.field(graphql_type=TeamConnection | None, description="Teams, by default sorted by name.")
    async def teams(
        self: Any,
        info: Info,
        include_inactive: IncludeInactive = False,
        filter: Annotated[TeamFilterInput | None, strawberry.argument(description="Condition on the items.")] = UNSET,
        search: NameSearch = UNSET,
        order_by: Annotated[
            list[TeamOrderInput] | None,
            strawberry.argument(description="Sort keys, the most important first, at most 3."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[TeamRow]:
        wanted = nested(filter, FilterReader.of(info.context), TeamCriteria)
        return await teams.page(
            info.context,
            wanted.asking(words=search_words(given(search))),
            include_inactive,
            wishes(order_by),
            page_arguments(first, after, last, before),
        )
