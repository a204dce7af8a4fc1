"""The places, teams, queues and skill groups of the demo organization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.seeding.names import CHINESE, ENGLISH, FRENCH, GERMAN, ITALIAN, LANGUAGES, SWEDISH, Language
from cli.seeding.writing import write
from models.license import License, LicenseType
from models.profile import UserProfileKind
from models.queue import Queue, SkillGroupQueue, TeamQueue
from models.site import Site
from models.skill_group import SkillGroup
from models.storage import table_of, uuid7
from models.team import Team, TeamAncestor
from models.text import fold
from repositories.kept import Kept
from repositories.sight import EVERYTHING

# Name, time zone, and whose languages are spoken there.
SITES = (
    ("Berlin", "Europe/Berlin", (GERMAN, CHINESE)),
    ("Lyon", "Europe/Paris", (FRENCH, ITALIAN)),
    ("Göteborg", "Europe/Stockholm", (SWEDISH,)),
    ("Dublin", "Europe/Dublin", (ENGLISH,)),
)

# Name, channel, and how many agents it needs.
QUEUES = (
    ("Service line", "voice", 8),
    ("Billing line", "voice", 4),
    ("Sales line", "voice", 4),
    ("Retention", "voice", 2),
    ("Callbacks", "voice", 0),
    ("Chat", "chat", 3),
    ("Mail", "email", 0),
    ("Social messages", "messaging", 0),
)


@dataclass(frozen=True, slots=True)
class _Planned:
    """A team as it is planned: the one above it, its site, its queues, and whose languages work in it."""

    name: str
    parent: str | None
    site: str | None
    queues: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ()


# Each stands behind the one above it; people work in the teams that name languages.
TEAMS = (
    _Planned("Customer care", None, None, ("Service line",), (ENGLISH,)),
    _Planned("Care DACH", "Customer care", "Berlin", ("Chat",), (GERMAN,)),
    _Planned("Care Berlin", "Care DACH", "Berlin", (), (GERMAN, CHINESE)),
    _Planned("Care Zürich", "Care DACH", None, (), (GERMAN,)),
    _Planned("Care France", "Customer care", "Lyon", ("Mail",), (FRENCH,)),
    _Planned("Care Italia", "Customer care", "Lyon", (), (ITALIAN,)),
    _Planned("Care Norden", "Customer care", "Göteborg", ("Chat",), (SWEDISH,)),
    _Planned("Sales", None, "Dublin", ("Sales line",)),
    _Planned("New customers", "Sales", "Dublin", (), (ENGLISH, FRENCH, GERMAN)),
    _Planned("Retention Europe", "Sales", "Dublin", ("Retention",), (ENGLISH, ITALIAN, SWEDISH)),
    _Planned("Sales Asia", "Sales", "Berlin", (), (CHINESE,)),
    _Planned("Back office", None, "Göteborg", ("Mail", "Callbacks"), (SWEDISH, ENGLISH)),
)

# The skill groups that have a queue of their own; each is named as its language names itself.
SKILL_QUEUES = {FRENCH.name: "Billing line", CHINESE.name: "Social messages", SWEDISH.name: "Callbacks"}


@dataclass(frozen=True, slots=True)
class Named:
    """A thing of the demo organization by its key and name."""

    key: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Structure:
    """What people are given.

    Attributes:
        teams: The teams that each language works in, by the language's name.
        team_queues: The queues that members of each team receive, those of the teams above included.
        skill_groups: By the language's name.
        desktop: The default desktop profile.
    """

    sites: dict[str, UUID]
    teams: dict[str, list[Named]]
    team_queues: dict[UUID, list[UUID]]
    queues: list[Named]
    skill_groups: dict[str, UUID]
    profiles: dict[UserProfileKind, UUID]
    licenses: dict[LicenseType, UUID]
    desktop: UUID


async def build(connection: AsyncConnection, organization_id: UUID, at: datetime) -> Structure:
    """Write sites, queues, teams and skill groups into a new organization."""
    stamps = {"organization_id": organization_id, "version": 1, "active": True, "created_at": at, "updated_at": at}

    def named(name: str, **columns: Any) -> dict[str, Any]:
        return {"id": uuid7(at), "name": name, "name_key": fold(name), **stamps, **columns}

    sites = [named(name, time_zone=zone) for name, zone, _ in SITES]
    queues = [
        named(name, channel=channel, channel_key=fold(channel), minimum_agents=minimum)
        for name, channel, minimum in QUEUES
    ]
    groups = [named(language.name) for language in LANGUAGES]
    site_of = {row["name"]: row["id"] for row in sites}
    queue_of = {row["name"]: row["id"] for row in queues}
    group_of = {row["name"]: row["id"] for row in groups}
    teams: list[dict[str, Any]] = []
    for planned in TEAMS:
        above = next((row["id"] for row in teams if row["name"] == planned.parent), None)
        site = None if planned.site is None else site_of[planned.site]
        teams.append(named(planned.name, site_id=site, parent_id=above))
    team_of = {row["name"]: row["id"] for row in teams}

    link = {"organization_id": organization_id, "assigned_at": at}
    await write(connection, Site, sites)
    await write(connection, Queue, queues)
    await write(connection, SkillGroup, groups)
    await write(connection, Team, teams)
    await write(connection, TeamAncestor, _ancestors(organization_id, teams))
    of_teams = [(team_of[planned.name], queue_of[name]) for planned in TEAMS for name in planned.queues]
    await write(connection, TeamQueue, ({"team_id": team, "queue_id": queue, **link} for team, queue in of_teams))
    of_groups = [(group_of[language.name], queue_of[name]) for language, name in _skill_queues()]
    await write(
        connection,
        SkillGroupQueue,
        ({"skill_group_id": group, "queue_id": queue, **link} for group, queue in of_groups),
    )

    kept = Kept(connection, organization_id, EVERYTHING)
    licenses = table_of(License).c
    found = await connection.execute(
        select(licenses.type, licenses.id).where(licenses.organization_id == organization_id)
    )
    return Structure(
        sites={language.name: site_of[name] for name, _, languages in SITES for language in languages},
        teams={
            language.name: [
                Named(team_of[planned.name], planned.name) for planned in TEAMS if language in planned.languages
            ]
            for language in LANGUAGES
        },
        team_queues={
            team_of[planned.name]: [queue_of[name] for each in _with_those_above(planned) for name in each.queues]
            for planned in TEAMS
        },
        queues=[Named(row["id"], row["name"]) for row in queues],
        skill_groups=group_of,
        profiles=await kept.provisioning.built_in_profiles(),
        licenses={row.type: row.id for row in found},
        desktop=(await kept.provisioning.organization()).default_desktop_profile_id,
    )


def _skill_queues() -> Sequence[tuple[Language, str]]:
    return [(language, SKILL_QUEUES[language.name]) for language in LANGUAGES if language.name in SKILL_QUEUES]


def _with_those_above(planned: _Planned) -> list[_Planned]:
    line = [planned]
    while line[-1].parent is not None:
        line.append(next(one for one in TEAMS if one.name == line[-1].parent))
    return line


def _ancestors(organization_id: UUID, teams: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every team with itself and all above it (decision 3)."""
    parents = {row["id"]: row["parent_id"] for row in teams}
    rows = []
    for team in parents:
        depth, above = 0, team
        while above is not None:
            rows.append({"team_id": team, "ancestor_id": above, "organization_id": organization_id, "depth": depth})
            depth, above = depth + 1, parents[above]
    return rows
