"""Making, changing and deleting what an organization is made of: one way for every kind of thing.

What differs among teams, queues, skill groups, sites and profiles is told by a `Kind`; see `resolvers/kinds.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from models.audit import AuditAction
from models.permission import Permission
from models.storage import uuid7
from models.text import fold
from repositories.structure import Use
from resolvers.context import Change, Context
from resolvers.coverage import guarding
from resolvers.identity import Unacceptable
from resolvers.recording import Fact, News, record
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import NotAuthenticated, Problem, Refused, Warning, refuse

Told = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A value of a thing that callers write.

    Attributes:
        check: Makes the value as it is kept; raises `Unacceptable`.
        clearable: Whether null clears it.
        refers: The kind of thing whose key it is.
        type_name: The same by its name in the schema.
        folded: The column that has the same text folded, to sort or to search by.
    """

    column: str
    check: Callable[[Any], Any] = lambda value: value
    clearable: bool = False
    refers: type[SQLModel] | None = None
    type_name: str = ""
    folded: str = ""


@dataclass(frozen=True, slots=True)
class Consequences:
    """What a change brought about beside the thing itself.

    Attributes:
        changes: Told in the audit event of the thing.
        facts: Told in audit events of their own.
        warnings: Told to the caller.
    """

    changes: Sequence[Told] = ()
    facts: Sequence[Fact] = ()
    news: Sequence[News] = ()
    warnings: Sequence[Warning] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of thing that an organization is made of.

    Attributes:
        type_name: Its name in the schema.
        noun: What it is called in words for people.
        permission: What changing one needs.
        attributes: By their names in the schema, `name` and `active` among them.
        warns: Whether a change may be worth a warning.
    """

    type_name: str
    noun: str
    model: type[SQLModel]
    permission: Permission
    attributes: Mapping[str, Attribute]
    warns: bool = False

    def folded(self, values: Mapping[str, Any]) -> dict[str, str]:
        """What follows from texts that are written, by column."""
        return {
            each.folded: fold(values[each.column])
            for each in self.attributes.values()
            if each.folded and each.column in values
        }

    async def lock(self, change: Change, key: UUID | None, given: Mapping[str, Any]) -> None:
        """Take the locks of a change; people come before the organization (docs/architecture.md)."""
        await change.kept.structure.lock()

    async def assess(
        self, context: Context, change: Change, before: Any | None, values: Mapping[str, Any]
    ) -> list[Problem]:
        """What speaks against new values beside the rules for all kinds.

        Args:
            before: The thing as it is; None for a new one.
            values: By column; those that change.
        """
        return []

    async def takes_from(self, change: Change, before: Any, values: Mapping[str, Any]) -> tuple[str, Collection[UUID]]:
        """The queues that a change may take agents from, and the attribute that does it (requirement Z14)."""
        return "", ()

    async def follow(self, context: Context, change: Change, before: Any | None, after: Any) -> Consequences:
        """Do what follows from a new or a changed thing."""
        return Consequences()

    async def part(self, change: Change, before: Any) -> None:
        """Take away what belongs to a thing that is about to be deleted."""


@dataclass(frozen=True, slots=True)
class StructureAnswer:
    """What a change answers.

    Attributes:
        thing: The thing after it, or as it is when it was refused; None when there is none.
        deleted: Key of the thing that was deleted.
    """

    errors: list[Problem] = field(default_factory=list)
    thing: Any = None
    deleted: UUID | None = None
    warnings: Sequence[Warning] = ()


@dataclass(frozen=True, slots=True)
class _Things:
    """Answers about things of a kind that were made, kept by their keys."""

    kind: Kind

    def result(self, answer: StructureAnswer) -> UUID:
        key: UUID = answer.thing.id
        return key

    async def again(self, change: Change, result_id: UUID) -> StructureAnswer:
        return StructureAnswer(thing=(await change.kept.structure.by_id(self.kind.model, [result_id])).get(result_id))


async def create(context: Context, kind: Kind, given: Mapping[str, Any]) -> StructureAnswer:
    """Make a thing.

    Args:
        given: Values by their names in the schema.

    Raises:
        NotPermitted: The caller may not.
        Refused: A value is not acceptable, or the name is taken.
    """
    context.require(kind.permission)

    async def work(change: Change) -> StructureAnswer:
        await begin(context, change, kind, None, given)
        values, names = await _assessed(context, change, kind, None, given, ("input",))
        row = {"id": uuid7(change.at), "version": 1, "active": True, **values, **kind.folded(values)}
        thing = await change.kept.structure.add(kind.model, {**row, "created_at": change.at, "updated_at": change.at})
        following = await kind.follow(context, change, None, thing)
        told = [
            (name, None, shown)
            for name, attribute in kind.attributes.items()
            if (shown := _shown(attribute, values.get(attribute.column), names)) is not None
        ]
        await _record(context, change, kind, AuditAction.CREATED, thing, told, following)
        return StructureAnswer(thing=thing)

    return await context.changing(work, _Things(kind))


async def update(
    context: Context, kind: Kind, key: UUID, patch: Mapping[str, Any], expected_version: int | None
) -> StructureAnswer:
    """Change a thing; values that are as they were change nothing, and `version` stays (requirement E4).

    Args:
        patch: New values by their names in the schema; None clears.

    Raises:
        NotPermitted: The caller may not.
    """
    context.require(kind.permission)

    async def work(change: Change) -> StructureAnswer:
        await begin(context, change, kind, key, patch)
        before = (await change.kept.structure.by_id(kind.model, [key])).get(key)
        warnings: list[Warning] = []
        try:
            check_version(kind, before, expected_version)
            values, names = await _assessed(context, change, kind, before, patch, ("input", "patch"))
            if not values:
                return StructureAnswer(thing=before)
            columns = {**values, **kind.folded(values)}
            name, queue_ids = await kind.takes_from(change, before, values)
            async with guarding(change.kept, queue_ids, warnings, "input", "patch", name):
                after = await change.kept.structure.change(kind.model, key, columns, at=change.at)
                following = await kind.follow(context, change, before, after)
        except Refused as refused:
            return StructureAnswer(refused.problems, before)
        told = [
            (
                name,
                _shown(attribute, getattr(before, attribute.column), names),
                _shown(attribute, values[attribute.column], names),
            )
            for name, attribute in kind.attributes.items()
            if attribute.column in values
        ]
        await _record(context, change, kind, AuditAction.UPDATED, after, told, following)
        return StructureAnswer(thing=after, warnings=[*warnings, *following.warnings])

    return await context.changing(work)


async def delete(context: Context, kind: Kind, key: UUID, expected_version: int | None) -> StructureAnswer:
    """Delete a thing that nothing uses and no history needs.

    Raises:
        NotPermitted: The caller may not.
        Refused: There is none, it is in use, or it has another version by now.
    """
    context.require(kind.permission)

    async def work(change: Change) -> StructureAnswer:
        await begin(context, change, kind, key, {})
        before = (await change.kept.structure.by_id(kind.model, [key])).get(key)
        check_version(kind, before, expected_version)
        problems = await kind.assess(context, change, before, {})
        if problems:
            raise Refused(*problems)
        uses = await change.kept.structure.uses(kind.model, key, by_history=True)
        if uses:
            raise refuse(Code.IN_USE, _in_use(before.name, uses), "input", "id")  # type: ignore[union-attr]
        names, _ = await _references(change, kind, None, _values_of(kind, before), ())
        await kind.part(change, before)
        await change.kept.structure.remove(kind.model, [key])
        told = [
            (name, shown, None)
            for name, attribute in kind.attributes.items()
            if (shown := _shown(attribute, getattr(before, attribute.column), names)) is not None
        ]
        await _record(context, change, kind, AuditAction.DELETED, before, told, Consequences())
        return StructureAnswer(deleted=key)

    return await context.changing(work)


async def begin(context: Context, change: Change, kind: Kind, key: UUID | None, given: Mapping[str, Any]) -> None:
    """Take the locks, and look once more whether the caller still stands.

    Raises:
        NotAuthenticated: The caller's session or key ended meanwhile.
    """
    await kind.lock(change, key, given)
    caller = context.known
    change.at = context.now()
    if not await change.kept.standing.caller_stands(caller.kind, caller.id, caller.session_id, change.at):
        raise NotAuthenticated("Your session or key has ended.")


def check_version(kind: Kind, before: Any | None, expected: int | None = None) -> None:
    """See that there is a thing to change, and that it is as the caller knows it.

    Raises:
        Refused: NOT_FOUND or VERSION_CONFLICT.
    """
    if before is None:
        raise refuse(Code.NOT_FOUND, f"There is no {kind.noun} with this id.", "input", "id")
    if expected is not None and expected != before.version:
        words = f"The {kind.noun} has version {before.version} by now."
        raise refuse(Code.VERSION_CONFLICT, words, "input", "expectedVersion")


async def _assessed(
    context: Context,
    change: Change,
    kind: Kind,
    before: Any | None,
    given: Mapping[str, Any],
    path: tuple[str, ...],
) -> tuple[dict[str, Any], dict[UUID, str]]:
    """The columns that change, and the names of all things that they refer or referred to.

    Raises:
        Refused: Everything that is wrong, all of it told at once.
    """
    values, problems = _checked(kind, before, given, path)
    names, unknown = await _references(change, kind, before, values, path)
    problems += unknown
    if "name" in values:
        key = fold(values["name"])
        owner = (await change.kept.structure.named(kind.model, [key])).get(key)
        if owner is not None and (before is None or owner != before.id):
            words = f"Another {kind.noun} has this name, regardless of case and accents."
            problems.append(Problem(Code.NAME_IN_USE, words, (*path, "name")))
    problems += await kind.assess(context, change, before, values)
    if before is not None and values.get("active") is False:
        uses = await change.kept.structure.uses(kind.model, before.id, by_history=False)
        if uses:
            problems.append(Problem(Code.IN_USE, _in_use(before.name, uses), (*path, "active")))
    if problems:
        raise Refused(*problems)
    return values, names


def _checked(
    kind: Kind, before: Any | None, given: Mapping[str, Any], path: tuple[str, ...]
) -> tuple[dict[str, Any], list[Problem]]:
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        attribute = kind.attributes[name]
        if value is None:
            if not attribute.clearable:
                problems.append(Problem(Code.REQUIRED, "This cannot be empty.", (*path, name)))
                continue
        else:
            try:
                value = attribute.check(value)
            except Unacceptable as error:
                problems.append(Problem(Code.INVALID, str(error), (*path, name)))
                continue
        if before is None or getattr(before, attribute.column) != value:
            values[attribute.column] = value
    return values, problems


async def _references(
    change: Change, kind: Kind, before: Any | None, values: Mapping[str, Any], path: tuple[str, ...]
) -> tuple[dict[UUID, str], list[Problem]]:
    """Look up what the values refer to: it must be there, and in use."""
    names: dict[UUID, str] = {}
    problems: list[Problem] = []
    wakes = before is not None and values.get("active") is True
    for name, attribute in kind.attributes.items():
        column = attribute.column
        if attribute.refers is None or (column not in values and not wakes):
            continue
        old = getattr(before, column, None)
        new = values.get(column, old)
        wanted = {key for key in (old, new) if key is not None}
        found = await change.kept.structure.referred(attribute.refers, wanted) if wanted else {}
        names |= {key: row.name for key, row in found.items()}
        if new is not None and new not in found:
            problems.append(Problem(Code.NOT_FOUND, "There is no object with this id.", (*path, name)))
        elif new is not None and not found[new].active:
            words = f"{found[new].name} is not in use."
            place = name if column in values else "active"
            problems.append(Problem(Code.INVALID_STATE, words, (*path, place)))
    return names, problems


def _values_of(kind: Kind, thing: Any) -> dict[str, Any]:
    return {attribute.column: getattr(thing, attribute.column) for attribute in kind.attributes.values()}


def _in_use(name: str, uses: Sequence[tuple[Use, int]]) -> str:
    counted = ", ".join(f"{count:,} {use.one if count == 1 else use.many}" for use, count in uses)
    return f"{name} is in use: {counted}."


def _shown(attribute: Attribute, value: Any, names: Mapping[UUID, str]) -> str | None:
    """A value as the audit tells it; what is referred to by its name."""
    if value is None:
        return None
    if attribute.refers is not None:
        return names.get(value)
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, Enum):
        return value.name
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _record(
    context: Context,
    change: Change,
    kind: Kind,
    action: AuditAction,
    thing: Any,
    told: Sequence[Told],
    following: Consequences,
) -> None:
    fact = Fact(action, kind.type_name, thing.id, thing.name, thing.version, [*told, *following.changes])
    await record(context, change, [fact, *following.facts], following.news)
