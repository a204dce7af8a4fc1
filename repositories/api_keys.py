"""API keys, as they are found; their secrets are never read here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from models.api_key import ApiKey, ApiKeySecret
from models.storage import table_of
from repositories.bound import Bound
from repositories.keyset import Order, Slice, counted, sliced
from repositories.named import by_name
from repositories.rows import columns, light

_keys = table_of(ApiKey).c
_secrets = table_of(ApiKeySecret).c

KEYS_BY_NAME = by_name(ApiKey, "api keys")


class ApiKeyRepository(Bound):
    """The API keys of one organization."""

    async def by_id(self, ids: Collection[UUID]) -> Mapping[UUID, ApiKey]:
        """The keys with these ids, whoever asks: a key that did something is named to those who see what it did."""
        found = await self._connection.execute(select(*columns(ApiKey)).where(self._ours(ApiKey), _keys.id.in_(ids)))
        return {key.id: key for key in light(ApiKey, found)}

    async def listed(self, working_at: datetime | None, order: Order, part: Slice) -> list[ApiKey]:
        """One slice of the list of keys, for who manages them.

        Args:
            working_at: Keys that are neither revoked nor expired then; all when None.
        """
        statement = select(*columns(ApiKey)).where(*self._wanted(working_at))
        return light(ApiKey, await self._connection.execute(sliced(statement, order, part)))

    async def count(self, working_at: datetime | None, limit: int) -> int:
        """How many there are, up to one more than the limit."""
        return await counted(self._connection, select(_keys.id).where(*self._wanted(working_at)), limit)

    def _wanted(self, working_at: datetime | None) -> list[ColumnElement[bool]]:
        clauses = [self._ours(ApiKey), true() if self._sight.keys else false()]
        if working_at is not None:
            unexpired = or_(_keys.expires_at.is_(None), _keys.expires_at > working_at)
            clauses.append(and_(_keys.revoked_at.is_(None), unexpired))
        return clauses

    async def prefixes(self, ids: Collection[UUID]) -> Mapping[UUID, str]:
        """The prefix of the latest secret of each key."""
        found = await self._connection.execute(
            select(_secrets.api_key_id, _secrets.prefix)
            .where(self._ours(ApiKeySecret), _secrets.api_key_id.in_(ids))
            .order_by(_secrets.created_at)
        )
        return {row.api_key_id: row.prefix for row in found}
