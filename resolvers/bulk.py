"""A bulk operation: items in the order of the input, what became of each, and the record that is kept (M2 to M5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from models.audit import AuditAction
from models.operation import (
    COUNTED_EFFECTS,
    ActiveContactPolicy,
    BulkErrorPolicy,
    BulkItemOutcome,
    BulkOperation,
    BulkOperationItem,
    BulkOperationKind,
    BulkOperationStatus,
    StateChangeReason,
    UserEffectKind,
)
from models.storage import uuid7
from repositories.bound import Write
from repositories.keyset import Slice
from repositories.operations import ITEMS_IN_ORDER
from repositories.rows import row_class
from resolvers.assessing import UNCHANGED, WAITING, Verdict, assess_reach
from resolvers.context import Change, Context
from resolvers.coverage import shortage_of
from resolvers.deltas import Delta
from resolvers.recording import Fact, News, recording
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem, Warning
from resolvers.targets import Person, UserTarget

MAX_FAILED_SHOWN = 100
HANDLED = ("succeeded", "unchanged", "failed", "skipped")
_SHOWN = (BulkItemOutcome.FAILED, BulkItemOutcome.SKIPPED)


@dataclass(frozen=True, slots=True)
class Terms:
    """What every bulk mutation can be told besides whom and what.

    Attributes:
        dry_run: Whether to only show what would be done.
        execute_at: When to do it; at once when None.
        until: When to take it back again; never when None.
    """

    error_policy: BulkErrorPolicy = BulkErrorPolicy.CONTINUE
    reason: StateChangeReason | None = None
    note: str | None = None
    dry_run: bool = False
    execute_at: datetime | None = None
    until: datetime | None = None


@dataclass(slots=True)
class Effect:
    """One thing that was done to a person; what was done to many of them alike is one object.

    Attributes:
        subject: Type and key of what it is about; None when there is nothing.
        label: Name of the subject at that time.
        description: The effect in words.
        kept: As it is stored with the item.
        counted: The total that it counts in.
    """

    kind: UserEffectKind
    description: str
    subject: tuple[str, UUID] | None = None
    label: str | None = None
    kept: Mapping[str, Any] = field(init=False, repr=False)
    counted: str | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        subject = None if self.subject is None else [self.subject[0], self.subject[1].hex]
        self.kept = {"kind": self.kind.value, "subject": subject, "label": self.label, "description": self.description}
        self.counted = COUNTED_EFFECTS.get((self.kind, self.subject[0])) if self.subject else None


@dataclass(slots=True)
class Item:
    """One item of an operation while it is worked on.

    Attributes:
        person: Whom it stands for; None when there is nobody, nobody that the caller sees, or nobody yet.
        label: Name to record for the person.
        id: Key of the item where it is kept already.
        expected: Version that the person must have, by the plan that is executed.
        changes: Field, before and after, for the audit event.
        delta: The same for taking it back.
    """

    index: int
    key: str
    person: Person | None = None
    label: str | None = None
    user_id: UUID | None = None
    id: UUID | None = None
    expected: int | None = None
    outcome: BulkItemOutcome = BulkItemOutcome.SUCCEEDED
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    changes: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    delta: Delta = field(default_factory=Delta)

    def fail(self, problem: Problem) -> None:
        """The item cannot be changed."""
        self.outcome = BulkItemOutcome.FAILED
        self.errors.append(problem)

    @property
    def passing(self) -> bool:
        """Whether the item is still to be changed, or was."""
        return self.outcome is BulkItemOutcome.SUCCEEDED

    @property
    def waiting(self) -> bool:
        """Whether the item is to be changed once the contact of the person is over."""
        return self.outcome is BulkItemOutcome.PENDING


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """What a bulk mutation answers.

    Attributes:
        errors: Why nothing was done at all; empty otherwise (rule M1).
        failed: The first 100 items that failed or were skipped.
        operation: The operation; None when nothing was started.
    """

    errors: list[Problem] = field(default_factory=list)
    failed: list[BulkOperationItem] = field(default_factory=list)
    operation: BulkOperation | None = None

    @property
    def warnings(self) -> list[Warning]:
        """What is worth knowing of all of it: queues that are left with too few agents."""
        return [] if self.operation is None else [shortage_of(kept).warning for kept in self.operation.shortages or ()]


class OperationAnswers:
    """Answers of bulk mutations, kept by the keys of their operations."""

    def result(self, answer: BulkAnswer) -> UUID:
        """The operation."""
        assert answer.operation is not None
        return answer.operation.id

    async def again(self, change: Change, result_id: UUID) -> BulkAnswer:
        """The operation as it is by now."""
        operations = change.kept.operations
        operation = (await operations.by_id([result_id])).get(result_id)
        if operation is None:
            return BulkAnswer()
        part = Slice(MAX_FAILED_SHOWN)
        failed = await operations.items([result_id], frozenset(_SHOWN), ITEMS_IN_ORDER, part)
        return BulkAnswer(failed=failed.get(result_id, [])[:MAX_FAILED_SHOWN], operation=operation)


OPERATIONS = OperationAnswers()


def items_of(
    target: UserTarget, people: Mapping[Any, Person], context: Context, assess: Callable[[Person], Verdict]
) -> list[Item]:
    """Assess every item of a target on its own; guards over the whole batch come after (M4, M6)."""
    caller = context.known
    items: list[Item] = []
    seen: set[Any] = set()
    for index, (given, key) in enumerate(zip(target.given, target.keys, strict=True)):
        item = Item(index, given)
        items.append(item)
        if target.kept:
            row = target.kept[index]
            item.index, item.id, item.expected = row.index, row.id, row.user_version
        elif key in target.versions:
            item.expected = target.versions[key]
        if index in target.refused:
            for problem in target.refused[index]:
                item.fail(problem)
            continue
        person = people.get(key)
        if key in seen:
            item.fail(Problem(Code.DUPLICATE_IN_REQUEST, "An earlier item names the same user."))
            continue
        seen.add(key)
        if refusal := assess_reach(person, caller):
            if person is not None and refusal.code is Code.FORBIDDEN:
                item.user_id = person.id
            item.fail(refusal)
            continue
        assert person is not None
        item.person, item.user_id, item.label = person, person.id, person.label
        if item.expected not in (None, person.version):
            item.fail(Problem(Code.PLAN_STALE, f"{person.label} changed since the dry run."))
            continue
        verdict = assess(person)
        if verdict is UNCHANGED:
            item.outcome = BulkItemOutcome.UNCHANGED
        elif verdict is WAITING:
            item.outcome = BulkItemOutcome.PENDING
        elif isinstance(verdict, Problem):
            item.fail(verdict)
    return items


def settle(items: Sequence[Item], policy: BulkErrorPolicy) -> list[Item]:
    """The items to change: under ATOMIC none if any failed, and the others are skipped (rule M5)."""
    if policy is BulkErrorPolicy.ATOMIC and any(item.outcome is BulkItemOutcome.FAILED for item in items):
        for item in items:
            if item.outcome is not BulkItemOutcome.FAILED:
                item.outcome = BulkItemOutcome.SKIPPED
                item.effects.clear()
    return [item for item in items if item.passing]


def people_of(items: Sequence[Item]) -> dict[UUID, Item]:
    """The items by their person."""
    return {item.user_id: item for item in items if item.user_id is not None}


async def write_operation(
    context: Context,
    change: Change,
    operation_id: UUID,
    kind: BulkOperationKind,
    items: Sequence[Item],
    terms: Terms,
    asked: Mapping[str, Any],
    *,
    actions: Mapping[UUID, tuple[AuditAction, int]],
    news: Sequence[News] = (),
    origin_id: UUID | None = None,
    named_by: str | None = None,
    shortages: Sequence[Mapping[str, Any]] = (),
    carried: Mapping[str, Any] | None = None,
) -> BulkAnswer:
    """Keep an operation with its items and, unless it is a dry run, an audit event for each changed person.

    Args:
        asked: What else was asked for, kept with the operation.
        actions: What was done to each changed person, and the version of the person after it.
        news: What others are told besides.
        origin_id: The operation that this one repeats or takes back.
        named_by: What the keys of the items are.
        shortages: Queues that are left below their minimum, as they are kept.
        carried: What the worker has to know who goes on with it, if anybody is waited for.
    """
    row = operation_row(context, change, operation_id, kind, terms, asked) | {
        "total": len(items),
        **totals_of(items),
        "origin_id": origin_id,
        "named_by": named_by,
        "shortages": list(shortages),
        "carried": carried if any(item.waiting for item in items) else None,
        "started_at": change.at,
    }
    row |= progress_of(row, context.now())
    versions = {} if terms.dry_run else {user_id: version for user_id, (_, version) in actions.items()}
    item_rows = [item_row(item, operation_id, change, versions) for item in items]
    await change.kept.operations.add(row, item_rows)
    if not terms.dry_run:
        await telling(context, change, operation_id, items, terms, actions, news)()
    return answer_of(row, item_rows)


def answer_of(operation: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> BulkAnswer:
    """What is answered about an operation that was just written."""
    failed = [row_class(BulkOperationItem)(**each) for each in items if each["outcome"] in _SHOWN]
    return BulkAnswer(failed=failed[:MAX_FAILED_SHOWN], operation=row_class(BulkOperation)(**operation))


def operation_row(
    context: Context,
    change: Change,
    operation_id: UUID,
    kind: BulkOperationKind,
    terms: Terms,
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    """The row of an operation on which nothing was done yet."""
    caller = context.known
    return {
        "id": operation_id,
        "organization_id": caller.organization_id,
        "kind": kind,
        "status": BulkOperationStatus.QUEUED,
        "dry_run": terms.dry_run,
        "error_policy": terms.error_policy,
        "terms": dict(asked),
        "total": 0,
        **totals_of(()),
        "after_contact": not terms.dry_run and asked.get("onActiveContact") == ActiveContactPolicy.AFTER_CONTACT.name,
        "execute_at": terms.execute_at,
        "until": terms.until,
        "reverts_at": None,
        "origin_id": None,
        "named_by": None,
        "carried": None,
        "shortages": [],
        "failure": None,
        "items_forgotten": False,
        "actor_kind": caller.kind,
        "actor_id": caller.id,
        "reason": terms.reason,
        "note": terms.note,
        "request_id": context.request_id,
        "created_at": change.at,
        "started_at": None,
        "finished_at": None,
    }


def telling(
    context: Context,
    change: Change,
    operation_id: UUID,
    items: Sequence[Item],
    terms: Terms,
    actions: Mapping[UUID, tuple[AuditAction, int]],
    news: Sequence[News],
) -> Write:
    """What writes an audit event for each changed person, and what others are told."""
    # In the order of the items: `actions` has the order in which the database returned changed rows.
    facts = [
        Fact(actions[user_id][0], "User", user_id, item.label or item.key, actions[user_id][1], item.changes)
        for user_id, item in people_of(items).items()
        if user_id in actions
    ]
    return recording(context, change, facts, news, operation_id=operation_id, reason=terms.reason, note=terms.note)


def progress_of(row: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """How far an operation is by its totals, as columns; once it has ended, when it is taken back."""
    if sum(row[name] for name in HANDLED) < row["total"]:
        return {"status": BulkOperationStatus.RUNNING}
    errors = row["failed"] + row["skipped"]
    status = BulkOperationStatus.COMPLETED_WITH_ERRORS if errors else BulkOperationStatus.COMPLETED
    return {"status": status, "finished_at": at, "reverts_at": reverting(row)}


def reverting(row: Mapping[str, Any]) -> datetime | None:
    """When an operation that has ended is to be taken back: at the time that was asked for, if it did anything."""
    until: datetime | None = row["until"]
    return until if row["succeeded"] and not row["dry_run"] else None


def totals_of(items: Sequence[Item]) -> dict[str, int]:
    """Totals over items, by their columns; those that are not handled yet count in none."""
    outcomes = Counter(item.outcome for item in items)
    totals = {outcome.name.lower(): outcomes[outcome] for outcome in BulkItemOutcome}
    effects = dict.fromkeys(COUNTED_EFFECTS.values(), 0)
    for item in items:
        for effect in item.effects:
            if effect.counted is not None:
                effects[effect.counted] += 1
    del totals["pending"]
    return totals | effects


def item_row(item: Item, operation_id: UUID, change: Change, versions: Mapping[UUID, int]) -> dict[str, Any]:
    """An item as it is kept.

    Args:
        versions: Versions of those who were changed; of the others that which they have counts.
    """
    pending = item.outcome is BulkItemOutcome.PENDING
    version = item.expected if pending or item.person is None else item.person.version
    if item.user_id is not None:
        version = versions.get(item.user_id, version)
    return {
        "id": item.id or uuid7(change.at),
        "organization_id": change.kept.organization_id,
        "operation_id": operation_id,
        "index": item.index,
        "key": item.key,
        "user_id": item.user_id,
        "user_version": version,
        "outcome": item.outcome,
        "errors": [said(problem) for problem in item.errors],
        "warnings": [said(warning) for warning in item.warnings],
        "effects": [effect.kept for effect in item.effects],
        "delta": item.delta.kept() if item.passing else None,
    }


def said(said: Problem | Warning) -> dict[str, Any]:
    """A problem or a warning as it is kept."""
    return {"code": said.code.value, "message": said.message, "path": None if said.path is None else list(said.path)}
