"""A bulk operation: items in the order of the input, what became of each, and the record that is kept (M2 to M5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from models.audit import AuditAction
from models.operation import (
    COUNTED_EFFECTS,
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
from repositories.rows import row_class
from resolvers.assessing import UNCHANGED, Verdict, assess_reach
from resolvers.context import Change, Context
from resolvers.recording import Fact, News, record
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem, Warning
from resolvers.targets import Person, UserTarget

MAX_FAILED_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Terms:
    """What every bulk mutation can be told besides whom and what.

    Attributes:
        dry_run: Whether to only show what would be done.
    """

    error_policy: BulkErrorPolicy = BulkErrorPolicy.CONTINUE
    reason: StateChangeReason | None = None
    note: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that was done to a person.

    Attributes:
        subject: Type and key of what it is about; None when there is nothing.
        label: Name of the subject at that time.
        description: The effect in words.
    """

    kind: UserEffectKind
    description: str
    subject: tuple[str, UUID] | None = None
    label: str | None = None

    def kept(self) -> dict[str, Any]:
        """As it is stored with the item."""
        subject = None if self.subject is None else [self.subject[0], self.subject[1].hex]
        return {"kind": self.kind.value, "subject": subject, "label": self.label, "description": self.description}


@dataclass(slots=True)
class Item:
    """One item of an operation while it is worked on.

    Attributes:
        person: Whom it stands for; None when there is nobody, nobody that the caller sees, or nobody yet.
        label: Name to record for the person.
        changes: Field, before and after, for the audit event.
    """

    index: int
    key: str
    person: Person | None = None
    label: str | None = None
    user_id: UUID | None = None
    outcome: BulkItemOutcome = BulkItemOutcome.SUCCEEDED
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    changes: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def fail(self, problem: Problem) -> None:
        """The item cannot be changed."""
        self.outcome = BulkItemOutcome.FAILED
        self.errors.append(problem)

    @property
    def passing(self) -> bool:
        """Whether the item is still to be changed, or was."""
        return self.outcome is BulkItemOutcome.SUCCEEDED


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
        verdict = assess(person)
        if verdict is UNCHANGED:
            item.outcome = BulkItemOutcome.UNCHANGED
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
) -> BulkAnswer:
    """Keep an operation with its items and, unless it is a dry run, an audit event for each changed person and news.

    Args:
        asked: What else was asked for, kept with the operation.
        actions: What was done to each changed person, and the version of the person after it.
        news: What others are told besides.
    """
    caller = context.known
    row: dict[str, Any] = {
        "id": operation_id,
        "organization_id": caller.organization_id,
        "kind": kind,
        "status": _status(items),
        "dry_run": terms.dry_run,
        "error_policy": terms.error_policy,
        "terms": dict(asked),
        **_totals(items),
        "actor_kind": caller.kind,
        "actor_id": caller.id,
        "reason": terms.reason,
        "note": terms.note,
        "request_id": context.request_id,
        "created_at": change.at,
        "started_at": change.at,
        "finished_at": context.now(),
    }
    item_rows = [
        _item_row(item, operation_id, caller.organization_id, change, None if terms.dry_run else actions)
        for item in items
    ]
    await change.kept.operations.add(row, item_rows)
    if not terms.dry_run:
        await _tell(context, change, operation_id, items, terms, actions, news)
    shown = (BulkItemOutcome.FAILED, BulkItemOutcome.SKIPPED)
    failed = [row_class(BulkOperationItem)(**each) for each in item_rows if each["outcome"] in shown]
    return BulkAnswer(failed=failed[:MAX_FAILED_SHOWN], operation=row_class(BulkOperation)(**row))


async def _tell(
    context: Context,
    change: Change,
    operation_id: UUID,
    items: Sequence[Item],
    terms: Terms,
    actions: Mapping[UUID, tuple[AuditAction, int]],
    news: Sequence[News],
) -> None:
    # In the order of the items: `actions` has the order in which the database returned changed rows.
    facts = [
        Fact(actions[user_id][0], "User", user_id, item.label or item.key, actions[user_id][1], item.changes)
        for user_id, item in people_of(items).items()
        if user_id in actions
    ]
    await record(context, change, facts, news, operation_id=operation_id, reason=terms.reason, note=terms.note)


def _status(items: Sequence[Item]) -> BulkOperationStatus:
    done = (BulkItemOutcome.SUCCEEDED, BulkItemOutcome.UNCHANGED)
    if all(item.outcome in done for item in items):
        return BulkOperationStatus.COMPLETED
    return BulkOperationStatus.COMPLETED_WITH_ERRORS


def _totals(items: Sequence[Item]) -> dict[str, int]:
    totals = {outcome.name.lower(): 0 for outcome in BulkItemOutcome}
    effects = dict.fromkeys(COUNTED_EFFECTS.values(), 0)
    for item in items:
        totals[item.outcome.name.lower()] += 1
        for effect in item.effects:
            counted = COUNTED_EFFECTS.get((effect.kind, effect.subject[0])) if effect.subject else None
            if counted is not None:
                effects[counted] += 1
    return totals | effects


def _item_row(
    item: Item,
    operation_id: UUID,
    organization_id: UUID,
    change: Change,
    actions: Mapping[UUID, tuple[AuditAction, int]] | None,
) -> dict[str, Any]:
    version = None if item.person is None else item.person.version
    if actions is not None and item.user_id is not None and item.user_id in actions:
        version = actions[item.user_id][1]
    return {
        "id": uuid7(change.at),
        "organization_id": organization_id,
        "operation_id": operation_id,
        "index": item.index,
        "key": item.key,
        "user_id": item.user_id,
        "user_version": version,
        "outcome": item.outcome,
        "errors": [_said(problem) for problem in item.errors],
        "warnings": [_said(warning) for warning in item.warnings],
        "effects": [effect.kept() for effect in item.effects],
    }


def _said(said: Problem | Warning) -> dict[str, Any]:
    return {"code": said.code.value, "message": said.message, "path": None if said.path is None else list(said.path)}
