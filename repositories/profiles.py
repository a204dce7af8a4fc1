"""User profiles and desktop profiles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import func, select, true

from models.organization import Organization
from models.profile import DesktopProfile, UserProfile
from models.site import Site
from models.storage import table_of
from models.user import User
from repositories.named import NamedRepository
from repositories.rows import columns, light_after

_users = table_of(User).c
_sites = table_of(Site).c
_organizations = table_of(Organization).c
_desktops = table_of(DesktopProfile).c


class UserProfileRepository(NamedRepository[UserProfile]):
    """The user profiles of one organization."""

    model = UserProfile


class DesktopProfileRepository(NamedRepository[DesktopProfile]):
    """The desktop profiles of one organization."""

    model = DesktopProfile

    async def of_users(self, ids: Collection[UUID]) -> Mapping[UUID, DesktopProfile]:
        """The desktop profile that counts for each person: their own, else the site's, else the organization's (B5).

        Somebody who is not enabled for the contact center has none (requirement B19).
        """
        counting = func.coalesce(
            _users.desktop_profile_id, _sites.default_desktop_profile_id, _organizations.default_desktop_profile_id
        )
        found = await self._connection.execute(
            select(_users.id, *columns(DesktopProfile))
            .select_from(
                table_of(User)
                .join(table_of(Organization), _organizations.id == _users.organization_id)
                .outerjoin(table_of(Site), _sites.id == _users.site_id)
                .join(table_of(DesktopProfile), _desktops.id == counting)
            )
            .where(self._ours(User), self._ours(DesktopProfile), _users.id.in_(ids))
            .where(_users.contact_center_enabled == true())
        )
        return {row[0]: light_after(DesktopProfile, row, 1) for row in found}
