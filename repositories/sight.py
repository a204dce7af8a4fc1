"""What a caller may see: one clause per table, used by root fields, `node`, edges and loaders alike.

Denied rows look like missing ones (`docs/architecture.md`, Who sees what).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, false, not_, or_, select, true, union_all

from models.audit import ActorKind
from models.call_record import CallRecord
from models.license import LicenseGrant
from models.operation import BulkOperation
from models.permission import PermissionScope
from models.session import Session
from models.storage import table_of
from models.team import Membership, TeamAncestor
from models.user import User

_users = table_of(User).c
_memberships = table_of(Membership).c
_ancestors = table_of(TeamAncestor).c
_calls = table_of(CallRecord).c
_sessions = table_of(Session).c
_operations = table_of(BulkOperation).c
_grants = table_of(LicenseGrant).c


@dataclass(frozen=True, slots=True)
class Sight:
    """How far a caller sees.

    Attributes:
        user_id: The person who looks; None for a program.
        users: Reach of USERS_READ; None sees nobody.
        reports: Reach of REPORTS_READ.
        licenses: Whether LICENSES_READ is held.
        audit: Whether AUDIT_READ is held.
        keys: Whether KEYS_MANAGE is held.
        actor_id: Who the caller is, person or key, for what is their own.
    """

    actor_kind: ActorKind
    actor_id: UUID | None
    user_id: UUID | None
    users: PermissionScope | None
    reports: PermissionScope | None
    licenses: bool
    audit: bool
    keys: bool


EVERYTHING = Sight(
    actor_kind=ActorKind.SYSTEM,
    actor_id=None,
    user_id=None,
    users=PermissionScope.ORGANIZATION,
    reports=PermissionScope.ORGANIZATION,
    licenses=True,
    audit=True,
    keys=True,
)


def own_teams(user_id: UUID) -> Select[Any]:
    """Ids of the teams of which a person is a member, and of all teams below (requirement A28)."""
    return (
        select(_ancestors.team_id)
        .join_from(table_of(Membership), table_of(TeamAncestor), _ancestors.ancestor_id == _memberships.team_id)
        .where(_memberships.user_id == user_id)
    )


def within(scope: PermissionScope | None, user_id: UUID | None) -> ColumnElement[bool]:
    """The people whom a permission of this scope reaches, as a clause on `users`."""
    if scope is PermissionScope.ORGANIZATION:
        return true()
    if scope is None or user_id is None:
        return false()
    if scope is PermissionScope.SELF:
        return _users.id == user_id
    inside = table_of(Membership).alias("inside")
    return or_(
        _users.id == user_id,
        _users.id.in_(select(inside.c.user_id).where(inside.c.team_id.in_(own_teams(user_id)))),
    )


def visible_users(sight: Sight) -> ColumnElement[bool]:
    """People whom the caller sees."""
    return within(sight.users, sight.user_id)


def known_user(
    sight: Sight, user_id: ColumnElement[Any], organization_id: UUID, person: ColumnElement[bool] | None = None
) -> ColumnElement[Any]:
    """The key of a person as the caller is told it: null where the person is not seen.

    Filters ask this and not the column, or who is hidden could be found out by asking for one after another.

    Args:
        user_id: The column.
        person: Whether it is a person at all that the column names; None where it always is.
    """
    if sight.users is PermissionScope.ORGANIZATION:
        return user_id
    seen = user_id.in_(select(_users.id).where(_users.organization_id == organization_id, visible_users(sight)))
    return case((seen if person is None else or_(not_(person), seen), user_id))


def visible_keys(sight: Sight) -> Select[Any] | None:
    """Selects the keys of the people whom the caller sees, some more than once; None where that is everybody."""
    if sight.users is PermissionScope.ORGANIZATION or sight.user_id is None:
        return None
    oneself = select(_users.id).where(_users.id == sight.user_id).correlate(None)
    if sight.users is not PermissionScope.OWN_TEAMS:
        return oneself
    inside = select(_memberships.user_id).where(_memberships.team_id.in_(own_teams(sight.user_id)))
    return select(union_all(oneself, inside).subquery().c.id)


def visible_sessions(sight: Sight) -> ColumnElement[bool]:
    """Sessions that the caller sees: all with organization scope, else their own."""
    if sight.users is PermissionScope.ORGANIZATION:
        return true()
    return _sessions.user_id == sight.user_id if sight.user_id else false()


def visible_calls(sight: Sight) -> ColumnElement[bool]:
    """Call records that the caller sees: of their own teams, by the team for which the call was taken."""
    if sight.reports is PermissionScope.ORGANIZATION:
        return true()
    if sight.reports is None or sight.user_id is None:
        return false()
    if sight.reports is PermissionScope.SELF:
        return _calls.user_id == sight.user_id
    return or_(_calls.user_id == sight.user_id, _calls.team_id.in_(own_teams(sight.user_id)))


def visible_grants(sight: Sight) -> ColumnElement[bool]:
    """License grants that the caller sees: all with LICENSES_READ, else their own."""
    if sight.licenses:
        return true()
    return _grants.user_id == sight.user_id if sight.user_id else false()


def visible_operations(sight: Sight) -> ColumnElement[bool]:
    """Bulk operations that the caller sees: their own, or all with AUDIT_READ."""
    if sight.audit:
        return true()
    return and_(_operations.actor_kind == sight.actor_kind, _operations.actor_id == sight.actor_id)
