"""Finding who acted: a person, a program with a key, or the server itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.api_key import ApiKey
from models.audit import ActorKind
from models.permission import Permission
from models.user import User
from repositories.kept import Kept
from resolvers.context import Context
from resolvers.users import user_of


@dataclass(frozen=True, slots=True)
class SystemActor:
    """The server itself."""

    display_name: str = "RosterQL"


async def actor_of(
    context: Context, kind: ActorKind | None, actor_id: UUID | None
) -> User | ApiKey | SystemActor | None:
    """Who acted.

    A key is named to everybody who sees what it did, and tells no more than when it was made; a person
    only to who sees that person.

    Args:
        kind: What the actor is; None when it is not told.
    """
    match kind:
        case ActorKind.USER:
            return await user_of(context, actor_id)
        case ActorKind.API_KEY:
            return None if actor_id is None else await context.loaders.load("api_keys", actor_id, _keys)
        case ActorKind.SYSTEM:
            return SystemActor()
        case None:
            return None


async def api_key_of(context: Context, key_id: UUID | None) -> ApiKey | None:
    """The API key with this id; None when there is none, or for who neither is it nor manages keys."""
    if key_id is None or not _knows(context, key_id):
        return None
    return await context.loaders.load("api_keys", key_id, _keys)


def permissions_of_key(context: Context, key: ApiKey) -> list[Permission]:
    """What a key may do; nothing for who neither is it nor manages keys, and only learns who acted."""
    if not _knows(context, key.id):
        return []
    return [permission for permission in Permission if permission.name in key.permissions]


def last_used_at(context: Context, key: ApiKey) -> datetime | None:
    """When a key was last used, to within a minute; None for who neither is it nor manages keys."""
    return key.last_used_at if _knows(context, key.id) else None


async def prefix_of(context: Context, key: ApiKey) -> str | None:
    """How the latest secret of a key begins; None for who neither is it nor manages keys."""
    if not _knows(context, key.id):
        return None
    return f"rql_{await context.loaders.load('prefixes_of_api_keys', key.id, _prefixes) or ''}"


def _knows(context: Context, key_id: UUID) -> bool:
    caller = context.known
    own = caller.kind is ActorKind.API_KEY and caller.id == key_id
    return own or caller.sight.keys


async def _keys(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, ApiKey]:
    return await kept.api_keys.by_id(ids)


async def _prefixes(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, str]:
    return await kept.api_keys.prefixes(ids)
