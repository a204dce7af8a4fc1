"""Finding the organization of the caller."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from models.organization import Organization
from repositories.engine import Database
from repositories.kept import Kept
from repositories.organizations import all_organizations, organization_by_name
from resolvers.context import Context
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse


async def organization_of(context: Context, key: UUID | None = None) -> Organization | None:
    """The organization of the caller; None when another one is meant.

    Args:
        key: Id of an organization; that of the caller when omitted.
    """
    own = context.known.organization_id
    if key is not None and key != own:
        return None
    return await context.loaders.load("organizations", own, _by_id)


async def organization_named(database: Database, name: str | None) -> Organization:
    """The organization that the command line means.

    Args:
        name: Its name; None means the only one.

    Raises:
        Refused: There is none, or more than one and none is named.
    """
    async with database.reading() as connection:
        if name is not None:
            found = await organization_by_name(connection, name)
            if found is None:
                raise refuse(Code.NOT_FOUND, f"There is no organization {name}.")
            return found
        every = await all_organizations(connection)
    if not every:
        raise refuse(Code.NOT_FOUND, "There is no organization yet: `rosterql admin create` makes the first.")
    if len(every) > 1:
        names = ", ".join(one.name for one in every[:20])
        raise refuse(Code.REQUIRED, f"Name the organization; there are {len(every)}: {names}.")
    return every[0]


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Organization]:
    found = await kept.organizations.own()
    return {} if found is None else {found.id: found}
