"""Finding the organization of the caller; making and deleting organizations for who runs the server."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.audit import AuditAction
from models.organization import Organization
from repositories.engine import Database
from repositories.kept import Kept
from repositories.organizations import (
    all_organizations,
    create_organization,
    delete_organization,
    organization_by_name,
    people_of_organizations,
)
from repositories.sight import EVERYTHING
from resolvers.caller import system_caller
from resolvers.context import Change, Context
from resolvers.identity import Unacceptable
from resolvers.identity import name as checked_name
from resolvers.identity import time_zone as checked_time_zone
from resolvers.recording import Fact, record
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


async def organizations_with_people(database: Database) -> list[tuple[Organization, int, int]]:
    """Every organization by name, with how many people it has and how many of them are active; for the command line."""
    async with database.reading() as connection:
        people = await people_of_organizations(connection)
        return [(each, *people.get(each.id, (0, 0))) for each in await all_organizations(connection)]


async def make_organization(database: Database, name: str, time_zone: str) -> UUID:
    """Make an organization, with what each starts with; for the command line.

    Raises:
        Refused: The name is taken or not acceptable, or there is no such time zone.
    """
    try:
        name, time_zone = checked_name(name), checked_time_zone(time_zone)
    except Unacceptable as error:
        raise refuse(Code.INVALID, str(error)) from error

    async def work(connection: AsyncConnection) -> UUID:
        if await organization_by_name(connection, name) is not None:
            raise refuse(Code.NAME_IN_USE, f"There is an organization {name} already.")
        at = Context(database, None).now()
        key = await create_organization(connection, name, at, time_zone=time_zone)
        context = Context(database, system_caller(key))
        change = Change(Kept(connection, key, EVERYTHING), at)
        await record(context, change, [Fact(AuditAction.CREATED, "Organization", key, name, 1)])
        return key

    return await database.change(work)


async def remove_organization(database: Database, name: str) -> tuple[Organization, dict[str, int]]:
    """Delete an organization with all that belongs to it; its mail addresses can be used elsewhere (requirement D11).

    Whoever is signed in there is nobody with the next request. It is for the command line, and nothing keeps it back.

    Returns:
        The organization as it was, and how many rows of each table are gone.

    Raises:
        Refused: There is none of that name.
    """

    async def work(connection: AsyncConnection) -> tuple[Organization, dict[str, int]]:
        found = await organization_by_name(connection, name)
        if found is None:
            raise refuse(Code.NOT_FOUND, f"There is no organization {name}.")
        return found, await delete_organization(connection, found.id, Context(database, None).now())

    return await database.change(work)


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Organization]:
    found = await kept.organizations.own()
    return {} if found is None else {found.id: found}
