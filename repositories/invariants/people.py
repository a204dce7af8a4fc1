"""What holds for people: status, block, sessions, presence, versions, keys, roles."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    type_coerce,
    union_all,
)

from models.audit import AuditEvent
from models.call_record import CallRecord
from models.deactivation import Deactivation
from models.license import LicenseGrant, LicenseGrantState
from models.organization import Organization
from models.presence import Presence, PresenceState
from models.queue import UserQueue
from models.session import Session, SignInBlock
from models.skill_group import SkillGroupMember
from models.storage import EPOCH, MICROSECOND, Instant, table_of
from models.team import Membership
from models.text import names_of
from models.user import User, UserRole, UserRoleGrant, UserStatus
from repositories.invariants.invariant import Asked, Follows, Invariant, Never

_users = table_of(User).c
_roles = table_of(UserRoleGrant).c
_blocks = table_of(SignInBlock).c
_sessions = table_of(Session).c
_presences = table_of(Presence).c
_memberships = table_of(Membership).c
_direct = table_of(UserQueue).c
_skilled = table_of(SkillGroupMember).c
_grants = table_of(LicenseGrant).c
_calls = table_of(CallRecord).c
_deactivations = table_of(Deactivation).c
_events = table_of(AuditEvent).c
_organizations = table_of(Organization).c

_GONE = _users.status != UserStatus.ACTIVE
_LIVING = _users.status != UserStatus.DELETED
_OUTSIDE = and_(_LIVING, ~_users.contact_center_enabled)
_CURRENT = _deactivations.reactivated_at.is_(None)


def _of_gone(key: ColumnElement[Any], *further: ColumnElement[Any]) -> Select[Any]:
    """Rows about people who are deactivated or deleted; the key begins with the person."""
    return select(key, *further).join(table_of(User), _users.id == key).where(_GONE)


def _open_sessions(asked: Asked) -> Select[Any]:
    """Sessions without an end that have not run out by the rules of their organization (requirement E17)."""
    minutes = _organizations.idle_timeout_minutes
    last = _sessions.last_active_at
    idle: ColumnElement[bool]
    if asked.sqlite:
        idle = type_coerce(last, Integer) + minutes * 60_000_000 <= literal((asked.at - EPOCH) // MICROSECOND, Integer)
    else:
        idle = last + func.make_interval(0, 0, 0, 0, 0, minutes) <= literal(asked.at, Instant())
    return (
        select(_sessions.id)
        .join(table_of(Organization), _organizations.id == _sessions.organization_id)
        .where(_sessions.ended_at.is_(None), _sessions.expires_at > asked.at, ~idle)
    )


def _open_sessions_of_gone(asked: Asked) -> Select[Any]:
    return _open_sessions(asked).join(table_of(User), _users.id == _sessions.user_id).where(_GONE)


def _open_sessions_of_blocked(asked: Asked) -> Select[Any]:
    return _open_sessions(asked).join(table_of(SignInBlock), _blocks.user_id == _sessions.user_id)


def _twice(column: ColumnElement[Any], *within: ColumnElement[Any]) -> Select[Any]:
    """Living people who have the same value as somebody before them."""
    place = func.row_number().over(partition_by=(*within, column), order_by=_users.id).label("place")
    numbered = select(_users.id, place).where(_LIVING, column.is_not(None)).subquery()
    return select(numbered.c.id).where(numbered.c.place > 1)


def _event_of(value: ColumnElement[Any], *where: ColumnElement[bool], latest: bool) -> ColumnElement[Any]:
    """A value of one audit event of each person."""
    order = _events.sequence.desc() if latest else _events.sequence
    return (
        select(value)
        .where(_events.target_id == _users.id, _events.target_type == "User", *where)
        .order_by(order)
        .limit(1)
        .scalar_subquery()
    )


_ADMINISTRATORS = (
    select(_users.organization_id)
    .join_from(table_of(User), table_of(UserRoleGrant), _roles.user_id == _users.id)
    .where(
        _roles.role == UserRole.FULL_ADMINISTRATOR,
        _users.status == UserStatus.ACTIVE,
        ~exists().where(_blocks.user_id == _users.id),
    )
)
_INHABITED = exists().where(_users.organization_id == _organizations.id, _LIVING)

STANDING: tuple[Invariant, ...] = (
    Never(
        "deactivated-with-team",
        "A deactivated or deleted person is a member of a team.",
        _of_gone(_memberships.user_id, _memberships.team_id),
    ),
    Never(
        "deactivated-with-direct-queue",
        "A deactivated or deleted person has a queue assigned directly.",
        _of_gone(_direct.user_id, _direct.queue_id),
    ),
    Never(
        "deactivated-with-open-session",
        "A session of a deactivated or deleted person is open.",
        _open_sessions_of_gone,
    ),
    Never(
        "deactivated-with-presence",
        "The presence of a deactivated or deleted person is not OFFLINE.",
        _of_gone(_presences.user_id).where(_presences.state != PresenceState.OFFLINE),
    ),
    Never(
        "deactivated-with-open-contact",
        "A contact of a deactivated or deleted person is active.",
        _of_gone(_calls.user_id, _calls.id).where(_calls.ended_at.is_(None)),
    ),
    Never(
        "deactivated-with-active-grant",
        "A license grant of a deactivated or deleted person takes a seat.",
        _of_gone(_grants.user_id, _grants.license_id).where(_grants.state == LicenseGrantState.ACTIVE),
    ),
    Never(
        "blocked-with-open-session",
        "A session of a person with a sign-in block is open.",
        _open_sessions_of_blocked,
    ),
    Never(
        "blocked-with-presence",
        "The presence of a person with a sign-in block is not OFFLINE.",
        select(_presences.user_id)
        .join(table_of(SignInBlock), _blocks.user_id == _presences.user_id)
        .where(_presences.state != PresenceState.OFFLINE),
    ),
    Never(
        "engaged-stored",
        "ENGAGED is stored as a presence, though it follows from open calls.",
        select(_presences.user_id).where(_presences.state == PresenceState.ENGAGED),
    ),
    Never(
        "deactivated-at-not-of-status",
        "A deactivated person has no time of deactivation, or somebody else has one.",
        select(_users.id).where((_users.status == UserStatus.DEACTIVATED) != _users.deactivated_at.is_not(None)),
    ),
    Never(
        "deactivated-without-deactivation",
        "No current deactivation is kept of a deactivated person.",
        select(_users.id).where(
            _users.status == UserStatus.DEACTIVATED,
            ~exists().where(_deactivations.user_id == _users.id, _CURRENT),
        ),
    ),
    Never(
        "deactivation-without-deactivated",
        "A current deactivation is kept of a person who is not deactivated.",
        select(_deactivations.id)
        .join(table_of(User), _users.id == _deactivations.user_id)
        .where(_CURRENT, _users.status != UserStatus.DEACTIVATED),
    ),
    Never(
        "deactivation-at-another-time",
        "A person and the current deactivation tell different times.",
        select(_deactivations.id)
        .join(table_of(User), _users.id == _deactivations.user_id)
        .where(_CURRENT, _users.deactivated_at != _deactivations.deactivated_at),
    ),
    Never(
        "deactivated-twice",
        "A person has more than one current deactivation.",
        select(_deactivations.user_id).where(_CURRENT).group_by(_deactivations.user_id).having(func.count() > 1),
    ),
)


def _searched_otherwise(asked: Asked) -> Select[Any]:
    """Search keys that are not what is searched on SQLite; on PostgreSQL the index, where there is none."""
    if not asked.sqlite:
        indexes = table("pg_indexes", column("indexname"))
        missing = literal("ix_users_search_key")
        return select(missing).where(missing.not_in(select(indexes.c.indexname)))
    searched = table("user_search_content", column("id"), column("c0"))
    row: ColumnElement[int] = literal_column("users.rowid")
    unlike = (
        select(row.label("row"))
        .select_from(table_of(User).outerjoin(searched, searched.c.id == row))
        .where(_users.search_key.is_distinct_from(searched.c.c0))
    )
    nobody = select(searched.c.id).where(searched.c.id.not_in(select(row).select_from(table_of(User))))
    either = union_all(unlike, nobody).subquery("either")
    return select(*either.c)


ACCOUNTS: tuple[Invariant, ...] = (
    Never(
        "version-not-audited",
        "The version of a person is not that of the last audit event about them.",
        select(_users.id).where(
            _users.version.is_distinct_from(
                _event_of(_events.target_version, _events.target_version.is_not(None), latest=True)
            )
        ),
    ),
    Never(
        "updated-at-not-audited",
        "A person was not updated when the audit tells that their version grew.",
        select(_users.id).where(
            _users.updated_at != _event_of(_events.occurred_at, _events.target_version == _users.version, latest=False)
        ),
    ),
    Never("mail-twice", "Two living people have the same mail address.", _twice(_users.email_key)),
    Never(
        "agent-number-twice",
        "Two living people of an organization have the same agent number.",
        _twice(_users.agent_number, _users.organization_id),
    ),
    Never(
        "external-id-twice",
        "Two living people of an organization have the same external id.",
        _twice(_users.external_id, _users.organization_id),
    ),
    Never(
        "exclusive-roles",
        "A person has two of supervisor, service administrator and full administrator.",
        select(_roles.user_id).where(_roles.role != UserRole.AGENT).group_by(_roles.user_id).having(func.count() > 1),
    ),
    Never(
        "no-administrator",
        "An organization with people has no full administrator who is active and not blocked.",
        select(_organizations.id).where(_INHABITED, _organizations.id.not_in(_ADMINISTRATORS)),
    ),
    Never(
        "contact-center-without-profile",
        "A living person who is enabled for the contact center has no user profile.",
        select(_users.id).where(and_(_LIVING, _users.contact_center_enabled, _users.profile_id.is_(None))),
    ),
    Never(
        "site-or-profile-without-contact-center",
        "A living person who is not enabled for the contact center has a site or a profile.",
        select(_users.id).where(
            _OUTSIDE, or_(*(key.is_not(None) for key in (_users.site_id, _users.profile_id, _users.desktop_profile_id)))
        ),
    ),
    *(
        Never(
            f"{name}-without-contact-center",
            f"A living person who is not enabled for the contact center {what}.",
            select(table.c.user_id, thing).join(table_of(User), _users.id == table.c.user_id).where(_OUTSIDE),
        )
        for name, what, table, thing in (
            ("team", "is in a team", table_of(Membership), _memberships.team_id),
            ("direct-queue", "has a queue assigned directly", table_of(UserQueue), _direct.queue_id),
            ("skill-group", "is in a skill group", table_of(SkillGroupMember), _skilled.skill_group_id),
        )
    ),
    Never(
        "search-index",
        "The index for searching is missing, or differs from the search keys of people.",
        _searched_otherwise,
    ),
    Follows(
        "person-name-keys",
        "What is shown, sorted and searched of a person does not follow from names, mail and numbers.",
        User,
        ("first_name", "last_name", "nickname", "email", "extension", "agent_number", "external_id"),
        names_of,
        (
            "email_key",
            "email_folded",
            "agent_number_folded",
            "external_id_folded",
            "display_name",
            "display_name_key",
            "last_name_key",
            "search_key",
        ),
    ),
)
