"""What the caller could do to people right now: the assessments of the changes, without a change and without a lock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any
from uuid import UUID

from models.operation import ActiveContactPolicy
from models.permission import Permission, PermissionScope
from models.user import User, UserStatus
from repositories.kept import Kept
from resolvers.assessing import (
    assess_deactivation,
    assess_force_offline,
    assess_last_administrator,
    assess_reach,
    assess_reactivation,
    assess_resume,
    assess_sign_out,
)
from resolvers.caller import Caller
from resolvers.context import Context
from resolvers.targets import Person, person

_AT_ONCE = ActiveContactPolicy.END_NOW


class UserAction(Enum):
    """What can be done to a person."""

    UPDATE = "UPDATE"
    DEACTIVATE = "DEACTIVATE"
    REACTIVATE = "REACTIVATE"
    FORCE_OFFLINE = "FORCE_OFFLINE"
    RESUME_ONLINE = "RESUME_ONLINE"
    SIGN_OUT = "SIGN_OUT"
    ASSIGN_TEAMS = "ASSIGN_TEAMS"
    ASSIGN_QUEUES = "ASSIGN_QUEUES"
    ASSIGN_SKILL_GROUPS = "ASSIGN_SKILL_GROUPS"


@dataclass(frozen=True, slots=True)
class _Rule:
    """When an action would change a person whom it reaches.

    Attributes:
        assess: What the change says of the person: None when it would be done.
        loses_administrator: Whether the last full administrator is kept from it (requirement E6).
        takes_seats: Whether suspended licenses need seats again (requirement E3).
        ends_skills: Whether having skill groups is enough: they can be taken from everybody who kept them.
    """

    permission: Permission
    assess: Callable[[Person, Caller], Any]
    loses_administrator: bool = False
    takes_seats: bool = False
    ends_skills: bool = False


def _may_join(person: Person, _: Caller) -> str | None:
    """B10, E14: who is deactivated or outside the contact center has no team and no direct queue, and gets nothing."""
    return None if person.status is UserStatus.ACTIVE and person.contact_center_enabled else "not now"


_RULES: Mapping[UserAction, _Rule] = {
    UserAction.UPDATE: _Rule(Permission.USERS_UPDATE, lambda _person, _caller: None),
    UserAction.DEACTIVATE: _Rule(
        Permission.USERS_DEACTIVATE,
        lambda person, caller: assess_deactivation(person, caller, _AT_ONCE),
        loses_administrator=True,
    ),
    UserAction.REACTIVATE: _Rule(Permission.USERS_REACTIVATE, assess_reactivation, takes_seats=True),
    UserAction.FORCE_OFFLINE: _Rule(
        Permission.USERS_FORCE_OFFLINE,
        lambda person, caller: assess_force_offline(person, caller, _AT_ONCE),
        loses_administrator=True,
    ),
    UserAction.RESUME_ONLINE: _Rule(Permission.USERS_RESUME_ONLINE, assess_resume),
    UserAction.SIGN_OUT: _Rule(
        Permission.USERS_SIGN_OUT, lambda person, caller: assess_sign_out(person, caller, _AT_ONCE)
    ),
    UserAction.ASSIGN_TEAMS: _Rule(Permission.USERS_ASSIGN, _may_join),
    UserAction.ASSIGN_QUEUES: _Rule(Permission.USERS_ASSIGN, _may_join),
    UserAction.ASSIGN_SKILL_GROUPS: _Rule(Permission.USERS_ASSIGN, _may_join, ends_skills=True),
}


async def actions_of_user(context: Context, user: User) -> list[UserAction]:
    """What the caller could do to a person now, for that person alone and with the terms left as they are.

    An action that would change nothing (rule M3) is not among them.
    """
    caller = context.known
    if caller.must_change_password:
        return []

    async def fetch(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, list[UserAction]]:
        rows = await kept.standing.people(
            ids, at=context.now(), scope=PermissionScope.OWN_TEAMS, caller_id=caller.user_id
        )
        people = [person(row) for row in rows]
        administrators: set[UUID] = set()
        if any(one.is_full_administrator for one in people):
            administrators = await kept.standing.administrators()
        returning = [one.id for one in people if one.status is UserStatus.DEACTIVATED]
        without_seat = await kept.seats.without_seat(returning) if returning else set()
        outside = [one.id for one in people if _may_join(one, caller) is not None]
        skilled = set(await kept.skills.of_users(outside)) if outside else set()
        return {one.id: _actions(one, caller, administrators, without_seat, skilled) for one in people}

    return await context.loaders.load("actions_of_users", user.id, fetch) or []


def _actions(
    one: Person, caller: Caller, administrators: set[UUID], without_seat: set[UUID], skilled: set[UUID]
) -> list[UserAction]:
    last = bool(one.is_full_administrator and assess_last_administrator([one.id], administrators))
    found = []
    for action, rule in _RULES.items():
        scope = caller.scope(rule.permission)
        if scope is None or assess_reach(_reached(one, scope, caller), caller) is not None:
            continue
        if rule.assess(one, caller) is not None and not (rule.ends_skills and one.id in skilled):
            continue
        if (rule.loses_administrator and last) or (rule.takes_seats and one.id in without_seat):
            continue
        found.append(action)
    return found


def _reached(one: Person, scope: PermissionScope, caller: Caller) -> Person:
    """The person as a permission of this scope reaches them; as loaded, `reachable` is about the own teams."""
    match scope:
        case PermissionScope.ORGANIZATION:
            return replace(one, reachable=True)
        case PermissionScope.OWN_TEAMS:
            return one
        case PermissionScope.SELF:
            return replace(one, reachable=one.id == caller.user_id)
