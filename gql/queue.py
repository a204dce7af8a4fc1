"""Queues in the schema, who works in them in which way, and the lists of them."""

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
from gql.user import User
from gql.words import ACTIVE, ACTIVE_CONDITION, DESCRIPTION, NAME, ORDER, VERSION
from models.queue import Queue as QueueRow
from models.queue import QueueAssignmentSource
from models.skill_group import SkillGroup
from models.team import Team
from models.user import User as UserRow
from repositories.queues import Origin, QueueCriteria, QueueOrderField
from resolvers import queues, skill_groups, teams
from resolvers.paging import Page
from resolvers.users import search_words

worded(
    QueueOrderField,
    "Fields by which a list of Queue items can be sorted.",
    NAME="Name, regardless of case and accents.",
    CREATED_AT="Time of creation.",
)


@strawberry.type(description="One way in which a user came to a queue.")
class QueueAssignmentOrigin:
    """A view over an origin."""

    source: QueueAssignmentSource = strawberry.field(description="Kind of the way.")

    @strawberry.field(
        graphql_type=later("Team", "gql.team") | None,
        description="Team whose queue it is, which may be a parent of the user's own team; null unless `source` is "
        "TEAM.",
    )
    async def team(self: Any, info: Info) -> Team | None:
        return await teams.team_of(info.context, self.team_id)

    @strawberry.field(
        graphql_type=later("SkillGroup", "gql.skill_group") | None,
        description="Skill group whose queue it is, null unless `source` is SKILL_GROUP.",
    )
    async def skill_group(self: Any, info: Info) -> SkillGroup | None:
        return await skill_groups.skill_group_of(info.context, self.skill_group_id)

    assigned_at: datetime = strawberry.field(description="When the user came to the queue this way.")


@strawberry.type
class Assignment:
    """What the edge between a person and a queue has to say."""

    @strawberry.field(
        graphql_type=list[QueueAssignmentOrigin],
        description="Every way in which the user came to the queue, at least one.",
    )
    async def origins(self: Any, info: Info) -> list[Origin]:
        return await queues.origins_of(info.context, self.extra)


@strawberry.type(description="A waiting line of contacts.")
class Queue(Node):
    """A view over a queue."""

    id = node_id("Queue")
    is_type_of = views(QueueRow)
    version: int = strawberry.field(description=VERSION)
    name: str = strawberry.field(description=NAME)
    description: str | None = strawberry.field(description=DESCRIPTION)
    active: bool = strawberry.field(description=ACTIVE)
    channel: str = strawberry.field(description="Kind of contacts, for example voice, chat or email.")
    minimum_agents: int = strawberry.field(
        description="Fewest active agents that the queue should have, 0 when any number will do."
    )

    @strawberry.field(
        graphql_type=int | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Active users without a sign-in block who work in the queue, each counted once.",
    )
    async def active_agent_count(self: Any, info: Info) -> int:
        return await queues.agent_count_of(info.context, self)

    @strawberry.field(
        graphql_type=later("QueueMemberConnection", "gql.queue") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Active users who work in the queue, each once, by display name.",
    )
    async def members(
        self: Any,
        info: Info,
        include_deactivated: Annotated[
            bool, strawberry.argument(description="Whether deactivated users are listed too.")
        ] = False,
        source: Annotated[
            list[QueueAssignmentSource] | None,
            strawberry.argument(description="Keep only users who came to the queue in one of these ways."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[UserRow]:
        return await queues.members_of(
            info.context, self, given(source), include_deactivated, page_arguments(first, after, last, before)
        )

    @strawberry.field(
        graphql_type=later("TeamConnection", "gql.team") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Teams the queue is assigned to.",
    )
    async def teams(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[Team]:
        return await teams.teams_of_queue(info.context, self, page_arguments(first, after, last, before))

    @strawberry.field(
        graphql_type=later("SkillGroupConnection", "gql.skill_group") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Skill groups the queue is assigned to.",
    )
    async def skill_groups(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[SkillGroup]:
        return await skill_groups.skill_groups_of_queue(info.context, self, page_arguments(first, after, last, before))

    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it last changed.")


QueueConnection = connection("Queue", Queue)
UserQueueConnection = connection("UserQueue", Queue, items="queue-of-a-user", edge=Assignment)
QueueMemberConnection = connection("QueueMember", User, items="user-of-a-queue", edge=Assignment)
resolvable("Queue", queues.queue_of)


@strawberry.input(description=CONDITION.format("queues"))
class QueueFilterInput:
    and_: list[QueueFilterInput] | None = all_of()
    or_: list[QueueFilterInput] | None = any_of()
    not_: QueueFilterInput | None = none_of()
    active: bool | None = strawberry.field(default=UNSET, description=ACTIVE_CONDITION)
    name: StringFilterInput | None = strawberry.field(default=UNSET, description="Condition on the name.")
    channel: StringFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the kind of contacts."
    )
    team: IdFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the teams the queue is assigned to: at least one must match."
    )
    below_minimum: bool | None = strawberry.field(
        default=UNSET, description="Whether fewer active agents work in the queue than its minimum."
    )

    def criteria(self, reader: FilterReader) -> QueueCriteria:
        """Which queues are wanted, as far as the object itself says."""
        return QueueCriteria(
            active=reader.flag("active", self.active),
            name=reader.text("name", self.name),
            channel=reader.text("channel", self.channel),
            team=reader.keys("team", self.team, "Team"),
            below_minimum=reader.flag("belowMinimum", self.below_minimum),
        )


@strawberry.input(description=ORDER.format("Queue"))
class QueueOrderInput:
    field: QueueOrderField = strawberry.field(description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Sort direction.")


@strawberry.type
class QueueQueries:
    """Root fields about queues."""

    @strawberry.field(graphql_type=Queue | None, description="Queue with this id, null when it does not exist.")
    async def queue(self: Any, info: Info, id: GlobalId) -> QueueRow | None:
        return await queues.queue_of(info.context, key_argument(id, "Queue"))

    @strawberry.field(graphql_type=QueueConnection | None, description="Queues, by default sorted by name.")
    async def queues(
        self: Any,
        info: Info,
        include_inactive: IncludeInactive = False,
        filter: Annotated[QueueFilterInput | None, strawberry.argument(description="Condition on the items.")] = UNSET,
        search: NameSearch = UNSET,
        order_by: Annotated[
            list[QueueOrderInput] | None,
            strawberry.argument(description="Sort keys, the most important first, at most 3."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[QueueRow]:
        wanted = nested(filter, FilterReader.of(info.context), QueueCriteria)
        return await queues.page(
            info.context,
            wanted.asking(words=search_words(given(search))),
            include_inactive,
            wishes(order_by),
            page_arguments(first, after, last, before),
        )
