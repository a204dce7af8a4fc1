"""How the people of a database stand: what a replay of the audit begins with, and what it must end with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, or_, select

from models.audit import AuditEvent, OutboxEvent
from models.deactivation import Deactivation, DeactivationQueue, DeactivationTeam
from models.operation import UNFINISHED, BulkOperation
from models.queue import Queue, UserQueue
from models.session import Session, SignInBlock
from models.storage import table_of
from models.team import Membership, Team
from models.user import User, UserStatus
from repositories.engine import Database

Things = Mapping[UUID, datetime]  # teams or direct queues, and since when
NONE: Things = {}

_operations = table_of(BulkOperation).c
_users = table_of(User).c
_deactivations = table_of(Deactivation).c


@dataclass(frozen=True, slots=True)
class Gone:
    """A deactivation that is current.

    Attributes:
        teams: Those that it took, with the times from which they had been had.
        queues: Likewise.
    """

    at: datetime
    operation: UUID | None
    teams: Things
    queues: Things


@dataclass(frozen=True, slots=True)
class Stand:
    """How one person stands.

    Attributes:
        block: Since when, and by which operation; None for who may sign in.
        gone: None for who is active.
    """

    status: UserStatus
    version: int
    block: tuple[datetime, UUID | None] | None
    teams: Things
    queues: Things
    gone: Gone | None


@dataclass(frozen=True)
class Standing:
    """How everybody stands, which operations there are, and how far audit and outbox go.

    Attributes:
        agents: Who is enabled for the contact center, and can be given teams and queues.
        in_use: Teams and queues that can be given.
        signed_in: Who has a session without an end.
    """

    people: Mapping[UUID, Stand]
    operations: frozenset[UUID]
    sequence: int
    news: int
    agents: frozenset[UUID] = field(repr=False)
    in_use: frozenset[UUID] = field(repr=False)
    signed_in: frozenset[UUID] = field(repr=False)


async def standing(database: Database) -> Standing:
    """How everybody stands now."""
    blocks = table_of(SignInBlock).c
    found = await rows(database, select(blocks.user_id, blocks.since, blocks.operation_id))
    blocked = {row.user_id: (row.since, row.operation_id) for row in found}
    teams = await _things(database, Membership, "user_id", "team_id")
    queues = await _things(database, UserQueue, "user_id", "queue_id")
    taken_teams = await _things(database, DeactivationTeam, "deactivation_id", "team_id")
    taken_queues = await _things(database, DeactivationQueue, "deactivation_id", "queue_id")
    current = select(
        _deactivations.id, _deactivations.user_id, _deactivations.deactivated_at, _deactivations.operation_id
    ).where(_deactivations.reactivated_at.is_(None))
    gone = {
        row.user_id: Gone(
            row.deactivated_at, row.operation_id, taken_teams.get(row.id, NONE), taken_queues.get(row.id, NONE)
        )
        for row in await rows(database, current)
    }
    users = await rows(database, select(_users.id, _users.status, _users.version, _users.contact_center_enabled))
    ends = await rows(
        database,
        select(
            func.max(table_of(AuditEvent).c.sequence),
            select(func.max(table_of(OutboxEvent).c.sequence)).scalar_subquery(),
        ),
    )
    in_use: set[UUID] = set()
    for model in (Team, Queue):
        table = table_of(model).c
        in_use |= {row.id for row in await rows(database, select(table.id).where(table.active))}
    sessions = table_of(Session).c
    return Standing(
        people={
            row.id: Stand(
                row.status,
                row.version,
                blocked.get(row.id),
                teams.get(row.id, NONE),
                queues.get(row.id, NONE),
                gone.get(row.id),
            )
            for row in users
        },
        operations=frozenset(row.id for row in await rows(database, select(_operations.id))),
        sequence=ends[0][0] or 0,
        news=ends[0][1] or 0,
        agents=frozenset(row.id for row in users if row.contact_center_enabled),
        in_use=frozenset(in_use),
        signed_in=frozenset(
            row.user_id for row in await rows(database, select(sessions.user_id).where(sessions.ended_at.is_(None)))
        ),
    )


async def unfinished(database: Database) -> list[str]:
    """Operations on which there is work to do, or which are still to be taken back, in words."""
    found = await rows(
        database,
        select(_operations.id, _operations.kind, _operations.status, _operations.reverts_at).where(
            or_(_operations.status.in_(UNFINISHED), _operations.reverts_at.is_not(None))
        ),
    )
    return [f"operation {row.id} ({row.kind.name}, {row.status.name}, to end at {row.reverts_at})" for row in found]


async def rows(database: Database, statement: Select[Any]) -> list[Row[Any]]:
    """What a statement finds."""
    async with database.reading() as connection:
        return list((await connection.execute(statement)).all())


async def _things(database: Database, model: Any, of: str, thing: str) -> Mapping[UUID, Things]:
    table = table_of(model).c
    found: defaultdict[UUID, dict[UUID, datetime]] = defaultdict(dict)
    for key, each, at in await rows(database, select(table[of], table[thing], table.assigned_at)):
        found[key][each] = at
    return found
