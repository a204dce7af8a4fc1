"""Finding queues, and who works in them in which way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from models.queue import Queue, QueueAssignmentSource
from models.skill_group import SkillGroup
from models.team import Team
from models.user import User
from repositories.criteria import Nested
from repositories.kept import Kept
from repositories.keyset import Slice
from repositories.queues import (
    EVERY_SOURCE,
    QUEUE_IDENTITY,
    QUEUE_MEMBERS,
    QUEUES_BY_NAME,
    QUEUES_OF_USER,
    QUEUES_SORTABLE,
    Origin,
    QueueCriteria,
    QueueOrderField,
)
from resolvers.context import Context
from resolvers.lists import page_of_named, page_of_parent
from resolvers.orders import Wish, chosen_order
from resolvers.paging import Page, PageArguments


async def queue_of(context: Context, queue_id: UUID | None) -> Queue | None:
    """The queue with this id; None when there is none."""
    return None if queue_id is None else await context.loaders.load("queues", queue_id, _by_id)


async def page(
    context: Context,
    wanted: Nested[QueueCriteria],
    include_inactive: bool,
    wishes: Sequence[Wish[QueueOrderField]],
    arguments: PageArguments,
) -> Page[Queue]:
    """A page of queues, by name unless wished otherwise; those not in use only where asked for (requirement B7).

    Raises:
        BadInput, BadCursor: See `PageArguments.slice` and `chosen_order`.
    """
    order = chosen_order("queues", wishes, QUEUES_SORTABLE, QueueOrderField.NAME, QUEUE_IDENTITY)
    return await page_of_named(context, lambda kept: kept.queues, wanted, include_inactive, order, arguments)


async def queues_of_user(
    context: Context, user: User, sources: Collection[QueueAssignmentSource] | None, arguments: PageArguments
) -> Page[Queue]:
    """Queues in which a person works, each once, by name (rule Q9); beside each the pair that `origins_of` takes.

    Args:
        sources: Only queues that have an origin of one of these kinds; all when None.
    """
    wanted = EVERY_SOURCE if sources is None else frozenset(sources)

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[Queue]]:
        return await kept.queues.of_users(ids, wanted, QUEUES_OF_USER, part)

    async def count(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
        return await kept.queues.count_of_users(ids, wanted)

    return await page_of_parent(
        context,
        "queues_of_users",
        user.id,
        QUEUES_OF_USER,
        arguments,
        fetch,
        count,
        wanted,
        beside=lambda queue: (user.id, queue.id),
    )


async def members_of(
    context: Context,
    queue: Queue,
    sources: Collection[QueueAssignmentSource] | None,
    deactivated: bool,
    arguments: PageArguments,
) -> Page[User]:
    """People who work in a queue and whom the caller sees, each once, by display name; beside each the pair that
    `origins_of` takes.

    Args:
        sources: Only people who came in one of these ways; all when None.
        deactivated: Whether deactivated people are listed too: those of a skill group, for whom it does not count
            (requirement A10).
    """
    wanted = EVERY_SOURCE if sources is None else frozenset(sources)

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[User]]:
        return await kept.queues.members(ids, wanted, deactivated, QUEUE_MEMBERS, part)

    async def count(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
        return await kept.queues.count_members(ids, wanted, deactivated)

    return await page_of_parent(
        context,
        "members_of_queues",
        queue.id,
        QUEUE_MEMBERS,
        arguments,
        fetch,
        count,
        wanted,
        deactivated,
        beside=lambda user: (user.id, queue.id),
    )


async def origins_of(context: Context, pair: tuple[UUID, UUID]) -> list[Origin]:
    """Every way in which a person came to a queue; the pair is that of person and queue."""
    return await context.loaders.load("origins_of_pairs", pair, _origins) or []


async def queues_of_team(context: Context, team: Team, arguments: PageArguments) -> Page[Queue]:
    """Queues assigned to a team itself, by name."""

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[Queue]]:
        return await kept.queues.of_teams(ids, QUEUES_BY_NAME, part)

    return await page_of_parent(context, "queues_of_teams", team.id, QUEUES_BY_NAME, arguments, fetch, _count_of_teams)


async def queues_of_skill_group(context: Context, group: SkillGroup, arguments: PageArguments) -> Page[Queue]:
    """Queues assigned to a skill group, by name."""

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[Queue]]:
        return await kept.queues.of_skill_groups(ids, QUEUES_BY_NAME, part)

    return await page_of_parent(
        context, "queues_of_skill_groups", group.id, QUEUES_BY_NAME, arguments, fetch, _count_of_skill_groups
    )


async def agent_count_of(context: Context, queue: Queue) -> int:
    """How many active people without a sign-in block work in a queue, whoever asks."""
    return await context.loaders.load("agent_counts_of_queues", queue.id, _agent_counts) or 0


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Queue]:
    return await kept.queues.by_id(ids)


async def _origins(kept: Kept, pairs: Collection[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], list[Origin]]:
    return await kept.queues.origins(pairs)


async def _count_of_teams(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.queues.count_of_teams(ids)


async def _count_of_skill_groups(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.queues.count_of_skill_groups(ids)


async def _agent_counts(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.queues.agent_counts(ids)
