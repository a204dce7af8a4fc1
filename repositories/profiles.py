"""User profiles and desktop profiles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, true

from models.organization import Organization
from models.profile import DesktopProfile, UserProfile, UserProfileKind
from models.site import Site
from models.storage import table_of
from models.user import User
from repositories.criteria import ChoiceCondition
from repositories.keyset import SortKey
from repositories.named import NamedRepository, ThingCriteria, by_name_or_creation, meeting
from repositories.rows import columns, light_after

_users = table_of(User).c
_sites = table_of(Site).c
_organizations = table_of(Organization).c
_profiles = table_of(UserProfile).c
_desktops = table_of(DesktopProfile).c

USER_PROFILE_IDENTITY = _profiles.id
DESKTOP_PROFILE_IDENTITY = _desktops.id


class UserProfileOrderField(Enum):
    """What a list of user profiles can be sorted by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


class DesktopProfileOrderField(Enum):
    """What a list of desktop profiles can be sorted by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


USER_PROFILES_SORTABLE: Mapping[UserProfileOrderField, SortKey] = by_name_or_creation(
    UserProfile, UserProfileOrderField
)
DESKTOP_PROFILES_SORTABLE: Mapping[DesktopProfileOrderField, SortKey] = by_name_or_creation(
    DesktopProfile, DesktopProfileOrderField
)


@dataclass(frozen=True, slots=True)
class UserProfileCriteria(ThingCriteria):
    """Which user profiles are wanted; everything given must hold."""

    kind: ChoiceCondition[UserProfileKind] | None = None


class UserProfileRepository(NamedRepository[UserProfile, UserProfileCriteria]):
    """The user profiles of one organization."""

    model = UserProfile

    def meeting(self, criteria: UserProfileCriteria) -> list[ColumnElement[bool]]:
        """Criteria as conditions on the table."""
        clauses = meeting(UserProfile, criteria.active, criteria.name, criteria.words)
        if criteria.kind is not None:
            clauses.append(criteria.kind.on(_profiles.kind))
        return clauses


class DesktopProfileRepository(NamedRepository[DesktopProfile, ThingCriteria]):
    """The desktop profiles of one organization."""

    model = DesktopProfile

    def meeting(self, criteria: ThingCriteria) -> list[ColumnElement[bool]]:
        """Criteria as conditions on the table."""
        return meeting(DesktopProfile, criteria.active, criteria.name, criteria.words)

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
