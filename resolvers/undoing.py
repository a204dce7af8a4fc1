"""Taking back what an operation did: each person as they were before, unless somebody changed them since (E10, Z5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from uuid import UUID

from models.audit import AuditAction
from models.operation import ActiveContactPolicy, BulkOperation, BulkOperationKind, UserEffectKind
from models.user import UserStatus
from resolvers.acting import Action, Done, Run
from resolvers.assessing import (
    UNCHANGED,
    Verdict,
    assess_deactivation,
    assess_force_offline,
    assess_reactivation,
    assess_resume,
)
from resolvers.bulk import Effect, Item
from resolvers.caller import Caller
from resolvers.deltas import Delta
from resolvers.lifecycle import (
    Deactivate,
    ForceOffline,
    Reactivate,
    ResumeOnline,
    close,
    find_seats,
    keep_an_administrator,
    lift_blocks,
    open_again,
    set_blocks,
)
from resolvers.membership import AssignQueues, AssignSkillGroups, AssignTeams, give_back, take
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem
from resolvers.targets import Person

# What it amounts to when an operation is taken back: with the permission and the guards of that.
_INVERSE: Mapping[BulkOperationKind, type[Action]] = {
    BulkOperationKind.DEACTIVATE: Reactivate,
    BulkOperationKind.REACTIVATE: Deactivate,
    BulkOperationKind.FORCE_OFFLINE: ResumeOnline,
    BulkOperationKind.RESUME_ONLINE: ForceOffline,
    BulkOperationKind.ASSIGN_TEAMS: AssignTeams,
    BulkOperationKind.ASSIGN_QUEUES: AssignQueues,
    BulkOperationKind.ASSIGN_SKILL_GROUPS: AssignSkillGroups,
}
_AT_ONCE = ActiveContactPolicy.END_NOW


@dataclass
class Undo(Action):
    """Take back what another operation did to people.

    Attributes:
        origin_id: The other operation.
        does: What it amounts to, for those whose state, block or assignments come back.
    """

    kind: ClassVar[BulkOperationKind] = BulkOperationKind.UNDO

    origin_id: UUID
    does: BulkOperationKind

    left: dict[UUID, tuple[int, Delta]] = field(default_factory=dict, init=False)
    names: Mapping[UUID, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.permission = _BY_KIND[self.does].permission
        self.administrators = _BY_KIND[self.does].administrators
        self.takes_agents = _BY_KIND[self.does].takes_agents
        self.takes_all = _BY_KIND[self.does].takes_all

    def kept(self) -> dict[str, Any]:
        return {"origin": self.origin_id.hex, "does": self.does.name}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        return cls(UUID(hex=kept["origin"]), BulkOperationKind[kept["does"]])

    async def load(self, run: Run, people: Collection[Person]) -> None:
        rows = await run.change.kept.operations.items_of_people(self.origin_id, [person.id for person in people])
        self.left = {row.user_id: (row.user_version, Delta.of(row.delta)) for row in rows if row.delta is not None}

    def assess(self, person: Person, caller: Caller) -> Verdict:
        if person.id not in self.left:
            return UNCHANGED  # nothing of it can be taken back
        version, delta = self.left[person.id]
        if version != person.version:
            return Problem(Code.VERSION_CONFLICT, f"{person.label} was changed since, and is left alone.")
        match self.does:
            case BulkOperationKind.REACTIVATE:
                return assess_reactivation(person, caller)
            case BulkOperationKind.DEACTIVATE:
                return assess_deactivation(person, caller, _AT_ONCE)
            case BulkOperationKind.RESUME_ONLINE:
                return assess_resume(person, caller)
            case BulkOperationKind.FORCE_OFFLINE:
                return assess_force_offline(person, caller, _AT_ONCE)
        if delta.taken and person.status is not UserStatus.ACTIVE:
            return Problem(Code.INVALID_STATE, f"{person.label} is deactivated: reactivate first.")
        return None

    async def guard(self, run: Run, items: Sequence[Item]) -> None:
        if self.administrators:
            await keep_an_administrator(run, items)
        if self.does is BulkOperationKind.REACTIVATE:
            self.names = await find_seats(run, items)

    async def apply(self, run: Run, passing: dict[UUID, Item]) -> Done:
        standing = run.change.kept.standing
        deltas = {user_id: self.left[user_id][1] for user_id in passing}
        match self.does:
            case BulkOperationKind.REACTIVATE:
                done = await open_again(run, passing, self.names)
                await give_back(run, passing, {user_id: delta.taken for user_id, delta in deltas.items()})
                return done
            case BulkOperationKind.DEACTIVATE:
                return await close(run, passing, standing.mark_deactivated_again)
            case BulkOperationKind.FORCE_OFFLINE:
                blocks = {user_id: delta.block or {} for user_id, delta in deltas.items()}
                return await set_blocks(run, passing, blocks)
            case BulkOperationKind.RESUME_ONLINE:
                return await self._lift(run, passing, deltas)
        return await self._reassign(run, passing, deltas)

    async def _lift(self, run: Run, passing: dict[UUID, Item], deltas: Mapping[UUID, Delta]) -> Done:
        """Lift blocks; one that took the place of another gives it back."""
        older = {user_id: delta.block for user_id, delta in deltas.items() if delta.block}
        done = await lift_blocks(run, passing)
        await run.change.kept.standing.block([{"user_id": user_id, **block} for user_id, block in older.items()])
        for user_id in older:
            passing[user_id].effects.append(Effect(UserEffectKind.SIGN_IN_BLOCKED, "the older sign-in block is back"))
            done.actions[user_id] = (AuditAction.FORCED_OFFLINE, done.actions[user_id][1])
        return done

    async def _reassign(self, run: Run, passing: dict[UUID, Item], deltas: Mapping[UUID, Delta]) -> Done:
        what = _WHAT[self.does]
        pairs = [(user, thing) for user, delta in deltas.items() for thing in delta.added.get(what.field, ())]
        if pairs:
            (await take(run, passing, what, pairs=pairs))()
        await give_back(run, passing, {user_id: delta.taken for user_id, delta in deltas.items()})
        versions = await run.change.kept.standing.touch(passing, at=run.change.at)
        return Done(
            {
                user_id: (AuditAction.ASSIGNED if passing[user_id].delta.added else AuditAction.UNASSIGNED, version)
                for user_id, version in versions.items()
            }
        )


_BY_KIND: Mapping[BulkOperationKind, type[Action]] = {action.kind: action for action in _INVERSE.values()}
_WHAT = {action.kind: action.what for action in (AssignTeams, AssignQueues, AssignSkillGroups)}


def undo_of(operation: BulkOperation) -> Undo | None:
    """What takes an operation back; None where nothing does: a new account, a sign-out."""
    kind = operation.kind
    if kind is BulkOperationKind.UNDO:
        kind = Undo.of(operation.terms).does
    return Undo(operation.id, _INVERSE[kind].kind) if kind in _INVERSE else None
