"""What holds of the listings, which triggers keep: they are what follows from the tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, except_, exists, select, type_coerce, union, union_all

from models.call_record import CallRecord
from models.license import LicenseGrant
from models.listing import Listing, ListingKind
from models.presence import Presence, PresenceState
from models.queue import UserQueue
from models.skill_group import SkillGroupMember
from models.storage import table_of
from models.team import Membership
from models.user import User, UserRole, UserRoleGrant
from repositories.invariants.invariant import Invariant, Never

_users = table_of(User).c
_listings = table_of(Listing).c
_memberships = table_of(Membership).c
_direct = table_of(UserQueue).c
_skilled = table_of(SkillGroupMember).c
_roles = table_of(UserRoleGrant).c
_presences = table_of(Presence).c
_calls = table_of(CallRecord).c
_grants = table_of(LicenseGrant).c

_KIND = _listings.kind.type
_SHOWN = [state for state in PresenceState if state is not PresenceState.OFFLINE]


def _by(
    kind: ListingKind, user: ColumnElement[Any], thing: ColumnElement[Any], *where: ColumnElement[bool]
) -> Select[Any]:
    """Selects whom rows list by what."""
    number = type_coerce(kind.value, Integer)
    return select(user.label("user_id"), number.label("kind"), thing.label("thing_id")).where(*where)


def _unlike() -> Select[Any]:
    """People who are not listed as they should be, and those who are listed otherwise."""
    sources = [
        _by(ListingKind.TEAM, _memberships.user_id, _memberships.team_id),
        _by(ListingKind.QUEUE, _direct.user_id, _direct.queue_id),
        _by(ListingKind.SKILL_GROUP, _skilled.user_id, _skilled.skill_group_id),
        *(
            _by(ListingKind[role.name], _roles.user_id, _roles.organization_id, _roles.role == role)
            for role in UserRole
        ),
        *(
            _by(ListingKind[state.name], _presences.user_id, _presences.organization_id, _presences.state == state)
            for state in _SHOWN
        ),
        _by(ListingKind.ENGAGED, _calls.user_id, _calls.organization_id, _calls.ended_at.is_(None)),
        _by(
            ListingKind.NO_DIRECT_QUEUE,
            _users.id,
            _users.organization_id,
            ~exists().where(_direct.user_id == _users.id),
        ),
        _by(ListingKind.NO_LICENSE, _users.id, _users.organization_id, ~exists().where(_grants.user_id == _users.id)),
    ]
    due = union(*sources).subquery("due")
    should = select(due, _users.organization_id, _users.status, _users.display_name_key).join_from(
        due, table_of(User), _users.id == due.c.user_id
    )
    there = select(
        _listings.user_id,
        type_coerce(_listings.kind, Integer),
        _listings.thing_id,
        _listings.organization_id,
        _listings.status,
        _listings.name_key,
    )
    missing, surplus = except_(should, there).subquery("missing"), except_(there, should).subquery("surplus")
    either = union_all(select(*missing.c[:3]), select(*surplus.c[:3])).subquery("either")
    return select(*either.c)


LISTINGS: tuple[Invariant, ...] = (
    Never(
        "listings", "A person is not listed by what they have, under their name and state, and nothing else.", _unlike()
    ),
)
