"""Giving queues to teams and skill groups, and taking them: who reaches which queue follows by itself (A10, A27)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from models.audit import AuditAction
from models.permission import Permission
from resolvers.assessing import AssignmentChange, difference
from resolvers.context import Change, Context
from resolvers.coverage import guarding
from resolvers.membership import QUEUES, check_things
from resolvers.recording import Fact, record
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Refused, Warning, refuse
from resolvers.structure import Kind, StructureAnswer, begin, check_version


async def assign_queues(context: Context, kind: Kind, key: UUID, assignment: AssignmentChange) -> StructureAnswer:
    """Change the queues of a team or skill group; what is as asked already changes nothing (requirement E4).

    Raises:
        NotPermitted: The caller may not change the structure.
    """
    context.require(Permission.STRUCTURE_WRITE)

    async def work(change: Change) -> StructureAnswer:
        await begin(context, change, kind, key, {})
        before = (await change.kept.structure.by_id(kind.model, [key])).get(key)
        try:
            check_version(kind, before)
            warnings: list[Warning] = []
            after = await _assign(context, change, kind, before, assignment, warnings)
            return StructureAnswer(thing=after, warnings=warnings)
        except Refused as refused:
            return StructureAnswer(refused.problems, before)

    return await context.changing(work)


async def _assign(
    context: Context, change: Change, kind: Kind, before: Any, assignment: AssignmentChange, warnings: list[Warning]
) -> Any:
    """The thing afterwards.

    Args:
        warnings: Where queues are told of that are left with too few agents.

    Raises:
        Refused: It or a queue is not in use, or a queue is unknown (requirement E14), or would be left with too few
            agents (requirement Z14); nothing was done.
    """
    kept = change.kept
    names = await check_things(kept.direct_queues, assignment, QUEUES)
    current = (await kept.assigned_queues.of(kind.model, [before.id])).get(before.id, {})
    added, taken = difference(current, assignment)
    if added and not before.active:
        raise refuse(Code.INVALID_STATE, f"{before.name} is not in use.", "input", "id")
    if not added and not taken:
        return before
    if taken:
        async with guarding(kept, taken, warnings, "input", "queues"):
            await kept.assigned_queues.take(kind.model, before.id, taken)
    await kept.assigned_queues.add(kind.model, before.id, added, at=change.at)
    after = await kept.structure.change(kind.model, before.id, {}, at=change.at)
    left = [name for each, name in current.items() if each not in taken] + [names[each] for each in added]
    told = ("queues", ", ".join(sorted(current.values())) or None, ", ".join(sorted(left)) or None)
    action = AuditAction.ASSIGNED if added else AuditAction.UNASSIGNED
    await record(context, change, [Fact(action, kind.type_name, before.id, before.name, after.version, [told])])
    return after
