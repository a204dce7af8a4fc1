"""Organizations, and what every new one starts with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models import metadata
from models.audit import AuditChain
from models.license import License, LicensePool, LicenseType
from models.organization import Organization
from models.profile import DesktopProfile, UserProfile, UserProfileKind
from models.session import Surface
from models.storage import table_of, uuid7
from models.text import fold
from models.user import User, UserStatus
from repositories.bound import Bound
from repositories.rows import columns, light

_organizations = table_of(Organization).c

PROFILE_NAMES = {
    UserProfileKind.STANDARD_AGENT: "Standard Agent",
    UserProfileKind.PREMIUM_AGENT: "Premium Agent",
    UserProfileKind.SUPERVISOR: "Supervisor",
    UserProfileKind.ADMINISTRATOR: "Administrator",
    UserProfileKind.ADMINISTRATOR_ONLY: "Administrator Only",
}
LICENSE_NAMES = {LicenseType.STANDARD_AGENT: "Standard agent", LicenseType.PREMIUM_AGENT: "Premium agent"}


class OrganizationRepository(Bound):
    """The one organization that everything else here belongs to."""

    async def own(self) -> Organization | None:
        """The organization."""
        found = await self._connection.execute(
            select(*columns(Organization)).where(_organizations.id == self._organization_id)
        )
        return next(iter(light(Organization, found)), None)


async def all_organizations(connection: AsyncConnection) -> list[Organization]:
    """Every organization of the installation, by name; for the command line."""
    found = await connection.execute(select(*columns(Organization)).order_by(_organizations.name_key))
    return light(Organization, found)


async def organization_by_name(connection: AsyncConnection, name: str) -> Organization | None:
    """The organization with a name, regardless of case and accents."""
    found = await connection.execute(select(*columns(Organization)).where(_organizations.name_key == fold(name)))
    return next(iter(light(Organization, found)), None)


async def people_of_organizations(connection: AsyncConnection) -> dict[UUID, tuple[int, int]]:
    """How many people each organization has, and how many of them are active; deleted ones do not count."""
    users = table_of(User).c
    found = await connection.execute(
        select(users.organization_id, func.count(), func.sum(case((users.status == UserStatus.ACTIVE, 1), else_=0)))
        .where(users.status != UserStatus.DELETED)
        .group_by(users.organization_id)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in found}


async def delete_organization(connection: AsyncConnection, key: UUID, at: datetime) -> dict[str, int]:
    """Delete everything that belongs to an organization, its audit too, and at last itself: a statement a table.

    Returns:
        How many rows of each table are gone.
    """
    await connection.execute(
        update(table_of(Organization)).where(_organizations.id == key).values(deletion_began_at=at)
    )
    gone: dict[str, int] = {}
    for table in reversed(metadata.sorted_tables):  # what refers comes before what is referred to
        owner = table.c.id if table is table_of(Organization) else table.c.organization_id
        gone[table.name] = (await connection.execute(delete(table).where(owner == key))).rowcount
    return gone


async def create_organization(
    connection: AsyncConnection,
    name: str,
    at: datetime,
    *,
    demo: bool = False,
    time_zone: str = "UTC",
    new_key: Callable[[datetime], UUID] = uuid7,
) -> UUID:
    """Make an organization with what each has: the built-in user profiles (requirement B17), a desktop profile as
    the default for everybody (B5), and the two licenses with unlimited seats (D1).

    Args:
        new_key: Makes the keys; for organizations that are the same each time they are made.

    Returns:
        The key of the new organization.
    """
    key, desktop = new_key(at), new_key(at)
    stamps = {"organization_id": key, "version": 1, "created_at": at, "updated_at": at}
    await connection.execute(
        insert(table_of(Organization)),
        [
            {
                "id": key,
                "version": 1,
                "name": name,
                "name_key": fold(name),
                "time_zone": time_zone,
                "sends_invitations": True,
                "idle_timeout_minutes": 1440,
                "default_desktop_profile_id": desktop,
                "demo": demo,
                "created_at": at,
                "updated_at": at,
            }
        ],
    )
    await connection.execute(
        insert(table_of(AuditChain)), [{"organization_id": key, "sequence": 0, "length": 0, "digest": bytes(32)}]
    )
    await connection.execute(
        insert(table_of(DesktopProfile)),
        [{"id": desktop, "name": "Default desktop", "name_key": "default desktop", "active": True, **stamps}],
    )
    await connection.execute(
        insert(table_of(UserProfile)),
        [
            {
                "id": new_key(at),
                "name": profile_name,
                "name_key": fold(profile_name),
                "active": True,
                "kind": kind,
                "surfaces": [surface.name for surface in _surfaces(kind)],
                "permissions": None,
                **stamps,
            }
            for kind, profile_name in PROFILE_NAMES.items()
        ],
    )
    licenses = {kind: new_key(at) for kind in LICENSE_NAMES}
    await connection.execute(
        insert(table_of(License)),
        [
            {
                "id": licenses[kind],
                "name": license_name,
                "name_key": fold(license_name),
                "type": kind,
                "active": True,
                **stamps,
            }
            for kind, license_name in LICENSE_NAMES.items()
        ],
    )
    await connection.execute(
        insert(table_of(LicensePool)),
        [{"license_id": each, "organization_id": key, "seats": None, "granted": 0} for each in licenses.values()],
    )
    return key


def _surfaces(kind: UserProfileKind) -> list[Surface]:
    """B18: every built-in profile opens both surfaces, Administrator Only the portal alone."""
    return [Surface.PORTAL] if kind is UserProfileKind.ADMINISTRATOR_ONLY else [Surface.PORTAL, Surface.AGENT_DESKTOP]
