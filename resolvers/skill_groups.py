"""Finding skill groups, and who is in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from models.queue import Queue
from models.skill_group import SkillGroup
from models.user import User, UserStatus
from repositories.criteria import Nested
from repositories.kept import Kept
from repositories.keyset import Slice
from repositories.skill_groups import (
    SKILL_GROUP_IDENTITY,
    SKILL_GROUPS_BY_NAME,
    SKILL_GROUPS_SORTABLE,
    SKILLED_BY_NAME,
    SkillGroupCriteria,
    SkillGroupOrderField,
)
from resolvers.context import Context
from resolvers.lists import page_of_named, page_of_parent
from resolvers.orders import Wish, chosen_order
from resolvers.paging import Page, PageArguments
from resolvers.users import SHOWN, SHOWN_WITH_DEACTIVATED


async def skill_group_of(context: Context, skill_group_id: UUID | None) -> SkillGroup | None:
    """The skill group with this id; None when there is none."""
    return None if skill_group_id is None else await context.loaders.load("skill_groups", skill_group_id, _by_id)


async def page(
    context: Context,
    wanted: Nested[SkillGroupCriteria],
    include_inactive: bool,
    wishes: Sequence[Wish[SkillGroupOrderField]],
    arguments: PageArguments,
) -> Page[SkillGroup]:
    """A page of skill groups, by name unless wished otherwise; those not in use only where asked for (requirement B7).

    Raises:
        BadInput, BadCursor: See `PageArguments.slice` and `chosen_order`.
    """
    order = chosen_order("skill groups", wishes, SKILL_GROUPS_SORTABLE, SkillGroupOrderField.NAME, SKILL_GROUP_IDENTITY)
    return await page_of_named(context, lambda kept: kept.skill_groups, wanted, include_inactive, order, arguments)


async def skill_groups_of_user(context: Context, user: User, arguments: PageArguments) -> Page[SkillGroup]:
    """Skill groups of a person, by name; a deactivation leaves them (requirement E3)."""

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[SkillGroup]]:
        return await kept.skill_groups.of_users(ids, SKILL_GROUPS_BY_NAME, part)

    return await page_of_parent(
        context, "skill_groups_of_users", user.id, SKILL_GROUPS_BY_NAME, arguments, fetch, _count_of_users
    )


async def skill_groups_of_queue(context: Context, queue: Queue, arguments: PageArguments) -> Page[SkillGroup]:
    """Skill groups to which a queue is assigned, by name."""

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[SkillGroup]]:
        return await kept.skill_groups.of_queues(ids, SKILL_GROUPS_BY_NAME, part)

    return await page_of_parent(
        context, "skill_groups_of_queues", queue.id, SKILL_GROUPS_BY_NAME, arguments, fetch, _count_of_queues
    )


async def members_of(context: Context, group: SkillGroup, deactivated: bool, arguments: PageArguments) -> Page[User]:
    """Members of a skill group whom the caller sees, by display name.

    Args:
        deactivated: Whether deactivated members are listed too, for whom the skill group does not count (A10); they
            are counted as hidden otherwise.
    """
    statuses = SHOWN_WITH_DEACTIVATED if deactivated else SHOWN

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[User]]:
        return await kept.skill_groups.members(ids, statuses, SKILLED_BY_NAME, part)

    async def count(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
        return await kept.skill_groups.count_members(ids, statuses)

    return await page_of_parent(
        context,
        "members_of_skill_groups",
        group.id,
        SKILLED_BY_NAME,
        arguments,
        fetch,
        count,
        deactivated,
        hidden=None if deactivated else _count_deactivated,
    )


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, SkillGroup]:
    return await kept.skill_groups.by_id(ids)


async def _count_of_users(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.skill_groups.count_of_users(ids)


async def _count_of_queues(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.skill_groups.count_of_queues(ids)


async def _count_deactivated(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.skill_groups.count_members(ids, (UserStatus.DEACTIVATED,))
