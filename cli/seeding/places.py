"""The sites, queues, nested teams and skill groups of a large organization."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cli.seeding.loading import Loader
from cli.seeding.names import LANGUAGES
from cli.seeding.plan import (
    FEWEST_QUEUES,
    FEWEST_TEAMS,
    FOUNDED_AGO,
    PER_QUEUE,
    PER_SKILL_GROUP,
    PER_TEAM,
    Order,
    new_key,
)
from cli.seeding.structure import QUEUES, SITES
from models.queue import Queue, SkillGroupQueue, TeamQueue
from models.site import Site
from models.skill_group import SkillGroup
from models.team import Team, TeamAncestor
from models.text import fold

AREAS = ("Care", "Sales", "Service desk", "Retention", "Back office", "Field support", "Claims", "Bookings")
TOPICS = ("Contracts", "Invoices", "Devices", "Moving house", "Complaints", "New customers", "Network", "Travel")
PER_TOP_TEAM, MOST_DEPTH, TEAMS_BELOW = 25, 3, 6


@dataclass(frozen=True, slots=True)
class Places:
    """Keys as SQLite keeps them.

    Attributes:
        team_queues: For each of the teams, the queues that its members receive, those of the teams above included.
        languages: The skill groups of the languages; `topics` are the others.
        told: Type, key and name of each thing, for the audit.
    """

    sites: list[bytes]
    queues: list[bytes]
    queue_names: list[str]
    teams: list[bytes]
    team_names: list[str]
    team_queues: list[list[bytes]]
    languages: dict[str, bytes]
    topics: list[bytes]
    told: list[tuple[str, bytes, str]]


def team_count(users: int) -> int:
    """One for two hundred people; four in a small organization."""
    return max(FEWEST_TEAMS, users // PER_TEAM)


def queue_count(users: int) -> int:
    """One for five hundred people; eight in a small organization."""
    return max(FEWEST_QUEUES, users // PER_QUEUE)


async def place(loader: Loader, order: Order, organization_id: UUID) -> Places:
    """Write the structure of a new organization."""
    chance, at = order.chance("places"), order.now - FOUNDED_AGO
    owned = {"organization_id": organization_id.bytes}
    stamps = {**owned, "version": 1, "active": 1, "created_at": at, "updated_at": at}
    topics = [_numbered(TOPICS, number) for number in range(order.users // PER_SKILL_GROUP)]
    lines_of_work = tuple(name for name, _, _ in QUEUES)
    names = {
        "Site": [name for name, _, _ in SITES],
        "Queue": [_numbered(lines_of_work, number) for number in range(queue_count(order.users))],
        "Team": [_numbered(AREAS, number) for number in range(team_count(order.users))],
        "SkillGroup": [*(language.name for language in LANGUAGES), *topics],
    }
    keys = {kind: [new_key(chance, at) for _ in given] for kind, given in names.items()}
    named = {
        kind: [(key, name, fold(name)) for key, name in zip(keys[kind], given, strict=True)]
        for kind, given in names.items()
    }
    basic = ("id", "name", "name_key")

    zones = [(zone,) for _, zone, _ in SITES]
    await loader.load(Site, (*basic, "time_zone"), _beside(named["Site"], zones), **stamps)
    kinds = [QUEUES[number % len(QUEUES)][1:] for number in range(len(keys["Queue"]))]
    channels = [(channel, fold(channel), least) for channel, least in kinds]
    columns = (*basic, "channel", "channel_key", "minimum_agents")
    await loader.load(Queue, columns, _beside(named["Queue"], channels), **stamps)
    await loader.load(SkillGroup, basic, named["SkillGroup"], **stamps)
    teams = keys["Team"]
    above = _above(chance, len(teams))
    homes = [(None if number is None else teams[number], chance.choice((None, *keys["Site"]))) for number in above]
    await loader.load(Team, (*basic, "parent_id", "site_id"), _beside(named["Team"], homes), **stamps)
    lines = [_line(above, number) for number in range(len(teams))]
    ancestors = [
        (teams[number], teams[upper], depth) for number, line in enumerate(lines) for depth, upper in enumerate(line)
    ]
    await loader.load(TeamAncestor, ("team_id", "ancestor_id", "depth"), ancestors, **owned)

    linked = {**owned, "assigned_at": at}
    own = [chance.sample(keys["Queue"], chance.choice((0, 0, 1, 1, 2))) for _ in teams]
    of_teams = [(team, queue) for team, queues in zip(teams, own, strict=True) for queue in queues]
    await loader.load(TeamQueue, ("team_id", "queue_id"), of_teams, **linked)
    of_groups = [(group, chance.choice(keys["Queue"])) for group in keys["SkillGroup"][::2]]
    await loader.load(SkillGroupQueue, ("skill_group_id", "queue_id"), of_groups, **linked)
    return Places(
        sites=keys["Site"],
        queues=keys["Queue"],
        queue_names=names["Queue"],
        teams=teams,
        team_names=names["Team"],
        team_queues=[list(dict.fromkeys(queue for upper in line for queue in own[upper])) for line in lines],
        languages=dict(zip((language.name for language in LANGUAGES), keys["SkillGroup"], strict=False)),
        topics=keys["SkillGroup"][len(LANGUAGES) :],
        told=[(kind, key, name) for kind in names for key, name in zip(keys[kind], names[kind], strict=True)],
    )


def _beside(rows: Sequence[tuple[object, ...]], more: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [row + further for row, further in zip(rows, more, strict=True)]


def _numbered(names: Sequence[str], number: int) -> str:
    """The names in turn, from the second round on with the number of the round."""
    turn, place = divmod(number, len(names))
    return f"{names[place]} {turn + 1}" if turn else names[place]


def _above(chance: random.Random, teams: int) -> list[int | None]:
    """The team above each: a few at the top, none deeper than three below, each behind the one above it."""
    found: list[int | None] = []
    depths: list[int] = []
    below = [0] * teams
    for number in range(teams):
        fitting = [each for each in range(number) if depths[each] < MOST_DEPTH and below[each] < TEAMS_BELOW]
        upper = None if number < max(1, teams // PER_TOP_TEAM) or not fitting else chance.choice(fitting)
        found.append(upper)
        depths.append(0 if upper is None else depths[upper] + 1)
        if upper is not None:
            below[upper] += 1
    return found


def _line(above: Sequence[int | None], number: int) -> list[int]:
    """A team and those above it, the next one first."""
    line, upper = [number], above[number]
    while upper is not None:
        line.append(upper)
        upper = above[upper]
    return line
