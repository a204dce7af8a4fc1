"""Organizations, and what every new one starts with."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.license import License, LicensePool, LicenseType
from models.organization import Organization
from models.profile import DesktopProfile, UserProfile, UserProfileKind
from models.session import Surface
from models.storage import table_of, uuid7
from models.text import fold
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


async def create_organization(
    connection: AsyncConnection, name: str, at: datetime, *, demo: bool = False, time_zone: str = "UTC"
) -> UUID:
    """Make an organization with what each has: the built-in user profiles (requirement B17), a desktop profile as
    the default for everybody (B5), and the two licenses with unlimited seats (D1).

    Returns:
        The key of the new organization.
    """
    key, desktop = uuid7(at), uuid7(at)
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
        insert(table_of(DesktopProfile)),
        [{"id": desktop, "name": "Default desktop", "name_key": "default desktop", "active": True, **stamps}],
    )
    await connection.execute(
        insert(table_of(UserProfile)),
        [
            {
                "id": uuid7(at),
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
    licenses = {kind: uuid7(at) for kind in LICENSE_NAMES}
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
