"""Finding the organization of the caller."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from models.organization import Organization
from repositories.kept import Kept
from resolvers.context import Context


async def organization_of(context: Context, key: UUID | None = None) -> Organization | None:
    """The organization of the caller; None when another one is meant.

    Args:
        key: Id of an organization; that of the caller when omitted.
    """
    own = context.known.organization_id
    if key is not None and key != own:
        return None
    return await context.loaders.load("organizations", own, _by_id)


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Organization]:
    found = await kept.organizations.own()
    return {} if found is None else {found.id: found}
