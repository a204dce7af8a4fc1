"""From a bearer token to a caller, through one statement; nothing about it is remembered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from models.audit import ActorKind
from models.permission import Permission, PermissionScope
from models.session import Surface
from repositories.credentials import Account, account_by_token, key_by_prefix
from repositories.engine import Database
from resolvers.caller import Caller
from resolvers.pepper import pepper_of
from resolvers.permissions import permissions_of
from resolvers.tokens import key_hash, key_prefix, same, session_hash


async def authenticate(database: Database, token: str | None, now: datetime) -> Caller | None:
    """Who shows a token; None when it opens nothing, or nothing any more.

    A session ends with its person's deactivation, block, sign-out or time-out, and stops working with the very next
    request (requirements A4, A29, C12, E17). A key with DIRECTORY_SYNC opens nothing here.

    Raises:
        DatabaseUnavailable: The database is gone.
    """
    if not token:
        return None
    if token.startswith("rql_"):
        return await _by_key(database, token, now)
    token_hash = session_hash(token)
    if token_hash is None:
        return None
    async with database.reading() as connection:
        found = await account_by_token(connection, token_hash, now)
    if found is None or not found[0].open:
        return None
    account, session_id, surface, last_active_at = found
    return person(account, session_id, surface, last_active_at)


def person(account: Account, session_id: UUID, surface: Surface, last_active_at: datetime) -> Caller:
    """A person as a caller."""
    return Caller(
        kind=ActorKind.USER,
        id=account.id,
        organization_id=account.organization_id,
        label=account.display_name,
        permissions=permissions_of(account.roles, account.kept_permissions),
        roles=account.roles,
        session_id=session_id,
        surface=surface,
        must_change_password=account.single_use,
        last_active_at=last_active_at,
    )


async def _by_key(database: Database, token: str, now: datetime) -> Caller | None:
    prefix = key_prefix(token)
    if prefix is None:
        return None
    async with database.reading() as connection:
        key = await key_by_prefix(connection, prefix, now)
    if key is None or not same(key.secret_hash, key_hash(token, pepper_of(database))):
        return None
    known = Permission.__members__
    permissions = {known[name]: PermissionScope.ORGANIZATION for name in key.permissions if name in known}
    if Permission.DIRECTORY_SYNC in permissions:
        return None
    return Caller(
        kind=ActorKind.API_KEY,
        id=key.id,
        organization_id=key.organization_id,
        label=key.name,
        permissions=permissions,
        last_active_at=key.last_used_at,
    )
