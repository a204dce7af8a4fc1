"""API keys, as they are found; their secrets are never read here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select

from models.api_key import ApiKey, ApiKeySecret
from models.storage import table_of
from repositories.bound import Bound
from repositories.rows import columns, light

_keys = table_of(ApiKey).c
_secrets = table_of(ApiKeySecret).c


class ApiKeyRepository(Bound):
    """The API keys of one organization."""

    async def by_id(self, ids: Collection[UUID]) -> Mapping[UUID, ApiKey]:
        """The keys with these ids, whoever asks: a key that did something is named to those who see what it did."""
        found = await self._connection.execute(select(*columns(ApiKey)).where(self._ours(ApiKey), _keys.id.in_(ids)))
        return {key.id: key for key in light(ApiKey, found)}

    async def prefixes(self, ids: Collection[UUID]) -> Mapping[UUID, str]:
        """The prefix of the latest secret of each key."""
        found = await self._connection.execute(
            select(_secrets.api_key_id, _secrets.prefix)
            .where(self._ours(ApiKeySecret), _secrets.api_key_id.in_(ids))
            .order_by(_secrets.created_at)
        )
        return {row.api_key_id: row.prefix for row in found}
