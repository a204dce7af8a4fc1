"""Doing one thing to many people: assessed together, then done, or only shown (rules M2 to M8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from models.operation import (
    UNFINISHED,
    BulkErrorPolicy,
    BulkItemOutcome,
    BulkOperation,
    BulkOperationStatus,
    StateChangeReason,
)
from models.storage import uuid7
from models.text import mail_key
from repositories.engine import Database
from repositories.operations import next_reverting
from resolvers.acting import PLAN_ID, Action, Carried, Run, camel, carry_out
from resolvers.bulk import OPERATIONS, BulkAnswer, Terms, write_operation
from resolvers.caller import system_caller
from resolvers.context import Change, Context, utc_now
from resolvers.operations import errors_of
from resolvers.queued import ACTIONS, enqueue, require_any
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem, Refused, refuse
from resolvers.targets import PlanTarget, Target, UserTarget, resolved
from resolvers.undoing import undo_of

_ID = ("input", "id")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done, to whom, and on which terms."""

    action: Action
    terms: Terms
    named: UserTarget
    origin_id: UUID | None = None


async def perform(context: Context, action: Action, target: Target, terms: Terms) -> BulkAnswer:
    """Do something to the people of a target, or show what it would do (`terms.dry_run`).

    A dry run does the very same inside the transaction, takes it back, and keeps what came of it: its outcomes and
    effects are those of the real thing by construction. It is executed by a `PlanTarget`.

    What is too much for a request is left to a worker (rule M2).

    Raises:
        NotPermitted: The caller may not do this to anybody.
        Refused: The target or the terms cannot be had; nothing was done.
    """
    context.require(action.permission)

    async def ask(change: Change) -> Asked:
        if isinstance(target, PlanTarget):
            return await _planned(change, action, target, terms)
        _check_times(terms, context.now())
        return Asked(replace(action), terms, await resolved(change, target, context.limits))  # type: ignore[type-var]

    return await _do(context, ask)


def _check_times(terms: Terms, now: datetime) -> None:
    """Refuse times that have passed, or that stand in the wrong order.

    Raises:
        Refused: INVALID.
    """
    if terms.execute_at is not None and terms.execute_at <= now:
        raise refuse(Code.INVALID, "This time has passed. Leave it out to begin at once.", "input", "executeAt")
    if terms.until is not None and terms.until <= (terms.execute_at or now):
        raise refuse(Code.INVALID, "This must come after the beginning.", "input", "until")


async def undo(context: Context, operation_id: UUID, *, dry_run: bool, due: bool = False) -> BulkAnswer:
    """Take back what an operation did to people, each unless somebody changed them since (Z5).

    Args:
        due: Only if it still is to be taken back by itself: somebody may have called that off, or done it, meanwhile.

    Raises:
        NotPermitted: The caller may do nothing to anybody.
        Refused: NOT_FOUND, the caller does not see it; FORBIDDEN, the caller may not do what takes it back;
            INVALID_STATE, it goes on, changed nobody, cannot be taken back, was taken back before, or is not `due`.
    """
    require_any(context)

    async def ask(change: Change) -> Asked:
        operation = await _finished(change, operation_id)
        if due and operation.reverts_at is None:
            raise refuse(Code.INVALID_STATE, "This operation is not to be taken back any more.", *_ID)
        action = undo_of(operation)
        if action is None or operation.dry_run or not operation.succeeded or operation.items_forgotten:
            raise refuse(Code.INVALID_STATE, "There is nothing in this operation that can be taken back.", *_ID)
        _require(context, action)
        if operation.id in await change.kept.operations.taken_back([operation.id]):
            raise refuse(Code.INVALID_STATE, "This operation was taken back already.", *_ID)
        if not dry_run and operation.reverts_at is not None:
            await change.kept.operations.update(operation.id, {"reverts_at": None})
        done = await change.kept.operations.items_of(operation.id, BulkItemOutcome.SUCCEEDED)
        named = UserTarget("ids", [item.key for item in done], [item.user_id for item in done])
        return Asked(action, Terms(dry_run=dry_run), named, operation.id)

    return await _do(context, ask)


async def take_back_due(database: Database, *, now: Callable[[], datetime] = utc_now) -> bool:
    """Take back an operation whose time has come, late rather than never; whether there was one (requirement Z8).

    The server itself does it: whoever asked for it may have left.
    """
    async with database.reading() as connection:
        due = await next_reverting(connection, now())
    if due is None:
        return False
    context = Context(database, system_caller(due.organization_id), now=now)
    try:
        await undo(context, due.id, dry_run=False, due=True)
    except Refused:  # somebody was faster, or there is nothing left of it
        await context.changing(lambda change: change.kept.operations.update(due.id, {"reverts_at": None}))
    return True


async def retry(context: Context, operation_id: UUID) -> BulkAnswer:
    """Do once more what an operation did not do to people: to those who failed, and to those it left alone.

    What was for a time only is so again, until the same time.

    Raises:
        NotPermitted: The caller may do nothing to anybody.
        Refused: NOT_FOUND, the caller does not see it; FORBIDDEN, the caller may not do what it does; INVALID_STATE, it
            goes on, or there is nobody to do it to.
    """
    require_any(context)

    async def ask(change: Change) -> Asked:
        operation = await _finished(change, operation_id)
        if operation.kind not in ACTIONS or operation.dry_run:
            raise refuse(Code.INVALID_STATE, "An operation of this kind is not repeated.", *_ID)
        action = ACTIONS[operation.kind].of(operation.terms)
        _require(context, action)
        named = await _left(change, operation)
        if not named.keys:
            raise refuse(Code.INVALID_STATE, "No item of this operation failed or was left alone.", *_ID)
        _still_to_last(operation, context.now(), *_ID)
        terms = Terms(operation.error_policy, operation.reason, operation.note, until=operation.until)
        return Asked(action, terms, named, operation.id)

    return await _do(context, ask)


def _still_to_last(operation: BulkOperation, now: datetime, *path: str) -> None:
    """Refuse what would be taken back as soon as it is done, and must not become what is for good.

    Raises:
        Refused: INVALID_STATE.
    """
    if operation.until is not None and operation.until <= now:
        raise refuse(Code.INVALID_STATE, "The time until which this was to last has passed.", *path)


async def _do(context: Context, ask: Callable[[Change], Awaitable[Asked]]) -> BulkAnswer:
    async def work(change: Change) -> BulkAnswer:
        asked = await ask(change)
        terms, named = asked.terms, asked.named
        run = Run(context, change, terms, uuid7(change.at), asked.origin_id)
        if asked.action.waits and terms.error_policy is BulkErrorPolicy.ATOMIC:
            words = "ATOMIC is done in one piece, and cannot wait for single contacts."
            raise refuse(Code.INVALID, words, "input", "onActiveContact")
        later = terms.execute_at is not None and not terms.dry_run
        if later or len(named.keys) > context.limits.max_inline_targets:
            return await enqueue(run, asked.action, named)
        async with change.trial() if terms.dry_run else nullcontext():
            items, done = await carry_out(run, asked.action, named)
        answer = await write_operation(
            context,
            change,
            run.operation_id,
            asked.action.kind,
            items,
            terms,
            asked.action.kept(),
            actions=done.actions,
            news=done.news,
            origin_id=asked.origin_id,
            named_by=named.named_by,
            shortages=[shortage.kept() for shortage in done.shortages],
            carried=Carried().after(done).kept(),
        )
        if not terms.dry_run:
            await change.kept.seats.move(done.seats, at=change.at)
        return answer

    answer = await context.changing(work, OPERATIONS)
    if answer.operation is not None and answer.operation.status in UNFINISHED:
        context.bell.ring()
    return answer


async def _finished(change: Change, operation_id: UUID) -> BulkOperation:
    """Lock an operation that has ended, so that nobody else takes it back meanwhile."""
    operation = await change.kept.operations.lock(operation_id)
    if operation is None:
        raise refuse(Code.NOT_FOUND, "There is no such bulk operation.", *_ID)
    if operation.status in UNFINISHED:
        raise refuse(Code.INVALID_STATE, "The operation goes on: wait for its end, or cancel it.", *_ID)
    return operation


def _require(context: Context, action: Action) -> None:
    if context.known.scope(action.permission) is None:
        raise refuse(Code.FORBIDDEN, f"This needs the permission {action.permission.name}.", *_ID)


async def _left(change: Change, operation: BulkOperation) -> UserTarget:
    """The people whom an operation did not change, by their ids, where there is somebody now."""
    duplicate = Code.DUPLICATE_IN_REQUEST.value
    outcomes = (BulkItemOutcome.FAILED, BulkItemOutcome.SKIPPED)
    items = [
        item
        for item in await change.kept.operations.items_of(operation.id, *outcomes)
        if not any(error["code"] == duplicate for error in item.errors)
    ]
    found: Mapping[str, tuple[UUID, int]] = {}
    if operation.named_by not in (None, "ids"):
        compared = {item.key: mail_key(item.key) if operation.named_by == "emails" else item.key for item in items}
        nameless = {compared[item.key] for item in items if item.user_id is None}
        by_key = await change.kept.standing.versions(operation.named_by, nameless) if nameless else {}
        found = {given: by_key[key] for given, key in compared.items() if key in by_key}
    keys = [item.user_id or found.get(item.key, (None,))[0] for item in items]
    nobody = [Problem(Code.NOT_FOUND, "There is nobody with this key.")]
    refused = {index: nobody for index, key in enumerate(keys) if key is None}
    return UserTarget("ids", [item.key for item in items], keys, refused=refused)


async def _planned(change: Change, action: Action, target: PlanTarget, terms: Terms) -> Asked:
    """The action, terms and people of a dry run of the same mutation (rule M8).

    Raises:
        Refused: There is no such dry run, or a term is written out that differs from the plan's.
    """
    plan = (await change.kept.operations.by_id([target.operation_id])).get(target.operation_id)
    if plan is None or not plan.dry_run:
        raise refuse(Code.NOT_FOUND, "There is no dry run with this id.", *PLAN_ID)
    if plan.kind is not action.kind:
        raise refuse(Code.INVALID, "This is a dry run of another mutation.", *PLAN_ID)
    if plan.status not in (BulkOperationStatus.COMPLETED, BulkOperationStatus.COMPLETED_WITH_ERRORS):
        raise refuse(Code.INVALID_STATE, "The dry run has not handled every item.", *PLAN_ID)
    if plan.items_forgotten:
        raise refuse(Code.INVALID_STATE, "The items of the dry run are forgotten. Make a new one.", *PLAN_ID)
    _still_to_last(plan, change.at, *PLAN_ID)
    planned = action.of(plan.terms)
    name = action.written_otherwise(planned) or _term_written_otherwise(terms, plan)
    if name is not None:
        raise refuse(Code.INVALID, "The plan says otherwise. Leave this out, or make a new plan.", "input", name)
    items = await change.kept.operations.items_of(plan.id)
    named = UserTarget(
        named_by="ids",
        given=[item.key for item in items],
        keys=[item.user_id for item in items],
        versions={
            item.user_id: item.user_version
            for item in items
            if item.user_id is not None and item.user_version is not None
        },
        refused={item.index: errors_of(item) for item in items if item.user_id is None},
    )
    on = replace(
        terms,
        error_policy=plan.error_policy,
        reason=plan.reason,
        note=plan.note,
        execute_at=plan.execute_at,
        until=plan.until,
    )
    return Asked(planned, on, named)


def _term_written_otherwise(terms: Terms, plan: BulkOperation) -> str | None:
    unwritten: dict[str, Any] = {
        "error_policy": Terms().error_policy,
        "reason": StateChangeReason.UNKNOWN,
        "note": None,
        "execute_at": None,
        "until": None,
    }
    for name, default in unwritten.items():
        ours = getattr(terms, name)
        if ours not in (None, default) and ours != getattr(plan, name):
            return camel(name)
    return None
