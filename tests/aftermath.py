"""What clients were told, compared with what a database holds after processes were killed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select

from gql.ids import key_of
from models.audit import AuditAction, AuditEvent, OutboxEvent
from models.deactivation import Deactivation, DeactivationQueue, DeactivationTeam
from models.operation import UNFINISHED, BulkItemOutcome, BulkOperation, BulkOperationItem, BulkOperationKind
from models.session import SignInBlock
from models.storage import table_of
from models.team import Team
from models.user import User, UserStatus
from repositories.engine import Database
from repositories.invariants import violations_in
from resolvers.context import utc_now

_operations = table_of(BulkOperation).c
_items = table_of(BulkOperationItem).c
_events = table_of(AuditEvent).c
_news = table_of(OutboxEvent).c
_users = table_of(User).c

# What the audit calls what an operation does to somebody, and whether the version of the person moves by it.
DOES: Mapping[BulkOperationKind, frozenset[AuditAction]] = {
    BulkOperationKind.CREATE: frozenset({AuditAction.CREATED}),
    BulkOperationKind.DEACTIVATE: frozenset({AuditAction.DEACTIVATED}),
    BulkOperationKind.REACTIVATE: frozenset({AuditAction.REACTIVATED}),
    BulkOperationKind.FORCE_OFFLINE: frozenset({AuditAction.FORCED_OFFLINE}),
    BulkOperationKind.RESUME_ONLINE: frozenset({AuditAction.RESUMED_ONLINE}),
    BulkOperationKind.SIGN_OUT: frozenset({AuditAction.SIGNED_OUT}),
    BulkOperationKind.ASSIGN_TEAMS: frozenset({AuditAction.ASSIGNED, AuditAction.UNASSIGNED}),
    BulkOperationKind.ASSIGN_QUEUES: frozenset({AuditAction.ASSIGNED, AuditAction.UNASSIGNED}),
    BulkOperationKind.ASSIGN_SKILL_GROUPS: frozenset({AuditAction.ASSIGNED, AuditAction.UNASSIGNED}),
    BulkOperationKind.UNDO: frozenset(AuditAction) - {AuditAction.CREATED, AuditAction.SIGNED_OUT},
}
STATUS = {
    AuditAction.CREATED: UserStatus.ACTIVE,
    AuditAction.DEACTIVATED: UserStatus.DEACTIVATED,
    AuditAction.REACTIVATED: UserStatus.ACTIVE,
}
BLOCKED = {AuditAction.FORCED_OFFLINE: True, AuditAction.RESUMED_ONLINE: False}
HANDLED = ("succeeded", "unchanged", "failed", "skipped")


@dataclass(frozen=True)
class Told:
    """One answer to a mutation.

    Attributes:
        note: Which call it was.
        payload: What the mutation answered.
    """

    mutation: str
    note: str
    payload: Mapping[str, Any]

    @property
    def refused(self) -> list[str]:
        """Codes of why nothing was done."""
        return [error["code"] for error in self.payload["errors"]]


@dataclass(frozen=True)
class Standing:
    """How everybody stands, which operations there are, and how far audit and outbox go.

    Attributes:
        people: Status, version and block by person.
    """

    people: Mapping[UUID, tuple[UserStatus, int, bool]]
    operations: frozenset[UUID]
    sequence: int
    news: int


@dataclass
class Findings:
    """What was found, each in words.

    Attributes:
        acknowledged: How many answers clients were given.
        lost: What was acknowledged and is not there.
        half_done: What is there in part.
        twice: What was done again.
        stuck: Operations that nobody works off.
        wrong: Answers that nobody should be given.
    """

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    half_done: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not any((self.lost, self.half_done, self.twice, self.stuck, self.wrong))

    def add(self, other: Findings) -> None:
        """Take what was found elsewhere too."""
        self.acknowledged += other.acknowledged
        for name in ("lost", "half_done", "twice", "stuck", "wrong"):
            getattr(self, name).extend(getattr(other, name))

    def lines(self) -> Iterator[str]:
        """Everything that was found."""
        for name in ("lost", "half_done", "twice", "stuck", "wrong"):
            yield from (f"{name.replace('_', '-')}: {what}" for what in getattr(self, name))

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged} lost {len(self.lost)} half-done {len(self.half_done)} "
            f"twice {len(self.twice)} stuck {len(self.stuck)}"
        )


async def standing(database: Database) -> Standing:
    """How everybody stands now."""
    found = await _rows(database, select(_users.id, _users.status, _users.version))
    blocked = {row.user_id for row in await _rows(database, select(table_of(SignInBlock).c.user_id))}
    ends = await _rows(database, select(func.max(_events.sequence), select(func.max(_news.sequence)).scalar_subquery()))
    people = {row.id: (row.status, row.version, row.id in blocked) for row in found}
    operations = frozenset(row.id for row in await _rows(database, select(_operations.id)))
    return Standing(people, operations, ends[0][0] or 0, ends[0][1] or 0)


async def unfinished(database: Database) -> list[UUID]:
    """Operations on which there is work to do."""
    found = await _rows(database, select(_operations.id).where(_operations.status.in_(UNFINISHED)))
    return [row.id for row in found]


async def aftermath(database: Database, before: Standing, told: Sequence[Told]) -> Findings:
    """Compare a database with what clients were told since a moment."""
    found = Findings(acknowledged=len(told))
    found.stuck += [f"operation {each}" for each in await unfinished(database)]
    operations = await _operations_of(database, before)
    _compare_answers(told, operations, found)
    teams = {row.name for row in await _rows(database, select(table_of(Team).c.name))}
    for each in told:
        if each.mutation == "createTeam" and not each.refused and each.note not in teams:
            found.lost.append(f"the team {each.note}")
    after = await standing(database)
    items = [item for item in await _items_of(database) if item.operation_id in operations]
    events = await _rows(
        database,
        select(*table_of(AuditEvent).columns).where(_events.sequence > before.sequence).order_by(_events.sequence),
    )
    people_events = [event for event in events if event.target_type == "User"]
    news = await _rows(
        database, select(_news.kind, _news.subject_id, _news.payload).where(_news.sequence > before.news)
    )
    _compare_items(operations, items, people_events, news, found)
    _replay(before, after, people_events, found)
    await _compare_taken(database, operations, found)
    async with database.reading() as connection:
        violations = await violations_in(connection, utc_now())
    found.half_done += [f"{each.name} ({each.count}): {each.what}" for each in violations]
    return found


def _compare_answers(told: Sequence[Told], operations: Mapping[UUID, Any], found: Findings) -> None:
    by_note: defaultdict[tuple[str, bool], list[Any]] = defaultdict(list)
    for operation in operations.values():
        if operation.kind is BulkOperationKind.UNDO:
            continue  # it takes no note
        by_note[operation.note, operation.dry_run].append(operation)
    found.twice += [
        f"the call {note} made {len(several)} operations"
        for (note, _), several in by_note.items()
        if note is not None and len(several) > 1
    ]
    for each in told:
        said = each.payload.get("operation")
        if said is None:
            continue
        key = key_of(said["id"], "BulkOperation")
        operation = operations.get(key) if key else None
        if operation is None:
            found.lost.append(f"the operation of {each.mutation} {each.note}")
            continue
        totals = {name: getattr(operation, name) for name in HANDLED}
        if said["progress"]["total"] != operation.total or said["progress"]["processed"] > sum(totals.values()):
            found.lost.append(f"{said['progress']} of {each.mutation} {each.note}, it has {totals}")
        ended = said["status"] not in ("QUEUED", "RUNNING")
        if ended and (said["status"] != operation.status.name or said["totals"] != totals):
            is_now = f"it is {operation.status.name} {totals}"
            found.lost.append(f"{said['status']} {said['totals']} of {each.mutation} {each.note}, {is_now}")


def _compare_items(
    operations: Mapping[UUID, Any],
    items: Iterable[Row[Any]],
    events: Sequence[Row[Any]],
    news: Iterable[Row[Any]],
    found: Findings,
) -> None:
    """What became of each item, against what audit and outbox tell of its operation and person."""
    told = Counter((event.operation_id, event.target_id) for event in events if event.operation_id)
    versions = {(event.operation_id, event.target_id): event.target_version for event in events}
    announced = Counter(
        (UUID(row.payload["operation"]), row.subject_id)
        for row in news
        if row.payload.get("operation") and row.kind.startswith("user.")
    )
    found.twice += [f"{count} audit events of {key}" for key, count in told.items() if count > 1]
    found.twice += [f"{count} outbox events of {key}" for key, count in announced.items() if count > 1]
    for event in events:
        operation = operations.get(event.operation_id)
        if event.operation_id and (operation is None or event.action not in DOES[operation.kind] or operation.dry_run):
            found.half_done.append(f"an audit event {event.action.name} of operation {event.operation_id}")
    done: set[tuple[UUID, UUID]] = set()
    for item in items:
        if item.outcome is not BulkItemOutcome.SUCCEEDED or operations[item.operation_id].dry_run:
            continue
        key = (item.operation_id, item.user_id)
        if key in done:
            found.twice.append(f"two items of {key} succeeded")
        done.add(key)
        if not told[key] or not announced[key]:
            found.half_done.append(f"item {item.index} of {key} succeeded, and nothing tells of it")
        elif versions[key] != item.user_version:
            found.half_done.append(f"item {item.index} of {key} has version {item.user_version}, not {versions[key]}")
    found.half_done += [f"done to {key}, and its item does not say so" for key in (told.keys() | announced) - done]


def _replay(before: Standing, after: Standing, events: Sequence[Row[Any]], found: Findings) -> None:
    """Do on paper what the audit tells, and look whether people stand where that leads."""
    people = dict(before.people)
    for event in events:
        status, version, blocked = people.get(event.target_id, (UserStatus.ACTIVE, 0, False))
        moves = event.action is not AuditAction.SIGNED_OUT
        if event.target_version != version + moves:
            found.twice.append(
                f"{event.action.name} of {event.target_id} led from version {version} to {event.target_version}"
            )
        if event.action in (AuditAction.DEACTIVATED, AuditAction.REACTIVATED) and STATUS[event.action] is status:
            found.twice.append(f"{event.action.name} of {event.target_id}, who was that already")
        people[event.target_id] = (
            STATUS.get(event.action, status),
            event.target_version,
            BLOCKED.get(event.action, blocked),
        )
    for key in people.keys() | after.people:
        if people.get(key) != after.people.get(key):
            found.half_done.append(f"{key} is {after.people.get(key)}, and by the audit {people.get(key)}")


async def _compare_taken(database: Database, operations: Mapping[UUID, Any], found: Findings) -> None:
    """What deactivations kept of what they took, against the totals of their operations."""
    deactivations = table_of(Deactivation).c
    for model, total in ((DeactivationTeam, "teams_left"), (DeactivationQueue, "queues_left")):
        rows = await _rows(
            database,
            select(deactivations.operation_id, func.count())
            .join_from(table_of(model), table_of(Deactivation), deactivations.id == table_of(model).c.deactivation_id)
            .group_by(deactivations.operation_id),
        )
        kept = {row[0]: row[1] for row in rows}
        for key, operation in operations.items():
            if operation.kind is not BulkOperationKind.DEACTIVATE or operation.dry_run:
                continue
            if kept.get(key, 0) != getattr(operation, total):
                words = f"{total} of {key} is {getattr(operation, total)}, kept are {kept.get(key, 0)}"
                found.half_done.append(words)


async def _operations_of(database: Database, before: Standing) -> dict[UUID, Any]:
    found = await _rows(database, select(*table_of(BulkOperation).columns))
    return {row.id: row for row in found if row.id not in before.operations}


async def _items_of(database: Database) -> list[Row[Any]]:
    return await _rows(
        database,
        select(_items.operation_id, _items.index, _items.user_id, _items.user_version, _items.outcome),
    )


async def _rows(database: Database, statement: Select[Any]) -> list[Row[Any]]:
    async with database.reading() as connection:
        return list((await connection.execute(statement)).all())
