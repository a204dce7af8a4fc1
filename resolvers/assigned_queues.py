"""Giving queues to teams and skill groups, and taking them: who reaches which queue follows by itself (A10, A27)."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import SQLModel

from models.audit import AuditAction
from models.permission import Permission
from resolvers.assessing import AssignmentChange, difference
from resolvers.context import Change, Context
from resolvers.membership import QUEUES, check_things
from resolvers.recording import Fact, record
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import NotAuthenticated, refuse
from resolvers.structure import StructureAnswer


async def assign_queues(
    context: Context, model: type[SQLModel], noun: str, key: UUID, assignment: AssignmentChange
) -> StructureAnswer:
    """Change the queues of a team or skill group; what is as asked already changes nothing (requirement E4).

    Args:
        noun: What such a thing is called in words for people.

    Raises:
        NotPermitted: The caller may not change the structure.
        Refused: There is no such thing, it or a queue is not in use, or a queue is unknown (requirement E14).
    """
    context.require(Permission.STRUCTURE_WRITE)

    async def work(change: Change) -> StructureAnswer:
        kept, caller = change.kept, context.known
        await kept.structure.lock()
        change.at = context.now()
        if not await kept.standing.caller_stands(caller.kind, caller.id, caller.session_id, change.at):
            raise NotAuthenticated("Your session or key has ended.")
        before = (await kept.structure.by_id(model, [key])).get(key)
        if before is None:
            raise refuse(Code.NOT_FOUND, f"There is no {noun} with this id.", "input", "id")
        names = await check_things(kept.direct_queues, assignment, QUEUES)
        current = (await kept.assigned_queues.of(model, [key])).get(key, {})
        added, taken = difference(current, assignment)
        if added and not before.active:
            raise refuse(Code.INVALID_STATE, f"{before.name} is not in use.", "input", "id")
        if not added and not taken:
            return StructureAnswer(thing=before)
        if taken:
            await kept.assigned_queues.take(model, key, taken)
        await kept.assigned_queues.add(model, key, added, at=change.at)
        after = await kept.structure.change(model, key, {}, at=change.at)
        left = [name for each, name in current.items() if each not in taken] + [names[each] for each in added]
        told = ("queues", ", ".join(sorted(current.values())) or None, ", ".join(sorted(left)) or None)
        action = AuditAction.ASSIGNED if added else AuditAction.UNASSIGNED
        await record(context, change, [Fact(action, model.__name__, key, before.name, after.version, [told])])
        return StructureAnswer(thing=after)

    return await context.changing(work)
