"""Giving people teams, direct queues and skill groups, and taking them: each mutation assigns anybody (C4, C17)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from models.audit import AuditAction
from models.operation import BulkOperationKind, UserEffectKind
from models.permission import Permission
from models.storage import uuid7
from repositories.assignments import AssignmentRepository
from repositories.kept import Kept
from resolvers.assessing import AssignmentChange, Verdict, assess_assignment
from resolvers.bulk import BulkAnswer, Effect, Item, Terms, items_of, people_of, settle, write_operation
from resolvers.context import Change, Context
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem, Refused
from resolvers.targets import Person, UserTarget, lock_people

Plan = dict[UUID, tuple[list[UUID], set[UUID]]]


@dataclass(frozen=True, slots=True)
class Assigned:
    """What people are given and lose.

    Attributes:
        type_name: Name of the type in the schema.
        field: Name of the list, in inputs and in audit events.
        word: What one is called.
    """

    kind: BulkOperationKind
    type_name: str
    field: str
    word: str
    repository: Callable[[Kept], AssignmentRepository]


TEAMS = Assigned(BulkOperationKind.ASSIGN_TEAMS, "Team", "teams", "team", lambda kept: kept.memberships)
QUEUES = Assigned(BulkOperationKind.ASSIGN_QUEUES, "Queue", "queues", "queue", lambda kept: kept.direct_queues)
SKILL_GROUPS = Assigned(
    BulkOperationKind.ASSIGN_SKILL_GROUPS, "SkillGroup", "skillGroups", "skill group", lambda kept: kept.skills
)


async def assign_teams(context: Context, target: UserTarget, terms: Terms, assignment: AssignmentChange) -> BulkAnswer:
    """Change the teams of people (requirements B10, C17, E14).

    Raises:
        NotPermitted: The caller may not assign anything.
        Refused: A team is unknown or not in use.
    """
    return await _assign(context, target, terms, assignment, TEAMS)


async def assign_queues(context: Context, target: UserTarget, terms: Terms, assignment: AssignmentChange) -> BulkAnswer:
    """Change the directly assigned queues of people; what they reach through teams stays (A9, C17, E14).

    Raises:
        NotPermitted: The caller may not assign anything.
        Refused: A queue is unknown or not in use.
    """
    return await _assign(context, target, terms, assignment, QUEUES)


async def assign_skill_groups(
    context: Context, target: UserTarget, terms: Terms, assignment: AssignmentChange
) -> BulkAnswer:
    """Change the skill groups of people (requirements B10, C4, E14).

    Raises:
        NotPermitted: The caller may not assign anything.
        Refused: A skill group is unknown or not in use.
    """
    return await _assign(context, target, terms, assignment, SKILL_GROUPS)


async def _assign(
    context: Context, target: UserTarget, terms: Terms, assignment: AssignmentChange, what: Assigned
) -> BulkAnswer:
    context.require(Permission.USERS_ASSIGN)

    async def work(change: Change) -> BulkAnswer:
        assigned = what.repository(change.kept)
        people = await lock_people(context, change, target, Permission.USERS_ASSIGN, administrators=False)
        names = await check_things(assigned, assignment, what)
        current = await assigned.of_users([person.id for person in people.values()])
        plan: Plan = {}

        def assess(person: Person) -> Verdict:
            verdict = assess_assignment(person, current.get(person.id, {}), assignment)
            if isinstance(verdict, tuple):
                plan[person.id] = verdict
                return None
            return verdict

        items = items_of(target, people, context, assess)
        passing = people_of(settle(items, terms.error_policy))
        versions: dict[UUID, int] = {}
        if passing:
            await _apply(change, assigned, passing, plan, assignment)
            versions = await change.kept.standing.touch(passing, at=change.at)
        for user_id in versions:
            _tell(passing[user_id], plan[user_id], current.get(user_id, {}), names, what)
        return await write_operation(
            context,
            change,
            uuid7(change.at),
            what.kind,
            items,
            terms,
            {assignment.way: [each.hex for each in assignment.ids]},
            actions={user: (_action(plan[user]), version) for user, version in versions.items()},
        )

    return await context.changing(work)


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


async def _apply(
    change: Change,
    assigned: AssignmentRepository,
    passing: Mapping[UUID, Item],
    plan: Plan,
    assignment: AssignmentChange,
) -> None:
    losing = [user_id for user_id in passing if plan[user_id][1]]
    if losing and assignment.way == "remove":
        await assigned.take(losing, only=assignment.ids)
    elif losing:
        await assigned.take(losing, keep=assignment.ids)
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
