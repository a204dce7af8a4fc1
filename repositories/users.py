"""People, as they are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select

from models.storage import table_of
from models.user import User
from repositories.bound import Bound
from repositories.rows import columns, light
from repositories.sight import visible_users

_users = table_of(User).c


class UserRepository(Bound):
    """The people of one organization."""

    async def by_id(self, ids: Collection[UUID]) -> Mapping[UUID, User]:
        """The people with these ids whom the caller sees, deleted ones included."""
        found = await self._connection.execute(
            select(*columns(User)).where(self._ours(User), _users.id.in_(ids), visible_users(self._sight))
        )
        return {user.id: user for user in light(User, found)}
