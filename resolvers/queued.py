"""Bulk operations that go on after the answer: kept with their people, and done in batches by a worker (M2, Z4).

A batch is one transaction. It locks the operation first, so that nobody else works on it, and holds what it did to
people, to their items and to the totals: a worker that is killed leaves nothing behind but a batch that is still to
be done. The lock is the lease; it ends with the connection of whoever holds it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from models.operation import (
    UNFINISHED,
    BulkErrorPolicy,
    BulkItemOutcome,
    BulkOperation,
    BulkOperationKind,
    BulkOperationStatus,
)
from models.storage import uuids7
from repositories.engine import Database, DatabaseUnavailable
from repositories.kept import Kept
from repositories.operations import any_waiting, next_waiting
from repositories.sight import EVERYTHING
from resolvers.acting import Action, Carried, Done, Run, carry_out, moved, refuse_stale
from resolvers.authentication import caller_now
from resolvers.bulk import (
    HANDLED,
    BulkAnswer,
    Item,
    Terms,
    answer_of,
    item_row,
    operation_row,
    progress_of,
    reverting,
    said,
    settle,
    telling,
    totals_of,
)
from resolvers.context import Change, Context, utc_now
from resolvers.coverage import Guarded
from resolvers.lifecycle import Deactivate, ForceOffline, Reactivate, ResumeOnline, SignOut
from resolvers.membership import AssignQueues, AssignSkillGroups, AssignTeams
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import NotAuthenticated, NotPermitted, Problem, Refused, refuse
from resolvers.targets import UserTarget
from resolvers.undoing import Undo

KEYS_AT_ONCE = 1_000
BATCH = 6_000

ACTIONS: Mapping[BulkOperationKind, type[Action]] = {
    action.kind: action
    for action in (
        Deactivate,
        Reactivate,
        ForceOffline,
        ResumeOnline,
        SignOut,
        AssignTeams,
        AssignQueues,
        AssignSkillGroups,
        Undo,
    )
}

log = structlog.get_logger(__name__)


async def enqueue(run: Run, action: Action, named: UserTarget) -> BulkAnswer:
    """Keep an operation with its people for a worker, who assesses them when it comes to them.

    Raises:
        NotAuthenticated: The caller does not stand any more.
        Refused: It is to be done to all or nobody, or the terms name what cannot be had.
    """
    change, caller = run.change, run.caller
    limit = run.context.limits.max_inline_targets
    if run.terms.error_policy is BulkErrorPolicy.ATOMIC and len(named.keys) > limit:
        words = f"ATOMIC is for at most {limit:,} targets, which are handled before the answer."
        raise refuse(Code.INVALID, words, "input", "errorPolicy")
    if not await change.kept.standing.caller_stands(caller.kind, caller.id, caller.session_id, change.at):
        raise NotAuthenticated("Your session or key has ended.")
    await action.load(run, ())
    row = operation_row(run.context, change, run.operation_id, action.kind, run.terms, action.kept())
    row |= {"total": len(named.keys), "origin_id": run.origin_id, "named_by": named.named_by}
    if run.terms.execute_at is not None:
        row["status"] = BulkOperationStatus.SCHEDULED
    await change.kept.operations.add(row)
    whole = run.terms.error_policy is BulkErrorPolicy.ATOMIC
    totals = totals_of(())
    shown: list[Mapping[str, Any]] = []
    stale = 0
    async for items, moved_here in _waiting(change, named, len(named.keys) if whole else KEYS_AT_ONCE):
        stale += moved_here
        if whole:
            settle(items, run.terms.error_policy)
        rows = [item_row(item, run.operation_id, change, {}) for item in items]
        await change.kept.operations.putting(rows)()
        totals = {name: totals[name] + count for name, count in totals_of(items).items()}
        shown += [each for each in rows if each["outcome"] is BulkItemOutcome.FAILED]
    refuse_stale(stale)
    row |= totals
    # Where there is nobody to do something to, it is over at once, whenever it was to begin.
    over = sum(totals[name] for name in HANDLED) == row["total"]
    if over or any(totals.values()):
        values = totals | (progress_of(row, run.context.now()) if over else {})
        row |= values
        await change.kept.operations.update(run.operation_id, values)
    return answer_of(row, shown)


async def _waiting(change: Change, named: UserTarget, size: int) -> AsyncIterator[tuple[list[Item], int]]:
    """An item for each key, with its person if there is one: whom a key names is settled now (rule M7).

    With them, how many of them changed since the plan that is executed.

    Args:
        size: How many at once; others are served in between.
    """
    seen: set[Any] = set()
    for start in range(0, len(named.keys), size):
        keys = named.keys[start : start + size]
        found: Mapping[Any, tuple[UUID, int | None]] = {key: (key, None) for key in keys} if named.found else {}
        if not named.found:
            found = await change.kept.standing.versions(named.named_by, {key for key in keys if key is not None})
        planned = {key: named.versions[key] for key in keys if key in named.versions}
        stale = moved(planned, {key: version for key, (_, version) in found.items()})
        items = []
        for index, (id, key) in enumerate(zip(uuids7(change.at, len(keys)), keys, strict=True), start):
            item = Item(index, named.given[index], id=id, outcome=BulkItemOutcome.PENDING)
            items.append(item)
            for problem in named.refused.get(index, ()):
                item.fail(problem)
            if key is None:
                continue
            if key in seen:
                item.fail(Problem(Code.DUPLICATE_IN_REQUEST, "An earlier item names the same user."))
                continue
            seen.add(key)
            if key in found:
                item.user_id = found[key][0]
                item.expected = named.versions.get(key)
        yield items, stale


async def work_on_next(database: Database, *, now: Callable[[], datetime] = utc_now) -> bool:
    """Do one batch of one operation, of that which has got least far; whether there was one.

    An operation that a fault of ours stops is FAILED; what it has not come to is SKIPPED and can be tried again.

    Raises:
        DatabaseUnavailable: The database is gone; the batch is as if it had not begun.
    """
    async with database.reading() as connection:
        if not await any_waiting(connection, now()):
            return False
    begun: list[BulkOperation] = []

    async def work(connection: AsyncConnection) -> bool:
        begun.clear()
        operation = await next_waiting(connection, now())
        if operation is None:
            return False
        begun.append(operation)
        await _batch(database, connection, operation, now)
        return True

    try:
        return await database.change(work)
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if not begun:
            raise
        log.error("an operation failed", operation=str(begun[0].id), exc_info=error)
        await database.change(lambda connection: _give_up(connection, begun[0], now))
        return True


async def _batch(
    database: Database, connection: AsyncConnection, operation: BulkOperation, now: Callable[[], datetime]
) -> None:
    action = ACTIONS[operation.kind].of(operation.terms)
    caller = await caller_now(connection, operation.organization_id, operation.actor_kind, operation.actor_id, now())
    if caller is None or caller.scope(action.permission) is None:
        kept = Kept(connection, operation.organization_id, EVERYTHING)
        words = "Whoever asked for it may not do this any more."
        await _stop(kept, operation, BulkOperationStatus.FAILED, Problem(Code.FORBIDDEN, words), now())
        return
    if operation.until is not None and operation.until <= now() and not operation.dry_run:
        # What is for a time only does not begin after it, nor keep others out of service for who is waited for.
        kept = Kept(connection, operation.organization_id, EVERYTHING)
        await _stop(kept, operation, BulkOperationStatus.COMPLETED_WITH_ERRORS, None, now())
        return
    context = Context(database, caller, request_id=operation.request_id, now=now)
    change = Change(Kept(connection, operation.organization_id, caller.sight), now())
    terms = Terms(operation.error_policy, operation.reason, operation.note, operation.dry_run)
    before = Carried.of(operation.carried)
    run = Run(
        context,
        change,
        terms,
        operation.id,
        queued=True,
        carried=before if operation.dry_run else Carried(),
        short=frozenset() if operation.dry_run else frozenset(before.gone),
    )
    whole = operation.error_policy is BulkErrorPolicy.ATOMIC
    size = operation.total if whole else BATCH
    rows = await change.kept.operations.pending(operation.id, size, after_contact=operation.after_contact)
    named = UserTarget("ids", [row.key for row in rows], [row.user_id for row in rows], kept=rows)
    try:
        async with change.trial() if operation.dry_run else nullcontext():
            items, done = await carry_out(run, action, named)
            versions = {} if operation.dry_run else {user_id: version for user_id, (_, version) in done.actions.items()}
            # All of it is made ready while the database closes the accounts (`Change.begin`).
            writes = [
                change.kept.operations.putting([item_row(item, operation.id, change, versions) for item in items])
            ]
            if not operation.dry_run:
                writes.append(telling(context, change, operation.id, items, terms, done.actions, done.news))
    except (Refused, NotAuthenticated) as refusal:
        problem = refusal.problems[0] if isinstance(refusal, Refused) else Problem(Code.FORBIDDEN, refusal.message)
        await _stop(change.kept, operation, BulkOperationStatus.FAILED, problem, now())
        return
    finally:
        await change.settled()
    for write in writes:
        await write()
    await _keep(run, operation, items, done)


async def _keep(run: Run, operation: BulkOperation, items: Sequence[Item], done: Done) -> None:
    """Keep how far an operation is after a batch, and move the seats."""
    change = run.change
    totals = {name: getattr(operation, name) + count for name, count in totals_of(items).items()}
    values: dict[str, Any] = {
        **totals,
        "started_at": operation.started_at or change.at,
    }
    carried = Carried.of(operation.carried).after(done)
    values["carried"] = carried.kept()
    row = {"total": operation.total, "until": operation.until, "dry_run": operation.dry_run, **totals}
    values |= progress_of(row, run.context.now())
    if "finished_at" in values:
        values["shortages"] = await _shortages(change.kept, carried.gone, dry_run=operation.dry_run)
    await change.kept.operations.update(operation.id, values)
    if not operation.dry_run:
        await change.kept.seats.move(done.seats, at=change.at)


async def _shortages(kept: Kept, gone: Mapping[UUID, int], *, dry_run: bool) -> list[dict[str, Any]]:
    """The queues that an operation in batches left with too few agents, as they are kept.

    Args:
        gone: How many left each queue with a minimum, over all batches.
    """
    if not gone:
        return []
    guarded = Guarded.among(await kept.queues.minimums(gone), gone if dry_run else {})
    agents = await kept.queues.agent_counts(gone)
    found = [guarded.shortage(queue, agents.get(queue, 0)) for queue in guarded.queues]
    return [shortage.kept() for shortage in found if shortage is not None]


def require_any(context: Context) -> None:
    """Turn away who can do nothing to people, and hence has nothing to do with what was done to them.

    Raises:
        NotPermitted: Not one permission to change people is held.
    """
    actions = (action for kind, action in ACTIONS.items() if kind is not BulkOperationKind.UNDO)
    if not any(context.known.scope(action.permission) for action in actions):
        raise NotPermitted("This needs a permission to do something to users.")


async def cancel(context: Context, operation_id: UUID) -> BulkOperation | None:
    """See to it that an operation does nothing more; repeating that changes nothing.

    What it has not come to is SKIPPED. What it has handled stays, and is not taken back at its `until`: were that to
    hang on whether the operation has just ended, a call sent again after a lost answer would not be the same call.

    Returns:
        The operation after it; None when there is none or the caller does not see it.

    Raises:
        NotPermitted: The caller may do nothing to anybody.
        Refused: INVALID_STATE, it has ended already; FORBIDDEN, the caller may not do what it does.
    """
    require_any(context)

    async def work(change: Change) -> BulkOperation | None:
        operation = await change.kept.operations.lock(operation_id)
        if operation is None:
            return None
        if context.known.scope(ACTIONS[operation.kind].of(operation.terms).permission) is None:
            raise refuse(Code.FORBIDDEN, "You may not do what this operation does.", "input", "id")
        if operation.status is BulkOperationStatus.CANCELED and operation.reverts_at is None:
            return operation
        if operation.status not in UNFINISHED and operation.reverts_at is None:
            if _until(operation) is not None and not await change.kept.operations.taken_back([operation.id]):
                return operation
            raise refuse(Code.INVALID_STATE, "The operation has ended.", "input", "id")
        if operation.status in UNFINISHED:
            await _stop(change.kept, operation, BulkOperationStatus.CANCELED, None, context.now())
        else:
            await change.kept.operations.update(operation.id, {"reverts_at": None})
        return await change.kept.operations.lock(operation_id)

    return await context.changing(work)


async def _give_up(connection: AsyncConnection, operation: BulkOperation, now: Callable[[], datetime]) -> None:
    kept = Kept(connection, operation.organization_id, EVERYTHING)
    locked = await kept.operations.lock(operation.id)
    if locked is not None and locked.status in UNFINISHED:
        words = "A fault here stopped it. What it did stays; the rest can be tried again."
        await _stop(kept, locked, BulkOperationStatus.FAILED, Problem(Code.INVALID_STATE, words), now())


async def _stop(
    kept: Kept, operation: BulkOperation, status: BulkOperationStatus, failure: Problem | None, at: datetime
) -> None:
    skipped = await kept.operations.skip_pending(operation.id)
    await kept.operations.update(
        operation.id,
        {
            "status": status,
            "failure": None if failure is None else said(failure),
            "skipped": operation.skipped + skipped,
            "finished_at": at,
            "shortages": await _shortages(kept, Carried.of(operation.carried).gone, dry_run=operation.dry_run),
            "reverts_at": None if status is BulkOperationStatus.CANCELED else _until(operation),
        },
    )


def _until(operation: BulkOperation) -> datetime | None:
    """When an operation that has ended is to be taken back, unless that was called off or done."""
    return reverting({name: getattr(operation, name) for name in ("until", "succeeded", "dry_run")})
