"""Skill groups in the schema, and the lists of them."""

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
from models.skill_group import SkillGroup as SkillGroupRow
from models.user import User
from repositories.skill_groups import SkillGroupCriteria, SkillGroupOrderField
from resolvers import queues, skill_groups
from resolvers.paging import Page
from resolvers.users import search_words

worded(
    SkillGroupOrderField,
    "Fields by which a list of SkillGroup items can be sorted.",
    NAME="Name, regardless of case and accents.",
    CREATED_AT="Time of creation.",
)


@strawberry.type(description="A group of users with a common skill.")
class SkillGroup(Node):
    """A view over a skill group."""

    id = node_id("SkillGroup")
    is_type_of = views(SkillGroupRow)
    version: int = strawberry.field(description=VERSION)
    name: str = strawberry.field(description=NAME)
    description: str | None = strawberry.field(description=DESCRIPTION)
    active: bool = strawberry.field(description=ACTIVE)

    @strawberry.field(
        graphql_type=later("UserConnection", "gql.user") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Active members of the skill group, by display name.",
    )
    async def members(
        self: Any,
        info: Info,
        include_deactivated: Annotated[
            bool, strawberry.argument(description="Whether deactivated users are listed too.")
        ] = False,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[User]:
        return await skill_groups.members_of(
            info.context, self, include_deactivated, page_arguments(first, after, last, before)
        )

    @strawberry.field(
        graphql_type=later("QueueConnection", "gql.queue") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Queues assigned to the skill group, which its active members receive.",
    )
    async def queues(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[Queue]:
        return await queues.queues_of_skill_group(info.context, self, page_arguments(first, after, last, before))

    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it last changed.")


SkillGroupConnection = connection("SkillGroup", SkillGroup)
resolvable("SkillGroup", skill_groups.skill_group_of)


@strawberry.input(description=CONDITION.format("skill groups"))
class SkillGroupFilterInput:
    and_: list[SkillGroupFilterInput] | None = all_of()
    or_: list[SkillGroupFilterInput] | None = any_of()
    not_: SkillGroupFilterInput | None = none_of()
    active: bool | None = strawberry.field(default=UNSET, description=ACTIVE_CONDITION)
    name: StringFilterInput | None = strawberry.field(default=UNSET, description="Condition on the name.")
    queue: IdFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the queues of the skill group: at least one must match."
    )
    has_members: bool | None = strawberry.field(
        default=UNSET, description="Whether the skill group has active members."
    )

    def criteria(self, reader: FilterReader) -> SkillGroupCriteria:
        """Which skill groups are wanted, as far as the object itself says."""
        return SkillGroupCriteria(
            active=reader.flag("active", self.active),
            name=reader.text("name", self.name),
            queue=reader.keys("queue", self.queue, "Queue"),
            has_members=reader.flag("hasMembers", self.has_members),
        )


@strawberry.input(description=ORDER.format("SkillGroup"))
class SkillGroupOrderInput:
    field: SkillGroupOrderField = strawberry.field(description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Sort direction.")


@strawberry.type
class SkillGroupQueries:
    """Root fields about skill groups."""

    @strawberry.field(
        graphql_type=SkillGroup | None, description="Skill group with this id, null when it does not exist."
    )
    async def skill_group(self: Any, info: Info, id: GlobalId) -> SkillGroupRow | None:
        return await skill_groups.skill_group_of(info.context, key_argument(id, "SkillGroup"))

    @strawberry.field(graphql_type=SkillGroupConnection | None, description="Skill groups, by default sorted by name.")
    async def skill_groups(
        self: Any,
        info: Info,
        include_inactive: IncludeInactive = False,
        filter: Annotated[
            SkillGroupFilterInput | None, strawberry.argument(description="Condition on the items.")
        ] = UNSET,
        search: NameSearch = UNSET,
        order_by: Annotated[
            list[SkillGroupOrderInput] | None,
            strawberry.argument(description="Sort keys, the most important first, at most 3."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[SkillGroupRow]:
        wanted = nested(filter, FilterReader.of(info.context), SkillGroupCriteria)
        return await skill_groups.page(
            info.context,
            wanted.asking(words=search_words(given(search))),
            include_inactive,
            wishes(order_by),
            page_arguments(first, after, last, before),
        )
