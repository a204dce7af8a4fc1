"""Finding what people are doing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from models.presence import Presence
from models.user import User
from repositories.kept import Kept
from resolvers.context import Context


async def presence_of(context: Context, user: User) -> Presence | None:
    """What a person is doing: ENGAGED while an active person's call goes on (requirement E2)."""
    at = context.now()

    async def of_users(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Presence]:
        return await kept.presences.of_users(ids, at)

    return await context.loaders.load("presences_of_users", user.id, of_users)
