"""Changing the data, the roles, and the site and profiles of one person.

Requirements B3 to B5, B10, B11, B14, B17, B19, C9, D12 to D17.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from models.audit import AuditAction
from models.permission import Permission
from models.session import SessionEndReason, Surface
from models.text import mail_key, names_of
from models.user import IdentitySource, User, UserRole
from resolvers.assessing import assess_last_administrator, assess_reach
from resolvers.contact_center import Details, details_of
from resolvers.context import Change, Context
from resolvers.coverage import guarding
from resolvers.identity import CHECKS, checked, grant_problem, roles_problem
from resolvers.recording import Fact, News, record
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem, Refused, Warning
from resolvers.targets import Person, UserTarget, lock_people

_PATH = ("input", "patch")
_DIRECTORY_FIELDS = ("email", "firstName", "lastName")
_FULL_ADMINISTRATOR_FIELDS = ("email", "agentNumber")


@dataclass(frozen=True, slots=True)
class UserPatch:
    """New values for a person; what is absent stays.

    Attributes:
        fields: Texts by their names in the schema; None clears.
        roles: All roles from now on; None leaves them.
        references: Keys by their columns, those of `REFERENCES`; None clears.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    roles: frozenset[UserRole] | None = None
    protected: bool | None = None
    contact_center_enabled: bool | None = None
    references: dict[str, UUID | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpdateAnswer:
    """What `updateUser` answers: the person after it, or as it is now after a VERSION_CONFLICT (rule M10)."""

    errors: list[Problem] = field(default_factory=list)
    user: User | None = None
    warnings: list[Warning] = field(default_factory=list)


async def update_user(
    context: Context, user_id: UUID, given_id: str, patch: UserPatch, expected_version: int | None
) -> UpdateAnswer:
    """Change a person; values that are as they were change nothing, and `version` stays (requirement E4).

    Raises:
        NotPermitted: The caller may not change anybody.
    """
    context.require(Permission.USERS_UPDATE)
    target = UserTarget("ids", [given_id], [user_id])

    async def work(change: Change) -> UpdateAnswer:
        people = await lock_people(
            context, change, target, Permission.USERS_UPDATE, administrators=patch.roles is not None
        )
        person = people.get(user_id)
        if refusal := assess_reach(person, context.known):
            path = ("input", "id") if refusal.code is Code.NOT_FOUND else None
            return UpdateAnswer([Problem(refusal.code, refusal.message, path)])
        assert person is not None
        user = (await change.kept.users.by_id([user_id]))[user_id]
        if expected_version is not None and expected_version != person.version:
            words = f"The user has version {person.version} by now."
            return UpdateAnswer([Problem(Code.VERSION_CONFLICT, words, ("input", "expectedVersion"))], user)
        try:
            changed, warnings = await _change(context, change, person, user, patch)
            return UpdateAnswer(user=changed, warnings=warnings)
        except Refused as refused:
            return UpdateAnswer(refused.problems, user)

    return await context.changing(work)


async def _change(
    context: Context, change: Change, person: Person, user: User, patch: UserPatch
) -> tuple[User, list[Warning]]:
    values, problems = checked(patch.fields, *_PATH)
    changed = {column: value for column, value in values.items() if getattr(user, column) != value}
    refused = _assess_fields(context, user, patch, changed)
    # Who may not change a field is not told whether somebody has the value, in another organization even.
    barred = {_COLUMNS.get(problem.path[-1]) for problem in refused if problem.path}
    asked = {column: value for column, value in changed.items() if column not in barred}
    problems += refused + await _assess_uniqueness(context, change, user, asked)
    roles = patch.roles if patch.roles is not None and patch.roles != person.roles else None
    if "site_id" in patch.references:
        await change.kept.structure.lock_where_refusing()
    details = await _details(change, person, user, patch, roles)
    if roles is not None and details is not None:
        for problem in (
            grant_problem(context.known, person.roles, roles, *_PATH, "roles"),
            roles_problem(roles, details.licenses, *_PATH, "roles"),
            await _administrator_problem(change, person, roles),
        ):
            if problem is not None:
                problems.append(problem)
    if details is not None:
        problems += details.problems(context.known)
    if problems:
        raise Refused(*problems)
    warnings = [] if details is None else list(details.warnings)
    if details is not None and details.resets_teams:  # first, because it may be refused
        worked_in = {row.queue_id for row in await change.kept.queues.guarded([user.id])}
        async with guarding(change.kept, worked_in, warnings, *_PATH, "siteId"):
            await change.kept.memberships.take([user.id])
    columns: dict[str, Any] = dict(changed)
    told = [(_NAMES[column], _text(getattr(user, column)), _text(value)) for column, value in changed.items()]
    if changed:
        columns |= names_of({column: changed.get(column, getattr(user, column)) for column in _NAME_SOURCES})
    if patch.protected is not None and patch.protected != user.protected:
        columns["protected"] = patch.protected
        told.append(("protected", _text(user.protected), _text(patch.protected)))
    if roles is not None:
        told.append(("roles", _listed(person.roles), _listed(roles)))
        await change.kept.standing.set_roles(user.id, roles)
    news: list[News] = []
    if details is not None:
        columns |= details.columns
        told += details.told
        ending = set(Surface) if roles is not None else details.lost_surfaces
        news = await _end_access(change, person, ending, told) if ending else []
    if not told:
        return user, []
    if columns:
        await change.kept.provisioning.change(user.id, columns)
    versions = await change.kept.standing.touch([user.id], at=change.at)
    label = columns.get("display_name", user.display_name)
    await record(context, change, [Fact(AuditAction.UPDATED, "User", user.id, label, versions[user.id], told)], news)
    return (await change.kept.users.by_id([user.id]))[user.id], warnings


async def _details(
    change: Change, person: Person, user: User, patch: UserPatch, roles: frozenset[UserRole] | None
) -> Details | None:
    """The contact-center details of somebody; None where nothing that is asked for touches them."""
    if roles is None and patch.contact_center_enabled is None and not patch.references:
        return None
    held = {grant.type for grant in await change.kept.seats.grants_of([user.id])}
    return await details_of(
        change,
        person,
        user,
        roles=person.roles if roles is None else roles,
        held=held,
        enabled=patch.contact_center_enabled,
        given=patch.references,
    )


def _assess_fields(context: Context, user: User, patch: UserPatch, changed: Mapping[str, Any]) -> list[Problem]:
    """Whose fields these are (requirements B11, C9)."""
    problems = []
    for name in patch.fields:
        if _COLUMNS[name] not in changed:
            continue
        path = (*_PATH, name)
        if user.identity_source is IdentitySource.DIRECTORY and name in _DIRECTORY_FIELDS:
            problems.append(Problem(Code.MANAGED_BY_DIRECTORY, "The directory keeps this field.", path))
        elif name in _FULL_ADMINISTRATOR_FIELDS and (
            not context.known.is_full_administrator or user.identity_source is IdentitySource.DIRECTORY
        ):
            words = "Only a full administrator changes this, and only for a LOCAL user."
            problems.append(Problem(Code.FIELD_NOT_EDITABLE, words, path))
    if patch.protected not in (None, user.protected) and not context.known.is_full_administrator:
        words = "Only a full administrator changes this."
        problems.append(Problem(Code.FORBIDDEN, words, (*_PATH, "protected")))
    return problems


async def _assess_uniqueness(context: Context, change: Change, user: User, changed: Mapping[str, Any]) -> list[Problem]:
    problems = []
    if (mail := changed.get("email")) and mail_key(mail) != user.email_key:
        owner = (await change.kept.provisioning.mails_in_use([mail_key(mail)])).get(mail_key(mail))
        if owner == context.known.organization_id:
            words = "Somebody has this mail address already."
            problems.append(Problem(Code.EMAIL_IN_USE, words, (*_PATH, "email")))
        elif owner is not None:
            words = "This mail address belongs to another organization."
            problems.append(Problem(Code.EMAIL_IN_OTHER_ORGANIZATION, words, (*_PATH, "email")))
    number, external = changed.get("agent_number"), changed.get("external_id")
    if number or external:
        numbers, externals = await change.kept.provisioning.numbers_in_use(
            [number] if number else [], [external] if external else []
        )
        if number and numbers.get(number, user.id) != user.id:
            words = "Somebody has this agent number already."
            problems.append(Problem(Code.AGENT_NUMBER_IN_USE, words, (*_PATH, "agentNumber")))
        if external and externals.get(external, user.id) != user.id:
            words = "Somebody has this external id already."
            problems.append(Problem(Code.EXTERNAL_ID_IN_USE, words, (*_PATH, "externalId")))
    return problems


async def _administrator_problem(change: Change, person: Person, roles: frozenset[UserRole]) -> Problem | None:
    """E6: the last full administrator keeps the role."""
    if not person.is_full_administrator or UserRole.FULL_ADMINISTRATOR in roles:
        return None
    if assess_last_administrator([person.id], await change.kept.standing.administrators()):
        words = "No active full administrator would be left."
        return Problem(Code.LAST_ADMINISTRATOR, words, (*_PATH, "roles"))
    return None


async def _end_access(
    change: Change, person: Person, surfaces: Collection[Surface], told: list[tuple[str, str | None, str | None]]
) -> list[News]:
    """Sessions made under other roles, another profile or on a surface that is lost end at once."""
    standing = change.kept.standing
    ended = await standing.end_sessions(
        [person.id], at=change.at, reason=SessionEndReason.ACCESS_CHANGED, surfaces=surfaces
    )
    if ended:
        told.append(("endedSessions", None, str(len(ended))))
    if Surface.AGENT_DESKTOP in surfaces and await standing.go_offline([person.id], at=change.at):
        told.append(("presence", person.presence.name, "OFFLINE"))
        return [News("presence.changed", person.id, {"state": "OFFLINE"})]
    return []


def _text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _listed(roles: frozenset[UserRole]) -> str | None:
    return ", ".join(role.name for role in sorted(roles, key=lambda role: role.value)) or None


_COLUMNS = {name: column for name, (column, _) in CHECKS.items()}
_NAMES = {column: name for name, column in _COLUMNS.items()}
_NAME_SOURCES = ("first_name", "last_name", "nickname", "email", "extension", "agent_number", "external_id")
