"""Queues that teams and skill groups give to their members."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlmodel import SQLModel

from models.queue import Queue, SkillGroupQueue, TeamQueue
from models.skill_group import SkillGroup
from models.storage import table_of
from models.team import Team
from repositories.bound import Bound

_queues = table_of(Queue).c

# By the kind of thing that has queues: the table of its links, and their column for it.
LINKS: dict[type[SQLModel], tuple[type[SQLModel], str]] = {
    Team: (TeamQueue, "team_id"),
    SkillGroup: (SkillGroupQueue, "skill_group_id"),
}


class AssignedQueueRepository(Bound):
    """The queues of teams and skill groups of one organization."""

    async def of(self, model: type[SQLModel], ids: Collection[UUID]) -> dict[UUID, dict[UUID, str]]:
        """The queues of things of one kind, id and name, by name; those without any are absent."""
        link, column = LINKS[model]
        links = table_of(link).c
        found = await self._connection.execute(
            select(links[column].label("thing_id"), _queues.id, _queues.name)
            .join_from(table_of(link), table_of(Queue), links.queue_id == _queues.id)
            .where(self._ours(link), links[column].in_(ids))
            .order_by(_queues.name_key)
        )
        assigned: dict[UUID, dict[UUID, str]] = {}
        for row in found:
            assigned.setdefault(row.thing_id, {})[row.id] = row.name
        return assigned

    async def add(self, model: type[SQLModel], key: UUID, queue_ids: Collection[UUID], *, at: datetime) -> None:
        """Assign queues to a thing, none of which it has yet."""
        link, column = LINKS[model]
        await self._insert(link, [{column: key, "queue_id": each, "assigned_at": at} for each in queue_ids])

    async def take(self, model: type[SQLModel], key: UUID, queue_ids: Collection[UUID]) -> None:
        """Take queues from a thing."""
        link, column = LINKS[model]
        links = table_of(link).c
        await self._connection.execute(
            delete(table_of(link)).where(self._ours(link), links[column] == key, links.queue_id.in_(queue_ids))
        )
