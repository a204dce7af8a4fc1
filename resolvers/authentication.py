"""From a bearer token to a caller, through one statement; nothing about it is remembered."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.audit import ActorKind
from models.permission import Permission, PermissionScope
from models.session import Surface
from repositories.credentials import Account, account_by_token, key_by_prefix
from repositories.engine import Database
from repositories.kept import Kept
from repositories.sight import EVERYTHING
from resolvers.caller import Caller, system_caller
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


def person(
    account: Account,
    session_id: UUID | None = None,
    surface: Surface | None = None,
    last_active_at: datetime | None = None,
) -> Caller:
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
    return _program(key)


def _program(key: Any) -> Caller | None:
    """A key as a caller."""
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


async def caller_now(
    connection: AsyncConnection, organization_id: UUID, kind: ActorKind, actor_id: UUID | None, at: datetime
) -> Caller | None:
    """Who once asked for something that is done now, with what they may do by now; None when they may do nothing.

    Without a session: whoever asked may have signed out since.
    """
    if kind is ActorKind.SYSTEM or actor_id is None:
        return system_caller(organization_id)
    credentials = Kept(connection, organization_id, EVERYTHING).credentials
    if kind is ActorKind.API_KEY:
        key = await credentials.key(actor_id, at)
        return None if key is None else _program(key)
    account = (await credentials.accounts([actor_id])).get(actor_id)
    return None if account is None or not account.open else person(account)
