"""What clients were told, compared with what a database holds after processes were killed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from gql.ids import key_of
from models.audit import ActorKind, AuditAction, AuditEvent, OutboxEvent
from models.deactivation import Deactivation, DeactivationQueue, DeactivationTeam
from models.operation import (
    UNFINISHED,
    BulkItemOutcome,
    BulkOperation,
    BulkOperationItem,
    BulkOperationKind,
    BulkOperationStatus,
)
from models.storage import table_of
from models.team import Team
from models.user import UserStatus
from repositories.engine import Database
from repositories.invariants import violations_in
from resolvers.context import utc_now
from tests.replay import Replay, could_be_unchanged, replayed
from tests.standing import Standing, rows, standing, unfinished

_operations = table_of(BulkOperation).c
_items = table_of(BulkOperationItem).c
_events = table_of(AuditEvent).c
_news = table_of(OutboxEvent).c

# What the audit calls what an operation does to somebody.
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
HANDLED = ("succeeded", "unchanged", "failed", "skipped")
# Codes of items that hang on more than the replay knows; the others are judged by it.
GUARDED = {"NO_SEAT_AVAILABLE", "LAST_ADMINISTRATOR", "PROTECTED_USER", "NOT_CONTACT_CENTER_ENABLED"}
SPECIAL = ("at a time", "restored", "taken back in time", "tried again")
LEFT = (BulkItemOutcome.FAILED, BulkItemOutcome.SKIPPED)


@dataclass(frozen=True)
class Told:
    """One answer to a mutation.

    Attributes:
        note: Which call it was.
        payload: What the mutation answered.
        keys: The people that were named, as they were; None where none were.
        plan: The dry run that was executed by it.
        first: The answer to the same call before; None of the first.
        may: Codes with which it may have been refused: others were faster, or a time has passed.
    """

    mutation: str
    note: str
    payload: Mapping[str, Any]
    keys: Sequence[str] | None = None
    plan: UUID | None = None
    first: Told | None = None
    may: Collection[str] = ()

    @property
    def refused(self) -> list[str]:
        """Codes of why nothing was done."""
        return [error["code"] for error in self.payload["errors"]]

    @property
    def thing(self) -> str | None:
        """What was made: the operation, or the team."""
        said = self.payload.get("operation") or self.payload.get("team")
        return None if said is None else str(said["id"])

    @property
    def operation(self) -> UUID | None:
        """The operation that was told of."""
        said = self.payload.get("operation")
        return None if said is None else key_of(said["id"], "BulkOperation")


@dataclass
class Findings:
    """What was found, each in words.

    Attributes:
        acknowledged: How many calls clients were answered that told of something done, or to be done.
        done: What of it was done, by what makes it special, in people.
        lost: What was acknowledged and is not there.
        half_done: What is there in part.
        twice: What was done again.
        stuck: Operations that nobody works off.
        wrong: Answers that nobody should be given.
    """

    acknowledged: int = 0
    done: Counter[str] = field(default_factory=Counter)
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
        self.done += other.done
        for name in ("lost", "half_done", "twice", "stuck", "wrong"):
            getattr(self, name).extend(getattr(other, name))

    def lines(self) -> Iterator[str]:
        """Everything that was found."""
        for name in ("lost", "half_done", "twice", "stuck", "wrong"):
            yield from (f"{name.replace('_', '-')}: {what}" for what in getattr(self, name))

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged} lost {len(self.lost)} half-done {len(self.half_done)} "
            f"twice {len(self.twice)} stuck {len(self.stuck)}" + (f" wrong {len(self.wrong)}" if self.wrong else "")
        )


async def aftermath(database: Database, before: Standing, told: Sequence[Told]) -> tuple[Findings, Standing]:
    """Compare a database with what clients were told since a moment; how everybody stands now."""
    found = Findings(acknowledged=sum(not each.refused and each.first is None for each in told))
    found.stuck += await unfinished(database)
    operations = await _operations_of(database, before)
    _compare_answers(told, operations, found)
    teams = {row.name for row in await rows(database, select(table_of(Team).c.name))}
    for each in told:
        if each.mutation == "createTeam" and not each.refused and each.note not in teams:
            found.lost.append(f"the team {each.note}")
    after = await standing(database)
    items = await _items_of(database, operations)
    wanted = ("operation_id", "target_id", "target_type", "target_version", "action", "occurred_at")
    events = await rows(
        database,
        select(*(_events[name] for name in wanted))
        .where(_events.sequence > before.sequence, _events.target_type == "User")
        .order_by(_events.sequence),
    )
    news = await rows(database, select(_news.kind, _news.subject_id, _news.payload).where(_news.sequence > before.news))
    _compare_items(operations, items, events, news, found)
    replay = replayed(before, after, operations, events)
    _compare_people(before, after, replay, found)
    _compare_targets(told, operations, items, before, found)
    plans = {each.operation: each.plan for each in told if each.operation and each.plan}
    _compare_outcomes(operations, items, replay, plans, found)
    _compare_times(operations, events, found)
    _compare_taken_back(told, operations, found)
    await _compare_taken(database, operations, found)
    async with database.reading() as connection:
        violations = await violations_in(connection, utc_now())
    found.half_done += [f"{each.name} ({each.count}): {each.what}" for each in violations]
    found.done = _count(operations, replay)
    return found, after


def _compare_answers(told: Sequence[Told], operations: Mapping[UUID, Any], found: Findings) -> None:
    """Each call that was answered made one operation, and each operation of a client is one that was told of."""
    for each in told:
        if set(each.refused) - set(each.may):
            found.wrong.append(f"{each.mutation} {each.note} was refused: {each.refused}")
        if each.first is not None and each.thing != each.first.thing:
            found.twice.append(f"{each.mutation} {each.note} made {each.first.thing}, and again {each.thing}")
    made = [
        each
        for each in told
        if each.mutation != "cancelBulkOperation" and each.operation is not None and each.first is None
    ]
    counts = Counter(each.operation for each in made)
    found.wrong += [f"{count} calls were told of operation {key}" for key, count in counts.items() if count > 1]
    canceled = {each.operation for each in told if each.mutation == "cancelBulkOperation"}
    for key, operation in operations.items():
        if operation.actor_kind is not ActorKind.SYSTEM and key not in counts:
            found.twice.append(f"operation {key} ({operation.kind.name}, {operation.note}), of which nobody was told")
        if operation.status is BulkOperationStatus.CANCELED and key not in canceled:
            found.lost.append(f"operation {key} is CANCELED, and nobody asked for that")
        code = (operation.failure or {}).get("code")
        if operation.status is BulkOperationStatus.FAILED and code != "PLAN_STALE":
            found.lost.append(f"operation {key} gave up: {operation.failure}")
    for each in told:
        said = each.payload.get("operation")
        if said is None:
            if not each.refused and each.mutation != "createTeam":
                found.wrong.append(f"{each.mutation} {each.note} told of neither an operation nor an error")
            continue
        operation = operations.get(each.operation) if each.operation else None
        if operation is None:
            found.lost.append(f"the operation of {each.mutation} {each.note}")
            continue
        totals = {name: getattr(operation, name) for name in HANDLED}
        if said["progress"]["total"] != operation.total or said["progress"]["processed"] > sum(totals.values()):
            found.lost.append(f"{said['progress']} of {each.mutation} {each.note}, it has {totals}")
        ended = said["status"] not in {status.name for status in UNFINISHED}
        if ended and (said["status"] != operation.status.name or said["totals"] != totals):
            is_now = f"it is {operation.status.name} {totals}"
            found.lost.append(f"{said['status']} {said['totals']} of {each.mutation} {each.note}, {is_now}")
        for name, at in (("executeAt", operation.execute_at), ("until", operation.until)):
            if (said[name] and datetime.fromisoformat(said[name])) != at:
                found.lost.append(f"{name} {said[name]} of {each.mutation} {each.note}, it is {at}")


def _compare_items(
    operations: Mapping[UUID, Any],
    items: Mapping[UUID, Sequence[Row[Any]]],
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
        if operation is None or event.action not in DOES[operation.kind] or operation.dry_run:
            found.half_done.append(f"an audit event {event.action.name} of operation {event.operation_id}")
    done: set[tuple[UUID, UUID]] = set()
    for operation in operations.values():
        for item in items[operation.id]:
            if item.outcome is not BulkItemOutcome.SUCCEEDED or operation.dry_run:
                continue
            key = (operation.id, item.user_id)
            if key in done:
                found.twice.append(f"two items of {key} succeeded")
            done.add(key)
            if not told[key] or not announced[key]:
                found.half_done.append(f"item {item.index} of {key} succeeded, and nothing tells of it")
            elif versions[key] != item.user_version:
                words = f"item {item.index} of {key} has version {item.user_version}, not {versions[key]}"
                found.half_done.append(words)
    found.half_done += [f"done to {key}, and its item does not say so" for key in (told.keys() | announced) - done]


def _compare_people(before: Standing, after: Standing, replay: Replay, found: Findings) -> None:
    """Where people stand, against where the audit leads."""
    found.twice += replay.twice
    found.half_done += replay.wrong
    for key in replay.people.keys() | after.people:
        if replay.people.get(key) != after.people.get(key):
            found.half_done.append(f"{key} is {after.people.get(key)}, and by the audit {replay.people.get(key)}")
    found.half_done += [f"{key} was signed out, and has a session" for key in replay.signed_out & after.signed_in]
    found.half_done += [f"{key} is gone" for key in before.people.keys() - after.people]


def _compare_targets(
    told: Sequence[Told],
    operations: Mapping[UUID, Any],
    items: Mapping[UUID, Sequence[Row[Any]]],
    before: Standing,
    found: Findings,
) -> None:
    """Whom the items stand for, against whom the client named, or whom the operation before left over."""
    named = {each.operation: each for each in told if each.mutation != "cancelBulkOperation" and each.operation}
    everybody = {key for key, stand in before.people.items() if stand.status is not UserStatus.DELETED}
    for key, operation in operations.items():
        ours = items[key]
        words = f"{operation.kind.name} {key}"
        if [item.index for item in ours] != list(range(operation.total)):
            found.half_done.append(f"{words} has {len(ours)} items, and {operation.total} in its total")
        if operation.origin_id is not None:
            origin = operations.get(operation.origin_id)
            if origin is None or origin.dry_run:
                found.half_done.append(f"{words} has the origin {operation.origin_id}, which did nothing")
                continue
            again = not _takes_back(operation)
            wanted = LEFT if again else (BulkItemOutcome.SUCCEEDED,)
            left = [(item.key, item.user_id) for item in items[origin.id] if item.outcome in wanted]
            if [(item.key, item.user_id) for item in ours] != left:
                found.half_done.append(f"{words} has {len(ours)} other items than the {len(left)} of {origin.id}")
            if again and (operation.kind, operation.terms) != (origin.kind, origin.terms):
                found.half_done.append(f"{words} does not repeat {origin.kind.name} {origin.id}")
            continue
        answer = named.get(key)
        if answer is None:
            continue  # counted already
        if answer.keys is not None and [item.key for item in ours] != [*answer.keys]:
            found.half_done.append(f"{words} has other items than {answer.note} named")
        if answer.keys is None and not everybody <= {item.user_id for item in ours}:
            found.half_done.append(f"{words} is not for everybody whom {answer.note} meant")


def _compare_outcomes(
    operations: Mapping[UUID, Any],
    items: Mapping[UUID, Sequence[Row[Any]]],
    replay: Replay,
    plans: Mapping[UUID, UUID],
    found: Findings,
) -> None:
    """Items to which nothing was done, against how their people stood in the course of it all.

    Args:
        plans: The dry run that each operation executes, which was for people as they were then.
    """
    versions = {
        (key, item.user_id): item.user_version
        for key in operations
        for item in items[key]
        if item.outcome is BulkItemOutcome.SUCCEEDED
    }
    for key, operation in operations.items():
        counted = Counter(item.outcome for item in items[key])
        totals = {name: counted[BulkItemOutcome[name.upper()]] for name in HANDLED}
        if totals != {name: getattr(operation, name) for name in HANDLED}:
            found.half_done.append(f"the totals of {key} are not {totals}")
        planned = {item.user_id: item.user_version for item in items[plans[key]]} if key in plans else {}
        # What is for a time only does not begin after it, however late the worker is.
        over = operation.until is not None and (operation.finished_at or operation.until) >= operation.until
        stopped = operation.status in (BulkOperationStatus.CANCELED, BulkOperationStatus.FAILED) or over
        for item in items[key]:
            person = item.user_id or key_of(item.key, "User")
            stood = replay.stood.get(person, []) if person else []
            words = f"item {item.index} of {operation.kind.name} {key} is {item.outcome.name}"
            if item.outcome is BulkItemOutcome.SKIPPED and not stopped:
                found.lost.append(f"{words}, and nobody stopped it")
            if item.outcome is BulkItemOutcome.UNCHANGED and not could_be_unchanged(operation, stood):
                found.lost.append(f"{words}, and {item.user_id} never was like that")
            stale = person in planned and planned[person] != item.user_version
            if item.outcome is BulkItemOutcome.SUCCEEDED and person in planned and not operation.dry_run:
                was = replay.before.get((key, person))
                if was is None or was.version != planned[person]:
                    found.wrong.append(f"{words}, though {person} had changed since the plan")
            if item.outcome is BulkItemOutcome.FAILED:
                code = item.errors[0]["code"]
                if not (stale if code == "PLAN_STALE" else _could_fail(code, operation, item, stood, versions)):
                    found.lost.append(f"{words}: {code}, and there was no reason for it")


def _could_fail(
    code: str,
    operation: Any,
    item: Row[Any],
    stood: Sequence[Any],
    versions: Mapping[tuple[UUID, UUID], int | None],
) -> bool:
    if code == "NOT_FOUND":
        return all(stand.status is UserStatus.DELETED for stand in stood)
    if code == "INVALID_STATE":  # nobody is given anything who is not active
        return any(stand.status is not UserStatus.ACTIVE for stand in stood)
    if code == "VERSION_CONFLICT":
        done = operation.kind is BulkOperationKind.UNDO and (UUID(hex=operation.terms["origin"]), item.user_id)
        return bool(done) and done in versions and versions[done] != item.user_version
    return code in GUARDED


def _compare_times(operations: Mapping[UUID, Any], events: Iterable[Row[Any]], found: Findings) -> None:
    """Nothing is done before its time."""
    began: dict[UUID, datetime] = {}
    for event in events:
        began.setdefault(event.operation_id, event.occurred_at)
    for key, operation in operations.items():
        first = min(filter(None, (operation.started_at, began.get(key))), default=None)
        if operation.execute_at and first and first < operation.execute_at:
            found.wrong.append(f"operation {key} began at {first}, before {operation.execute_at}")


def _compare_taken_back(told: Sequence[Told], operations: Mapping[UUID, Any], found: Findings) -> None:
    """What was for a time only is taken back once, not before that, and not if it was called off."""
    backs: defaultdict[UUID, list[Any]] = defaultdict(list)
    for operation in operations.values():
        if _takes_back(operation) and not operation.dry_run:
            backs[operation.origin_id].append(operation)
        if operation.actor_kind is ActorKind.SYSTEM:
            origin = operations.get(operation.origin_id)
            if origin is None or not _takes_back(operation) or origin.until is None:
                found.wrong.append(f"operation {operation.id}, for which nobody has asked")
            elif operation.created_at < origin.until:
                found.wrong.append(f"{origin.id} was taken back at {operation.created_at}, before {origin.until}")
    # By the last answers: had one of them been taken back before, it would not be so that it can be.
    called_off = {
        each.operation
        for each in told
        if each.mutation == "cancelBulkOperation"
        and (said := each.payload.get("operation"))
        and said["revertsAt"] is None
        and said["undoable"]
    }
    for key, operation in operations.items():
        itself = [back for back in backs[key] if back.actor_kind is ActorKind.SYSTEM]
        if len(itself) > 1 or sum(bool(back.succeeded) for back in backs[key]) > 1:
            found.twice.append(f"operation {key} was taken back {len(backs[key])} times")
        if key in called_off and itself:
            found.twice.append(f"operation {key} was taken back, though that had been called off")
        temporary = operation.until is not None and operation.succeeded and not operation.dry_run
        if temporary and not backs[key] and key not in called_off:
            found.lost.append(f"operation {key} was to be taken back at {operation.until}, and was not")


def _takes_back(operation: Any) -> bool:
    """Whether it takes its origin back; otherwise it repeats it, which may have been an undo itself."""
    return (
        operation.origin_id is not None
        and operation.kind is BulkOperationKind.UNDO
        and UUID(hex=operation.terms["origin"]) == operation.origin_id
    )


def _count(operations: Mapping[UUID, Any], replay: Replay) -> Counter[str]:
    done: Counter[str] = Counter()
    for operation in operations.values():
        if operation.dry_run:
            continue
        back = _takes_back(operation)
        done["tried again"] += operation.succeeded if operation.origin_id and not back else 0
        done["undone"] += operation.succeeded if back and operation.actor_kind is not ActorKind.SYSTEM else 0
        done["taken back in time"] += operation.succeeded if operation.actor_kind is ActorKind.SYSTEM else 0
        done["at a time"] += operation.succeeded if operation.execute_at else 0
    done["restored"] = replay.restored
    return done


async def _compare_taken(database: Database, operations: Mapping[UUID, Any], found: Findings) -> None:
    """What deactivations kept of what they took, against the totals of their operations."""
    deactivations = table_of(Deactivation).c
    for model, total in ((DeactivationTeam, "teams_left"), (DeactivationQueue, "queues_left")):
        counted = await rows(
            database,
            select(deactivations.operation_id, func.count())
            .join_from(table_of(model), table_of(Deactivation), deactivations.id == table_of(model).c.deactivation_id)
            .group_by(deactivations.operation_id),
        )
        kept = {row[0]: row[1] for row in counted}
        for key, operation in operations.items():
            if operation.kind is not BulkOperationKind.DEACTIVATE or operation.dry_run:
                continue
            if kept.get(key, 0) != getattr(operation, total):
                words = f"{total} of {key} is {getattr(operation, total)}, kept are {kept.get(key, 0)}"
                found.half_done.append(words)


async def _operations_of(database: Database, before: Standing) -> dict[UUID, Any]:
    found = await rows(database, select(*table_of(BulkOperation).columns))
    return {row.id: row for row in found if row.id not in before.operations}


async def _items_of(database: Database, operations: Mapping[UUID, Any]) -> Mapping[UUID, Sequence[Row[Any]]]:
    """The items of each operation, in their order."""
    wanted = ("operation_id", "index", "key", "user_id", "user_version", "outcome", "errors")
    found: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    statement = select(*(_items[name] for name in wanted)).where(_items.operation_id.in_(operations))
    for row in await rows(database, statement.order_by(_items.operation_id, _items.index)):
        found[row.operation_id].append(row)
    return found
