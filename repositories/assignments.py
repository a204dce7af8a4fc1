"""Who is in which team or skill group, and who works in which queue directly; for many people at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, tuple_
from sqlmodel import SQLModel

from models.queue import Queue, UserQueue
from models.skill_group import SkillGroup, SkillGroupMember
from models.storage import table_of
from models.team import Membership, Team
from repositories.among import among
from repositories.bound import Bound


class AssignmentRepository(Bound):
    """One kind of assignment of the people of one organization: to teams, to queues directly, or to skill groups.

    The rows are deleted when an assignment ends (requirement E10).
    """

    link: type[SQLModel]
    thing: type[SQLModel]
    column: str

    @property
    def _thing_id(self) -> ColumnElement[Any]:
        return table_of(self.link).c[self.column]

    async def named(self, ids: Collection[UUID]) -> Mapping[UUID, tuple[str, bool]]:
        """Name of each thing, and whether it is in use, which nobody changes meanwhile; unknown ones are absent."""
        things = table_of(self.thing).c
        found = await self._connection.execute(
            select(things.id, things.name, things.active)
            .where(self._ours_too(self.thing), among(things.id, ids))
            .order_by(things.id)
            .with_for_update(read=True)
        )
        return {row.id: (row.name, row.active) for row in found}

    async def of_users(self, user_ids: Collection[UUID]) -> dict[UUID, dict[UUID, str]]:
        """What people have of it, id and name, by name; people without any are absent."""
        links, things = table_of(self.link).c, table_of(self.thing).c
        found = await self._connection.execute(
            select(links.user_id, things.id, things.name)
            .join_from(table_of(self.link), table_of(self.thing), self._thing_id == things.id)
            .where(self._ours_too(self.link), among(links.user_id, user_ids))
            .order_by(things.name_key)
        )
        assigned: dict[UUID, dict[UUID, str]] = {}
        for row in found:
            assigned.setdefault(row.user_id, {})[row.id] = row.name
        return assigned

    async def add(self, pairs: Sequence[tuple[UUID, UUID]], *, at: datetime) -> None:
        """Assign: pairs of person and thing, none of which exists yet."""
        await self._insert(
            self.link, [{"user_id": user, self.column: thing, "assigned_at": at} for user, thing in pairs]
        )

    async def give_back(self, links: Sequence[tuple[UUID, UUID, datetime]]) -> None:
        """Assign again what people had before: person, thing and since when, none of which exists."""
        await self._insert(
            self.link, [{"user_id": user, self.column: thing, "assigned_at": at} for user, thing, at in links]
        )

    async def take(
        self,
        user_ids: Collection[UUID],
        *,
        only: Collection[UUID] | None = None,
        keep: Collection[UUID] = (),
        pairs: Collection[tuple[UUID, UUID]] | None = None,
    ) -> Sequence[Any]:
        """End assignments of people.

        Args:
            only: The things to leave; all when None.
            keep: Those not to leave.
            pairs: Person and thing, where it is not the same for everybody.

        Returns:
            `user_id`, `thing_id` and `assigned_at` of what was taken.
        """
        links = table_of(self.link).c
        statement = delete(table_of(self.link)).where(self._ours_too(self.link), among(links.user_id, user_ids))
        if only is not None:
            statement = statement.where(self._thing_id.in_(only))
        if keep:
            statement = statement.where(self._thing_id.not_in(keep))
        if pairs is not None:
            statement = statement.where(tuple_(links.user_id, self._thing_id).in_(pairs))
        taken = await self._connection.execute(
            statement.returning(links.user_id, self._thing_id.label("thing_id"), links.assigned_at)
        )
        return taken.all()


class MembershipRepository(AssignmentRepository):
    """Teams of people."""

    link, thing, column = Membership, Team, "team_id"


class DirectQueueRepository(AssignmentRepository):
    """Queues assigned to people directly."""

    link, thing, column = UserQueue, Queue, "queue_id"


class SkillRepository(AssignmentRepository):
    """Skill groups of people."""

    link, thing, column = SkillGroupMember, SkillGroup, "skill_group_id"
