"""The kinds of things that an organization is made of: what can be written of each, and what is special about it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from models.audit import AuditAction
from models.organization import Organization
from models.permission import Permission
from models.presence import PresenceState
from models.profile import DesktopProfile, UserProfile
from models.profile import UserProfileKind as ProfileKind
from models.queue import Queue
from models.session import SessionEndReason, Surface
from models.site import Site
from models.skill_group import SkillGroup
from models.team import Team
from models.user import UserRole
from resolvers.context import Change, Context
from resolvers.coverage import shortages_among
from resolvers.identity import Unacceptable, name, time_zone
from resolvers.permissions import FULL_ADMINISTRATOR, ROLE_PERMISSIONS
from resolvers.recording import Fact, News
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem
from resolvers.structure import Attribute, Consequences, Kind

MAX_IDLE_MINUTES = 7 * 24 * 60  # no session lasts longer in any case (requirement E17)
MAX_AGENTS = 1_000_000
MAX_DESCRIPTION = 2_000


def description(text: str) -> str | None:
    """Free text of up to 2,000 characters, line breaks and tabs among them; empty text is none."""
    text = unicodedata.normalize("NFC", text.strip())
    if len(text) > MAX_DESCRIPTION:
        raise Unacceptable(f"A description has at most {MAX_DESCRIPTION:,} characters.")
    if any(unicodedata.category(c) == "Cc" and c not in "\n\r\t" for c in text):
        raise Unacceptable("This has no control characters.")
    return text or None


NAMED = {
    "name": Attribute("name", name, folded="name_key"),
    "active": Attribute("active"),
    "description": Attribute("description", description, clearable=True),
}


@dataclass(frozen=True)
class TeamKind(Kind):
    """Teams nest: who is above whom is kept beside them (decision 3)."""

    async def assess(
        self, context: Context, change: Change, before: Any | None, values: Mapping[str, Any]
    ) -> list[Problem]:
        parent_id = values.get("parent_id")
        if before is None or parent_id is None or parent_id not in await change.kept.structure.below(before.id):
            return []
        words = "A team belongs neither to itself nor to a team below it."
        return [Problem(Code.INVALID, words, ("input", "patch", "parentId"))]

    async def takes_from(self, change: Change, before: Any, values: Mapping[str, Any]) -> tuple[str, Collection[UUID]]:
        """Those of the teams above, which its people leave with it."""
        if "parent_id" not in values or before.parent_id is None:
            return "", ()
        above = await change.kept.structure.above(before.id)
        given = await change.kept.assigned_queues.of(Team, above)
        return "parentId", {queue for queues in given.values() for queue in queues}

    async def follow(self, context: Context, change: Change, before: Any | None, after: Any) -> Consequences:
        structure = change.kept.structure
        if before is None:
            await structure.root(after.id)
        elif before.parent_id == after.parent_id:
            return Consequences()
        else:
            await structure.take_down(after.id)
        await structure.hang(after.id, after.parent_id)
        return Consequences()

    async def part(self, change: Change, before: Any) -> None:
        await change.kept.structure.uproot(before.id)


@dataclass(frozen=True)
class QueueKind(Kind):
    """A queue may ask for a number of active agents; who asks for more than there are is told so (requirement Z14)."""

    async def follow(self, context: Context, change: Change, before: Any | None, after: Any) -> Consequences:
        if before is None or after.minimum_agents <= (before.minimum_agents if before.active else 0):
            return Consequences()
        short = await shortages_among(change.kept, [after.id])
        path = ("input", "patch", "minimumAgents" if before.active else "active")
        return Consequences(warnings=[replace(shortage.warning, path=path) for shortage in short])


@dataclass(frozen=True)
class SiteKind(Kind):
    """A site may give its people their desktop profile."""

    async def assess(
        self, context: Context, change: Change, before: Any | None, values: Mapping[str, Any]
    ) -> list[Problem]:
        return [] if before is None else await _keep_desktops(change, before, values, before.id)


@dataclass(frozen=True)
class UserProfileKind(Kind):
    """What is built in stays as it is; what a narrower profile takes away ends sessions."""

    async def lock(self, change: Change, key: UUID | None, given: Mapping[str, Any]) -> None:
        if key is not None and ("surfaces" in given or "permissions" in given):
            await change.kept.structure.lock_holders(key)  # or somebody could sign in with what is taken away just now
        await super().lock(change, key, given)

    async def assess(
        self, context: Context, change: Change, before: Any | None, values: Mapping[str, Any]
    ) -> list[Problem]:
        if before is None:
            return []
        if before.kind is not ProfileKind.CUSTOM:
            words = f"{before.name} is built in, and neither changed nor deleted."
            return [Problem(Code.INVALID_STATE, words, ("input", "id"))]
        if not {"surfaces", "permissions"} & values.keys():
            return []
        caller = context.known
        kept = values.get("permissions", before.permissions)
        lacking = sorted(name for name in _kept(kept) - _kept(before.permissions) if not caller.holds(Permission[name]))
        if lacking:
            words = f"You may not give what you lack: {', '.join(lacking)}."
            return [Problem(Code.FORBIDDEN, words, ("input", "patch", "permissions"))]
        if not caller.is_full_administrator and await change.kept.structure.held_by_role(
            before.id, UserRole.FULL_ADMINISTRATOR
        ):
            words = "A full administrator has this profile, and only a full administrator changes what it lets do."
            return [Problem(Code.FORBIDDEN, words, ("input", "id"))]
        return []

    async def follow(self, context: Context, change: Change, before: Any | None, after: Any) -> Consequences:
        if before is None:
            return Consequences()
        surfaces = [Surface[name] for name in before.surfaces if name not in after.surfaces]
        taken = _kept(before.permissions) - _kept(after.permissions)
        roles = [role for role, given in ROLE_PERMISSIONS.items() if any(each.name in taken for each in given)]
        if not surfaces and not roles:
            return Consequences()
        structure, standing, at = change.kept.structure, change.kept.standing, change.at
        holders, lost = structure.losing(after.id, surfaces, roles)
        ended = await standing.end_sessions(holders, at=at, reason=SessionEndReason.ACCESS_CHANGED, only=lost)
        if not ended:
            return Consequences()
        offline = await standing.go_offline(structure.left_desktop(holders, at), at=at)
        facts = [
            Fact(
                AuditAction.SIGNED_OUT,
                "User",
                person.id,
                person.display_name,
                person.version,
                [
                    ("endedSessions", None, str(person.ended)),
                    *([("presence", None, PresenceState.OFFLINE.name)] if person.id in offline else []),
                ],
            )
            for person in await structure.signed_out(holders, at)
        ]
        news = [News("presence.changed", each, {"state": PresenceState.OFFLINE.name}) for each in sorted(offline)]
        return Consequences([("endedSessions", None, str(len(ended)))], facts, news)


@dataclass(frozen=True)
class OrganizationKind(Kind):
    """The organization itself, with its settings; made and deleted by the command line alone."""

    async def assess(
        self, context: Context, change: Change, before: Any | None, values: Mapping[str, Any]
    ) -> list[Problem]:
        return await _keep_desktops(change, before, values, None)


async def _keep_desktops(change: Change, before: Any, values: Mapping[str, Any], site_id: UUID | None) -> list[Problem]:
    """B5: nobody who is an agent loses the desktop profile by a default that is taken away."""
    if values.get("default_desktop_profile_id", before.default_desktop_profile_id) is not None:
        return []
    if before.default_desktop_profile_id is None:
        return []
    count = await change.kept.structure.agents_by_default(site_id)
    words = f"An agent needs a desktop profile: {count:,} would have none."
    path = ("input", "patch", "defaultDesktopProfileId")
    return [Problem(Code.DESKTOP_PROFILE_REQUIRED, words, path)] if count else []


def _kept(names: Sequence[str] | None) -> set[str]:
    """What a profile keeps of the permissions of roles; None keeps all."""
    every = {permission.name for permission in FULL_ADMINISTRATOR}
    return every if names is None else every & set(names)


def surfaces(chosen: Sequence[Surface]) -> list[str]:
    """Where people may sign in, by name and each once: somewhere."""
    if not chosen:
        raise Unacceptable("Name at least one surface.")
    return [surface.name for surface in Surface if surface in chosen]


def permissions(chosen: Sequence[Permission]) -> list[str]:
    """What is kept of the permissions of roles, by name and each once."""
    if Permission.DIRECTORY_SYNC in chosen:
        raise Unacceptable("DIRECTORY_SYNC is for keys alone.")
    return [permission.name for permission in Permission if permission in chosen]


def number_between(least: int, most: int) -> Callable[[int], int]:
    """A check for whole numbers."""

    def check(number: int) -> int:
        if not least <= number <= most:
            raise Unacceptable(f"This is a number from {least:,} to {most:,}.")
        return number

    return check


_DESKTOP = Attribute("default_desktop_profile_id", clearable=True, refers=DesktopProfile, type_name="DesktopProfile")

TEAM = TeamKind(
    "Team",
    "team",
    Team,
    Permission.STRUCTURE_WRITE,
    NAMED
    | {
        "siteId": Attribute("site_id", clearable=True, refers=Site, type_name="Site"),
        "parentId": Attribute("parent_id", clearable=True, refers=Team, type_name="Team"),
    },
    warns=True,
)
QUEUE = QueueKind(
    "Queue",
    "queue",
    Queue,
    Permission.STRUCTURE_WRITE,
    NAMED
    | {
        "channel": Attribute("channel", name, folded="channel_key"),
        "minimumAgents": Attribute("minimum_agents", number_between(0, MAX_AGENTS)),
    },
    warns=True,
)
SKILL_GROUP = Kind("SkillGroup", "skill group", SkillGroup, Permission.STRUCTURE_WRITE, NAMED)
SITE = SiteKind(
    "Site",
    "site",
    Site,
    Permission.STRUCTURE_WRITE,
    NAMED | {"timeZone": Attribute("time_zone", time_zone, clearable=True), "defaultDesktopProfileId": _DESKTOP},
)
USER_PROFILE = UserProfileKind(
    "UserProfile",
    "user profile",
    UserProfile,
    Permission.PROFILES_WRITE,
    NAMED
    | {
        "surfaces": Attribute("surfaces", surfaces),
        "permissions": Attribute("permissions", permissions, clearable=True),
    },
)
DESKTOP_PROFILE = Kind("DesktopProfile", "desktop profile", DesktopProfile, Permission.STRUCTURE_WRITE, NAMED)
ORGANIZATION = OrganizationKind(
    "Organization",
    "organization",
    Organization,
    Permission.SETTINGS_WRITE,
    {
        "name": Attribute("name", name, folded="name_key"),
        "timeZone": Attribute("time_zone", time_zone),
        "sendsInvitations": Attribute("sends_invitations"),
        "idleTimeoutMinutes": Attribute("idle_timeout_minutes", number_between(1, MAX_IDLE_MINUTES)),
        "defaultDesktopProfileId": _DESKTOP,
        "coverageRule": Attribute("coverage_rule"),
    },
)
