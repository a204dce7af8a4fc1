"""Finding teams, their members, and what is above and below."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from models.queue import Queue
from models.team import Team
from models.user import User
from repositories.criteria import Nested
from repositories.kept import Kept
from repositories.keyset import Slice
from repositories.teams import (
    MEMBERS_BY_NAME,
    TEAM_IDENTITY,
    TEAMS_BY_NAME,
    TEAMS_SORTABLE,
    TeamCriteria,
    TeamOrderField,
)
from resolvers.context import Context
from resolvers.lists import page_of_named, page_of_parent
from resolvers.orders import Wish, chosen_order
from resolvers.paging import Page, PageArguments


async def team_of(context: Context, team_id: UUID | None) -> Team | None:
    """The team with this id; None when there is none."""
    return None if team_id is None else await context.loaders.load("teams", team_id, _by_id)


async def page(
    context: Context,
    wanted: Nested[TeamCriteria],
    include_inactive: bool,
    wishes: Sequence[Wish[TeamOrderField]],
    arguments: PageArguments,
) -> Page[Team]:
    """A page of teams, by name unless wished otherwise; those not in use only where asked for (requirement B7).

    Raises:
        BadInput, BadCursor: See `PageArguments.slice` and `chosen_order`.
    """
    order = chosen_order("teams", wishes, TEAMS_SORTABLE, TeamOrderField.NAME, TEAM_IDENTITY)
    return await page_of_named(context, lambda kept: kept.teams, wanted, include_inactive, order, arguments)


async def teams_of_user(context: Context, user: User, arguments: PageArguments) -> Page[Team]:
    """Teams of a person, by name."""

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[Team]]:
        return await kept.teams.of_users(ids, TEAMS_BY_NAME, part)

    return await page_of_parent(context, "teams_of_users", user.id, TEAMS_BY_NAME, arguments, fetch, _count_of_users)


async def teams_of_queue(context: Context, queue: Queue, arguments: PageArguments) -> Page[Team]:
    """Teams to which a queue is assigned, by name."""

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[Team]]:
        return await kept.teams.of_queues(ids, TEAMS_BY_NAME, part)

    return await page_of_parent(context, "teams_of_queues", queue.id, TEAMS_BY_NAME, arguments, fetch, _count_of_queues)


async def children_of(context: Context, team: Team, arguments: PageArguments) -> Page[Team]:
    """Teams directly below a team, by name."""

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[Team]]:
        return await kept.teams.children(ids, TEAMS_BY_NAME, part)

    return await page_of_parent(context, "children_of_teams", team.id, TEAMS_BY_NAME, arguments, fetch, _count_children)


async def members_of(context: Context, team: Team, descendants: bool, arguments: PageArguments) -> Page[User]:
    """Active members of a team whom the caller sees, by display name.

    Args:
        descendants: Whether members of the teams below are listed too, each once (requirement A27).
    """

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[User]]:
        return await kept.teams.members(ids, descendants, MEMBERS_BY_NAME, part)

    async def count(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
        return await kept.teams.count_members(ids, descendants)

    return await page_of_parent(
        context, "members_of_teams", team.id, MEMBERS_BY_NAME, arguments, fetch, count, descendants
    )


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Team]:
    return await kept.teams.by_id(ids)


async def _count_of_users(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.teams.count_of_users(ids)


async def _count_of_queues(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.teams.count_of_queues(ids)


async def _count_children(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
    return await kept.teams.count_children(ids)
