"""Whether somebody is enabled for the contact center, and what only such people have: a site and profiles.

Requirements B2 to B5, B10, B14, B17 to B19.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from models.license import LicenseType
from models.permission import Permission, PermissionScope
from models.profile import DesktopProfile, UserProfile, UserProfileKind
from models.session import Surface
from models.site import Site
from models.user import User, UserRole
from repositories.assignments import AssignmentRepository
from resolvers.caller import Caller
from resolvers.context import Change
from resolvers.identity import default_profile
from resolvers.permissions import permissions_of
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import MutationWarningCode, Problem, Warning
from resolvers.targets import Person

_PATH = ("input", "patch")
_ENABLED = (*_PATH, "contactCenterEnabled")
_SITE = (*_PATH, "siteId")
_PROFILE = (*_PATH, "profileId")
_DESKTOP = (*_PATH, "desktopProfileId")


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that a person has one of.

    Attributes:
        field: Name in inputs.
        name: Name in audit events.
    """

    model: type[SQLModel]
    field: str
    name: str


# By the column of the person.
REFERENCES: Mapping[str, Reference] = {
    "site_id": Reference(Site, "siteId", "site"),
    "profile_id": Reference(UserProfile, "profileId", "profile"),
    "desktop_profile_id": Reference(DesktopProfile, "desktopProfileId", "desktopProfile"),
}


@dataclass(slots=True)
class Details:
    """The contact-center details of one person, as they are and as they are to be.

    Attributes:
        given: What the caller wrote, by column; None clears.
        roles: All roles afterwards.
        licenses: Types of the licenses that the person holds.
        after: The columns of `REFERENCES` afterwards.
        rows: What the keys before and after stand for, by column; unknown ones are absent.
        held: Names of teams, direct queues and skill groups, where something depends on them.
        desktop_reset: Whether the desktop profile goes because it was the old site's default (requirement B14).
    """

    person: Person
    user: User
    roles: frozenset[UserRole]
    licenses: Collection[LicenseType]
    enabled: bool
    given: Mapping[str, UUID | None]
    after: dict[str, UUID | None]
    rows: dict[str, Mapping[UUID, Any]]
    organization_desktop: UUID | None = None
    held: dict[str, list[str]] = field(default_factory=dict)
    desktop_reset: bool = False

    def before(self, column: str) -> UUID | None:
        """A column as it is."""
        key: UUID | None = getattr(self.user, column)
        return key

    @property
    def turned_on(self) -> bool:
        """Whether the person is to be enabled for the contact center."""
        return self.enabled and not self.user.contact_center_enabled

    @property
    def turned_off(self) -> bool:
        """Whether the person is no longer to be enabled for it."""
        return self.user.contact_center_enabled and not self.enabled

    @property
    def site_changes(self) -> bool:
        """Whether the site becomes another one, or one comes or goes."""
        return self.after["site_id"] != self.before("site_id")

    @property
    def columns(self) -> dict[str, Any]:
        """The columns that change."""
        changed: dict[str, Any] = {column: key for column, key in self.after.items() if key != self.before(column)}
        if self.turned_on or self.turned_off:
            changed["contact_center_enabled"] = self.enabled
        return changed

    @property
    def resets_teams(self) -> bool:
        """Whether the person leaves all teams (requirement B14)."""
        return self.enabled and self.site_changes and bool(self.held["team"])

    @property
    def warnings(self) -> list[Warning]:
        """What went with the site (requirements B14, E12)."""
        found = []
        if self.resets_teams:
            words = f"Left with the old site: {', '.join(self.held['team'])}."
            found.append(Warning(MutationWarningCode.TEAMS_RESET, words, _SITE))
        if self.desktop_reset:
            words = "The desktop profile was the default of the old site and was taken away."
            found.append(Warning(MutationWarningCode.DESKTOP_PROFILE_RESET, words, _SITE))
        return found

    @property
    def told(self) -> list[tuple[str, str | None, str | None]]:
        """The changes for the audit event."""
        changes: list[tuple[str, str | None, str | None]] = []
        if self.turned_on or self.turned_off:
            changes.append(("contactCenterEnabled", str(not self.enabled).lower(), str(self.enabled).lower()))
        for column, reference in REFERENCES.items():
            before, after = self.before(column), self.after[column]
            if before != after:
                changes.append((reference.name, self._name(column, before), self._name(column, after)))
        if self.resets_teams:
            changes.append(("teams", ", ".join(sorted(self.held["team"])), None))
        return changes

    @property
    def lost_surfaces(self) -> Collection[Surface]:
        """Where sessions end: everywhere when permissions change, else where the person may no longer be (B17, B19)."""
        if self._permissions(self.before("profile_id")) != self._permissions(self.after["profile_id"]):
            return set(Surface)
        before = self._surfaces(self.before("profile_id"), self.user.contact_center_enabled)
        return before - self._surfaces(self.after["profile_id"], self.enabled)

    def _name(self, column: str, key: UUID | None) -> str | None:
        row = self.row(column, key)
        if row is None:
            return None
        if column == "profile_id" and row.kind is not UserProfileKind.CUSTOM:
            return str(row.kind.name)
        return str(row.name)

    def row(self, column: str, key: UUID | None) -> Any:
        """What a key stands for; None for none."""
        return None if key is None else self.rows[column].get(key)

    def _permissions(self, profile_id: UUID | None) -> dict[Permission, PermissionScope]:
        row = self.row("profile_id", profile_id)
        return permissions_of(self.roles, None if row is None else row.permissions)

    def _surfaces(self, profile_id: UUID | None, enabled: bool) -> set[Surface]:
        """B18: without a profile the portal alone, and the desktop for people of the contact center only."""
        row = self.row("profile_id", profile_id)
        named = {"PORTAL"} if row is None else set(row.surfaces)
        return {
            surface
            for surface in Surface
            if surface.name in named and (enabled or surface is not Surface.AGENT_DESKTOP)
        }

    def problems(self, caller: Caller) -> list[Problem]:
        """Everything that stands against the change."""
        found = self._reference_problems()
        if self.person.in_contact and (self.site_changes or self.turned_off):
            words = f"{self.person.label} is handling a contact."
            found.append(Problem(Code.ACTIVE_CONTACT, words, _ENABLED if self.turned_off else _SITE))
        if self.turned_off and any(self.held.values()):
            counts = [_counted(len(names), word) for word, names in self.held.items() if names]
            words = f"{self.person.label} has {' and '.join(counts)}: take those away first."
            found.append(Problem(Code.INVALID_STATE, words, _ENABLED))
        widened = self._widened(caller)
        if widened is not None:
            words = f"You may not give this: you lack {widened.name}."
            found.append(Problem(Code.FORBIDDEN, words, _PROFILE if "profile_id" in self.given else _ENABLED))
        if not found and self._lacks_desktop():
            found.append(Problem(Code.DESKTOP_PROFILE_REQUIRED, "An agent needs a desktop profile.", self._blamed()))
        return found

    def _reference_problems(self) -> list[Problem]:
        found = []
        for column, key in self.given.items():
            path = (*_PATH, REFERENCES[column].field)
            if key is None or (key == self.before(column) and self.enabled):
                continue
            row = self.row(column, key)
            if not self.enabled:
                words = "This is only for people enabled for the contact center."
                found.append(Problem(Code.NOT_CONTACT_CENTER_ENABLED, words, path))
            elif row is None:
                found.append(Problem(Code.NOT_FOUND, "There is no object with this id.", path))
            elif not row.active:
                found.append(Problem(Code.INVALID_STATE, f"{row.name} is not in use.", path))
        return found

    def _widened(self, caller: Caller) -> Permission | None:
        """A permission that another profile would give back though the caller lacks it: nobody grants such a one."""
        if not (self.given.keys() & {"profile_id"} or self.turned_off):
            return None
        had = self._permissions(self.before("profile_id"))
        for permission, scope in self._permissions(self.after["profile_id"]).items():
            before, own = had.get(permission), caller.scope(permission)
            if (before is None or before.value < scope.value) and (own is None or own.value < scope.value):
                return permission
        return None

    def _lacks_desktop(self) -> bool:
        """B5: whether the change leaves an agent without a desktop profile of any kind."""
        moved = self.site_changes or self.after["desktop_profile_id"] != self.before("desktop_profile_id")
        touched = self.turned_on or moved or UserRole.AGENT not in self.person.roles
        if not self.enabled or UserRole.AGENT not in self.roles or not touched:
            return False
        site = self.row("site_id", self.after["site_id"])
        of_site = None if site is None else site.default_desktop_profile_id
        return (self.after["desktop_profile_id"] or of_site or self.organization_desktop) is None

    def _blamed(self) -> tuple[str, ...]:
        if UserRole.AGENT not in self.person.roles:
            return (*_PATH, "roles")
        if self.turned_on:
            return _ENABLED
        return _DESKTOP if "desktop_profile_id" in self.given else _SITE


async def details_of(
    change: Change,
    person: Person,
    user: User,
    *,
    roles: frozenset[UserRole],
    held: Collection[LicenseType],
    enabled: bool | None,
    given: Mapping[str, UUID | None],
) -> Details:
    """What becomes of the details of somebody.

    Args:
        roles: All roles afterwards.
        held: Types of the licenses that the person holds.
        enabled: Whether the person is to be enabled for the contact center; None leaves it.
        given: Columns of `REFERENCES` that are to change; None clears.
    """
    rows = change.kept.provisioning
    enabled = user.contact_center_enabled if enabled is None else enabled
    before = {column: getattr(user, column) for column in REFERENCES}
    taken = before if user.contact_center_enabled and not enabled else [each for each in given if given[each] is None]
    after = {**before, **given} if enabled else {**before, **dict.fromkeys(taken)}
    # Before what is referred to, as whoever changes that does: two could wait for each other otherwise.
    organization = await rows.organization() if enabled else None
    known = {
        column: await rows.known(reference.model, {before[column], given.get(column)} - {None})
        for column, reference in REFERENCES.items()
    }
    details = Details(person, user, roles, held, enabled, given, after, known)
    if organization is not None:
        details.organization_desktop = organization.default_desktop_profile_id
        await _follow(change, details, default_profile(held, roles))
    if details.site_changes or details.turned_off:
        kept = change.kept
        assigned: dict[str, AssignmentRepository] = {"team": kept.memberships}
        if details.turned_off:
            assigned |= {"direct queue": kept.direct_queues, "skill group": kept.skills}
        for word, repository in assigned.items():
            details.held[word] = list((await repository.of_users([user.id])).get(user.id, {}).values())
    return details


async def _follow(change: Change, details: Details, kind: UserProfileKind) -> None:
    """What follows from the rest: the built-in profile of license and role (B17), and the desktop of a site left."""
    current = details.row("profile_id", details.after["profile_id"])
    rows = change.kept.provisioning
    outdated = (
        current is not None
        and details.roles != details.person.roles
        and "profile_id" not in details.given
        and current.kind not in (UserProfileKind.CUSTOM, kind)
    )
    if details.after["profile_id"] is None or outdated:
        built_in = (await rows.built_in_profiles())[kind]
        details.after["profile_id"] = built_in
        details.rows["profile_id"] = {
            **details.rows["profile_id"],
            **await rows.known(UserProfile, [built_in]),
        }
    site, desktop = details.row("site_id", details.before("site_id")), details.before("desktop_profile_id")
    if details.site_changes and site is not None and desktop is not None and "desktop_profile_id" not in details.given:
        details.desktop_reset = desktop == site.default_desktop_profile_id
        if details.desktop_reset:
            details.after["desktop_profile_id"] = None


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
