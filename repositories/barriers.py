"""What bars people from working, as it is found: deactivations with what they took, and sign-in blocks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlmodel import SQLModel

from models.deactivation import Deactivation, DeactivationQueue, DeactivationTeam
from models.permission import PermissionScope
from models.queue import Queue
from models.session import SignInBlock
from models.storage import table_of
from models.team import Team
from repositories.bound import Bound
from repositories.rows import columns, light, light_after

M = TypeVar("M", bound=SQLModel)

_deactivations = table_of(Deactivation).c
_blocks = table_of(SignInBlock).c
_took_teams = table_of(DeactivationTeam).c
_took_queues = table_of(DeactivationQueue).c


class BarrierRepository(Bound):
    """What bars the people of one organization.

    Who did it, why, and the note are told to those who see the whole organization; others find None there.
    """

    async def deactivations(self, user_ids: Collection[UUID]) -> Mapping[UUID, Deactivation]:
        """The current deactivation of each person."""
        found = await self._connection.execute(
            select(*columns(Deactivation)).where(
                self._ours(Deactivation),
                _deactivations.user_id.in_(user_ids),
                _deactivations.reactivated_at.is_(None),
            )
        )
        return {row.user_id: self._discreet(row) for row in light(Deactivation, found)}

    async def blocks(self, user_ids: Collection[UUID]) -> Mapping[UUID, SignInBlock]:
        """The sign-in block of each person."""
        found = await self._connection.execute(
            select(*columns(SignInBlock)).where(self._ours(SignInBlock), _blocks.user_id.in_(user_ids))
        )
        return {row.user_id: self._discreet(row) for row in light(SignInBlock, found)}

    async def teams_taken(self, deactivation_ids: Collection[UUID]) -> Mapping[UUID, list[Team]]:
        """Teams that deactivations took and that still exist, by name."""
        teams = table_of(Team).c
        found = await self._connection.execute(
            select(_took_teams.deactivation_id, *columns(Team))
            .join_from(table_of(DeactivationTeam), table_of(Team), teams.id == _took_teams.team_id)
            .where(self._ours(DeactivationTeam), _took_teams.deactivation_id.in_(deactivation_ids))
            .order_by(teams.name_key)
        )
        return _by_first(Team, found.all())

    async def queues_taken(self, deactivation_ids: Collection[UUID]) -> Mapping[UUID, list[Queue]]:
        """Direct queues that deactivations took and that still exist, by name."""
        queues = table_of(Queue).c
        found = await self._connection.execute(
            select(_took_queues.deactivation_id, *columns(Queue))
            .join_from(table_of(DeactivationQueue), table_of(Queue), queues.id == _took_queues.queue_id)
            .where(self._ours(DeactivationQueue), _took_queues.deactivation_id.in_(deactivation_ids))
            .order_by(queues.name_key)
        )
        return _by_first(Queue, found.all())

    def _discreet(self, row: Any) -> Any:
        if self._sight.users is not PermissionScope.ORGANIZATION:
            row.actor_kind = row.actor_id = row.reason = row.note = None
        return row


def _by_first(model: type[M], found: Collection[Any]) -> dict[UUID, list[M]]:
    grouped: dict[UUID, list[M]] = {}
    for row in found:
        grouped.setdefault(row[0], []).append(light_after(model, row, 1))
    return grouped
