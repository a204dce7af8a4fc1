"""What new and changed people are checked against, and the rows that they become."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, or_, select, update
from sqlmodel import SQLModel

from models.organization import Organization
from models.presence import Presence
from models.profile import UserProfile, UserProfileKind
from models.storage import table_of
from models.user import User, UserStatus
from repositories.bound import Bound

_users = table_of(User).c
_profiles = table_of(UserProfile).c
_organizations = table_of(Organization).c


class ProvisioningRepository(Bound):
    """Rows for the people of one organization."""

    async def mails_in_use(self, mail_keys: Collection[str]) -> dict[str, UUID]:
        """The organization of each mail address that somebody living has, in the whole installation (E11, D11).

        The one look beyond the own organization; nothing but its key comes back.
        """
        found = await self._connection.execute(
            select(_users.email_key, _users.organization_id).where(
                _users.email_key.in_(mail_keys), _users.status != UserStatus.DELETED
            )
        )
        return {row.email_key: row.organization_id for row in found}

    async def numbers_in_use(
        self, agent_numbers: Collection[str], external_ids: Collection[str]
    ) -> tuple[dict[str, UUID], dict[str, UUID]]:
        """Who among the living has these agent numbers, and who these external ids."""
        found = await self._connection.execute(
            select(_users.id, _users.agent_number, _users.external_id).where(
                self._ours(User),
                _users.status != UserStatus.DELETED,
                or_(_users.agent_number.in_(agent_numbers), _users.external_id.in_(external_ids)),
            )
        )
        numbers: dict[str, UUID] = {}
        externals: dict[str, UUID] = {}
        for row in found:
            numbers[row.agent_number] = row.id
            externals[row.external_id] = row.id
        return numbers, externals

    async def known(self, model: type[SQLModel], ids: Collection[UUID]) -> Mapping[UUID, Row[Any]]:
        """All columns of teams, queues, sites and profiles, which nobody changes meanwhile; unknown ones are absent."""
        table = table_of(model)
        if not ids:
            return {}
        found = await self._connection.execute(
            select(table).where(self._ours(model), table.c.id.in_(ids)).order_by(table.c.id).with_for_update(read=True)
        )
        return {row.id: row for row in found}

    async def built_in_profiles(self) -> dict[UserProfileKind, UUID]:
        """The built-in user profiles by kind (requirement B17)."""
        found = await self._connection.execute(
            select(_profiles.kind, _profiles.id).where(
                self._ours(UserProfile), _profiles.kind != UserProfileKind.CUSTOM
            )
        )
        return {row.kind: row.id for row in found}

    async def organization(self) -> Row[Any]:
        """The settings of the organization, which stay as they are until the change is committed."""
        found = await self._connection.execute(
            select(table_of(Organization)).where(_organizations.id == self._organization_id).with_for_update(read=True)
        )
        return found.one()

    async def add(self, users: Sequence[Mapping[str, Any]], presences: Sequence[Mapping[str, Any]]) -> None:
        """Add people, OFFLINE.

        In the order of their mail addresses, or two who add the same ones could block each other for good.
        """
        await self._insert(User, sorted(users, key=lambda user: str(user["email_key"])))
        await self._insert(Presence, presences)

    async def change(self, user_id: UUID, values: Mapping[str, Any]) -> None:
        """Set columns of one person."""
        await self._connection.execute(
            update(table_of(User)).where(self._ours(User), _users.id == user_id).values(**values)
        )
