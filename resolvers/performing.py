"""Doing one thing to many people: assessed together, then done, or only shown (rules M2 to M8)."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

from models.operation import UNFINISHED, BulkOperation, BulkOperationStatus, StateChangeReason
from models.storage import uuid7
from resolvers.acting import PLAN_ID, Action, Run, camel, carry_out
from resolvers.bulk import OPERATIONS, BulkAnswer, Terms, write_operation
from resolvers.context import Change, Context
from resolvers.operations import errors_of
from resolvers.queued import enqueue
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse
from resolvers.targets import PlanTarget, Target, UserTarget, resolved


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

    async def work(change: Change) -> BulkAnswer:
        asked, on, named = replace(action), terms, None  # type: ignore[type-var]
        if isinstance(target, PlanTarget):
            asked, on, named = await _planned(change, action, target, terms)
        else:
            named = await resolved(change, target, context.limits)
        run = Run(context, change, on, uuid7(change.at))
        if len(named.keys) > context.limits.max_inline_targets:
            return await enqueue(run, asked, named)
        async with change.trial() if on.dry_run else nullcontext():
            items, done = await carry_out(run, asked, named)
        answer = await write_operation(
            context,
            change,
            run.operation_id,
            asked.kind,
            items,
            on,
            asked.kept(),
            actions=done.actions,
            news=done.news,
        )
        if not on.dry_run:
            await change.kept.seats.move(done.seats, at=change.at)
        return answer

    answer = await context.changing(work, OPERATIONS)
    if answer.operation is not None and answer.operation.status in UNFINISHED:
        context.bell.ring()
    return answer


async def _planned(
    change: Change, action: Action, target: PlanTarget, terms: Terms
) -> tuple[Action, Terms, UserTarget]:
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
    on = replace(terms, error_policy=plan.error_policy, reason=plan.reason, note=plan.note)
    return planned, on, named


def _term_written_otherwise(terms: Terms, plan: BulkOperation) -> str | None:
    unwritten = {"error_policy": Terms().error_policy, "reason": StateChangeReason.UNKNOWN, "note": None}
    for name, default in unwritten.items():
        ours = getattr(terms, name)
        if ours not in (None, default) and ours != getattr(plan, name):
            return camel(name)
    return None
