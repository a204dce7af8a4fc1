"""Giving people teams, direct queues and skill groups, and taking them: each mutation assigns anybody (C4, C17)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from models.audit import AuditAction
from models.operation import BulkOperationKind, UserEffectKind
from models.permission import Permission
from repositories.assignments import AssignmentRepository
from repositories.kept import Kept
from resolvers.acting import Action, Done, Run
from resolvers.assessing import AssignmentChange, Verdict, assess_assignment
from resolvers.bulk import Effect, Item
from resolvers.caller import Caller
from resolvers.context import Change
from resolvers.deltas import Links
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import MutationWarningCode, Problem, Refused, Warning
from resolvers.targets import Person

Plan = dict[UUID, tuple[list[UUID], set[UUID]]]


@dataclass(frozen=True, slots=True)
class Assigned:
    """What people are given and lose.

    Attributes:
        type_name: Name of the type in the schema.
        field: Name of the list, in inputs and in audit events.
        word: What one is called.
    """

    type_name: str
    field: str
    word: str
    repository: Callable[[Kept], AssignmentRepository]


TEAMS = Assigned("Team", "teams", "team", lambda kept: kept.memberships)
QUEUES = Assigned("Queue", "queues", "queue", lambda kept: kept.direct_queues)
SKILL_GROUPS = Assigned("SkillGroup", "skillGroups", "skill group", lambda kept: kept.skills)


@dataclass
class Assign(Action):
    """Change the teams, direct queues or skill groups of people (requirements A9, B10, C4, C17, E14)."""

    permission = Permission.USERS_ASSIGN
    takes_agents = True
    what: ClassVar[Assigned]

    assignment: AssignmentChange

    names: Mapping[UUID, str] = field(default_factory=dict, init=False)
    current: Mapping[UUID, Mapping[UUID, str]] = field(default_factory=dict, init=False)
    plan: Plan = field(default_factory=dict, init=False)

    def kept(self) -> dict[str, Any]:
        return {self.assignment.way: [each.hex for each in self.assignment.ids]}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        [(way, ids)] = kept.items()
        return cls(AssignmentChange(way, tuple(UUID(hex=each) for each in ids)))

    def written_otherwise(self, planned: Self) -> str | None:
        return None if self.assignment == planned.assignment else self.what.field

    async def load(self, run: Run, people: Collection[Person]) -> None:
        assigned = self.what.repository(run.change.kept)
        self.names = await check_things(assigned, self.assignment, self.what)
        self.current = await assigned.of_users([person.id for person in people])

    def assess(self, person: Person, caller: Caller) -> Verdict:
        verdict = assess_assignment(person, self.current.get(person.id, {}), self.assignment)
        if isinstance(verdict, tuple):
            self.plan[person.id] = verdict
            return None
        return verdict

    async def apply(self, run: Run, passing: dict[UUID, Item]) -> Done:
        change = run.change
        await _apply(change, self.what.repository(change.kept), passing, self.plan, self.assignment, self.what)
        versions = await change.kept.standing.touch(passing, at=change.at)
        for user_id in versions:
            _tell(passing[user_id], self.plan[user_id], self.current.get(user_id, {}), self.names, self.what)
        return Done({user_id: (_action(self.plan[user_id]), version) for user_id, version in versions.items()})


class AssignTeams(Assign):
    """Change the teams of people."""

    kind, what = BulkOperationKind.ASSIGN_TEAMS, TEAMS


class AssignQueues(Assign):
    """Change the directly assigned queues of people; what they reach through teams stays."""

    kind, what = BulkOperationKind.ASSIGN_QUEUES, QUEUES


class AssignSkillGroups(Assign):
    """Change the skill groups of people."""

    kind, what = BulkOperationKind.ASSIGN_SKILL_GROUPS, SKILL_GROUPS


async def check_things(
    assigned: AssignmentRepository, assignment: AssignmentChange, what: Assigned
) -> Mapping[UUID, str]:
    """Names of the things of an assignment.

    Raises:
        Refused: NOT_FOUND for an unknown one; INVALID_STATE for one that is not in use, unless it is to be left.
    """
    known = await assigned.named(assignment.ids)
    problems = []
    for index, each in enumerate(assignment.ids):
        path = ("input", what.field, assignment.way, str(index))
        if each not in known:
            problems.append(Problem(Code.NOT_FOUND, f"There is no such {what.word}.", path))
        elif not known[each][1] and assignment.way != "remove":
            problems.append(Problem(Code.INVALID_STATE, f"{known[each][0]} is not in use.", path))
    if problems:
        raise Refused(*problems)
    return {key: name for key, (name, _) in known.items()}


async def take(run: Run, passing: Mapping[UUID, Item], what: Assigned, **which: Any) -> Callable[[], None]:
    """Take things from people, all unless told which.

    Args:
        which: As `AssignmentRepository.take` wants it.

    Returns:
        What adds to the items of those who left something what that was.
    """
    assigned = what.repository(run.change.kept)
    taken = await assigned.take(passing, **which)
    names = await assigned.named({thing for _, thing, _ in taken}) if taken else {}

    def tell() -> None:
        effects = {
            thing: Effect(UserEffectKind.UNASSIGNED, f"left {what.word} {name}", (what.type_name, thing), name)
            for thing, (name, _) in names.items()
        }
        left: dict[UUID, dict[UUID, datetime]] = {}
        for user_id, thing, at in taken:
            passing[user_id].effects.append(effects[thing])
            if user_id in left:
                left[user_id][thing] = at
            else:
                left[user_id] = {thing: at}
        for user_id, things in left.items():
            item = passing[user_id]
            item.delta.taken[what.field] = things
            item.changes.append((what.field, _listed(names[thing][0] for thing in things), None))

    return tell


async def give_back(run: Run, passing: Mapping[UUID, Item], wanted: Mapping[UUID, Links]) -> None:
    """Give people again what they had before, since when they had it; what cannot be had is a warning on the item.

    Args:
        wanted: Of each person, who has nothing of it by now.
    """
    for what in (TEAMS, QUEUES, SKILL_GROUPS):
        things = {thing for links in wanted.values() for thing in links.get(what.field, ())}
        if not things:
            continue
        assigned = what.repository(run.change.kept)
        known = await assigned.named(things)
        rows = []
        for user_id, links in wanted.items():
            item, names = passing[user_id], []
            assert item.person is not None
            for thing, at in links.get(what.field, {}).items():
                problem = _lost(item.person, known.get(thing), what)
                if problem is not None:
                    item.warnings.append(Warning(MutationWarningCode.NOT_RESTORED, problem))
                    continue
                name = known[thing][0]
                names.append(name)
                rows.append((user_id, thing, at))
                words = f"joined {what.word} {name} again"
                item.effects.append(Effect(UserEffectKind.ASSIGNED, words, (what.type_name, thing), name))
                item.delta.added.setdefault(what.field, {})[thing] = at
            if names:
                item.changes.append((what.field, None, _listed(names)))
        await assigned.give_back(rows)


def _lost(person: Person, known: tuple[str, bool] | None, what: Assigned) -> str | None:
    """Why somebody does not get a thing back."""
    if known is None:
        return f"A {what.word} of {person.label} is gone."
    if not known[1]:
        return f"The {what.word} {known[0]} is not in use."
    if not person.contact_center_enabled:
        return f"{person.label} is not enabled for the contact center, and did not get the {what.word} {known[0]} back."
    return None


async def _apply(
    change: Change,
    assigned: AssignmentRepository,
    passing: Mapping[UUID, Item],
    plan: Plan,
    assignment: AssignmentChange,
    what: Assigned,
) -> None:
    losing = [user_id for user_id in passing if plan[user_id][1]]
    taken: Sequence[Any] = ()
    if losing and assignment.way == "remove":
        taken = await assigned.take(losing, only=assignment.ids)
    elif losing:
        taken = await assigned.take(losing, keep=assignment.ids)
    for row in taken:
        passing[row.user_id].delta.taken.setdefault(what.field, {})[row.thing_id] = row.assigned_at
    for user_id, item in passing.items():
        if plan[user_id][0]:
            item.delta.added[what.field] = dict.fromkeys(plan[user_id][0], change.at)
    await assigned.add([(user_id, each) for user_id in passing for each in plan[user_id][0]], at=change.at)


def _tell(
    item: Item,
    plan: tuple[list[UUID], set[UUID]],
    before: Mapping[UUID, str],
    names: Mapping[UUID, str],
    what: Assigned,
) -> None:
    added, taken = plan
    for each in added:
        words = f"joined {what.word} {names[each]}"
        item.effects.append(Effect(UserEffectKind.ASSIGNED, words, (what.type_name, each), names[each]))
    for each, name in before.items():
        if each in taken:
            words = f"left {what.word} {name}"
            item.effects.append(Effect(UserEffectKind.UNASSIGNED, words, (what.type_name, each), name))
    after = [name for each, name in before.items() if each not in taken] + [names[each] for each in added]
    item.changes.append((what.field, _listed(before.values()), _listed(after)))


def _listed(names: Iterable[str]) -> str | None:
    return ", ".join(sorted(names)) or None


def _action(plan: tuple[list[UUID], set[UUID]]) -> AuditAction:
    return AuditAction.ASSIGNED if plan[0] else AuditAction.UNASSIGNED
