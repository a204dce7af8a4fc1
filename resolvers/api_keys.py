"""Listing API keys, and making them: the secret is shown once, and kept as a hash with a pepper from elsewhere."""

from __future__ import annotations

from collections.abc import Collection

from models.api_key import ApiKey
from models.audit import AuditAction
from models.permission import Permission
from models.storage import uuid7
from models.text import fold
from repositories.api_keys import KEYS_BY_NAME
from repositories.kept import Kept
from repositories.keyset import Slice
from resolvers.context import Change, Context
from resolvers.identity import Unacceptable
from resolvers.identity import name as checked_name
from resolvers.lists import page_of_list
from resolvers.paging import Page, PageArguments
from resolvers.pepper import pepper_of
from resolvers.permissions import FULL_ADMINISTRATOR
from resolvers.recording import Fact, record
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import NotPermitted, refuse
from resolvers.tokens import key_hash, new_key


async def page(context: Context, include_inactive: bool, arguments: PageArguments) -> Page[ApiKey]:
    """A page of keys by name; revoked and expired ones only where asked for.

    Raises:
        NotPermitted: The caller does not manage keys.
        BadInput, BadCursor: See `PageArguments.slice`.
    """
    context.require(Permission.KEYS_MANAGE)
    working_at = None if include_inactive else context.now()

    async def fetch(kept: Kept, part: Slice) -> list[ApiKey]:
        return await kept.api_keys.listed(working_at, KEYS_BY_NAME, part)

    async def count(kept: Kept, limit: int) -> int:
        return await kept.api_keys.count(working_at, limit)

    return await page_of_list(context, KEYS_BY_NAME, arguments, fetch, count)


async def create_api_key(
    context: Context, name: str, permissions: Collection[Permission] | None = None, *, replacing: bool = False
) -> str:
    """Make a key for a program; what it shows is told this once.

    Args:
        permissions: What it may do; all of a full administrator when None, which leaves out DIRECTORY_SYNC.
        replacing: Whether a key of that name gets these permissions and another secret, the old one being void.

    Raises:
        NotPermitted: The caller does not manage keys, or lacks something that the key would have.
        Refused: The name is not acceptable, or taken.
    """
    context.require(Permission.KEYS_MANAGE)
    granted = sorted(FULL_ADMINISTRATOR if permissions is None else set(permissions), key=lambda one: one.name)
    lacking = [one.name for one in granted if one is not Permission.DIRECTORY_SYNC and not context.known.holds(one)]
    if lacking:
        raise NotPermitted(f"A key has never more than its maker: you lack {', '.join(lacking)}.")
    try:
        name = checked_name(name)
    except Unacceptable as error:
        raise refuse(Code.INVALID, str(error), "input", "name") from error
    pepper = pepper_of(context.database)

    async def work(change: Change) -> str:
        secret, prefix = new_key()
        names = [one.name for one in granted]
        key_id = await change.kept.credentials.key_named(fold(name))
        if key_id is not None and not replacing:
            raise refuse(Code.INVALID, "There is a key of this name already.", "input", "name")
        if key_id is None:
            key_id = uuid7(change.at)
            row = {"id": key_id, "name": name, "name_key": fold(name), "permissions": names, "created_at": change.at}
            await change.kept.credentials.add_key(row)
            action = AuditAction.CREATED
        else:
            await change.kept.credentials.renew_key(key_id, names)
            action = AuditAction.UPDATED
        await change.kept.credentials.replace_secret(key_id, prefix, key_hash(secret, pepper), change.at)
        changes = [("permissions", None, ", ".join(names)), ("secret", None, f"rql_{prefix}_…")]
        await record(context, change, [Fact(action, "ApiKey", key_id, name, None, changes)])
        return secret

    return await context.changing(work)
