"""What people are doing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select

from models.call_record import CallRecord
from models.organization import Organization
from models.presence import Presence, PresenceState
from models.session import Session, Surface
from models.storage import Instant, table_of
from models.user import User, UserStatus
from repositories.bound import Bound
from repositories.rows import row_class

_users = table_of(User).c
_presences = table_of(Presence).c
_calls = table_of(CallRecord).c
_sessions = table_of(Session).c
_organizations = table_of(Organization).c


def shown_state(at: datetime, idle_minutes: int) -> ColumnElement[PresenceState]:
    """What a person shows at an instant, as an expression on `users` with its `presences` beside it.

    The same as `PresenceRepository.of_users` tells, for counting.

    Args:
        idle_minutes: After which a session of the organization ends.
    """
    state = _presences.state.type
    engaged = exists().where(_calls.user_id == _users.id, _calls.ended_at.is_(None))
    on_desktop = [
        _sessions.user_id == _users.id,
        _sessions.ended_at.is_(None),
        _sessions.surface == Surface.AGENT_DESKTOP,
    ]
    idle_since = at - timedelta(minutes=idle_minutes)
    ran_out = and_(
        exists().where(*on_desktop),
        or_(
            ~exists().where(*on_desktop, _sessions.expires_at > at),
            ~exists().where(*on_desktop, _sessions.last_active_at > idle_since),
        ),
    )
    return case(
        (and_(_users.status == UserStatus.ACTIVE, engaged), literal(PresenceState.ENGAGED, state)),
        (or_(_presences.state.is_(None), ran_out), literal(PresenceState.OFFLINE, state)),
        else_=_presences.state,
    )


class PresenceRepository(Bound):
    """The presences of the people of one organization."""

    async def of_users(self, ids: Collection[UUID], at: datetime) -> Mapping[UUID, Presence]:
        """What each person is doing.

        An active person with an open call is ENGAGED since it began (requirement E2); whose last session on the
        desktop ran out is OFFLINE since then, marked or not (E17); without a row, somebody has been OFFLINE ever
        since the account was made.
        """
        open_since = (
            select(_calls.user_id, func.min(_calls.started_at, type_=Instant()).label("since"))
            .where(self._ours(CallRecord), _calls.user_id.in_(ids), _calls.ended_at.is_(None))
            .group_by(_calls.user_id)
            .subquery()
        )
        desktop = (
            select(
                _sessions.user_id,
                func.max(_sessions.last_active_at, type_=Instant()).label("last_active_at"),
                func.max(_sessions.expires_at, type_=Instant()).label("expires_at"),
            )
            .where(
                self._ours(Session),
                _sessions.user_id.in_(ids),
                _sessions.ended_at.is_(None),
                _sessions.surface == Surface.AGENT_DESKTOP,
            )
            .group_by(_sessions.user_id)
            .subquery()
        )
        found = await self._connection.execute(
            select(
                _users.id,
                _users.status,
                _users.created_at,
                _presences.state,
                _presences.since,
                _presences.reason_code,
                open_since.c.since.label("engaged_since"),
                desktop.c.last_active_at,
                desktop.c.expires_at,
                _organizations.idle_timeout_minutes,
            )
            .select_from(
                table_of(User)
                .join(table_of(Organization), _organizations.id == _users.organization_id)
                .outerjoin(desktop, desktop.c.user_id == _users.id)
                .outerjoin(table_of(Presence), _presences.user_id == _users.id)
                .outerjoin(open_since, open_since.c.user_id == _users.id)
            )
            .where(self._ours(User), _users.id.in_(ids))
        )
        make = row_class(Presence)
        presences: dict[UUID, Presence] = {}
        for row in found:
            state, since, reason = row.state or PresenceState.OFFLINE, row.since or row.created_at, row.reason_code
            if row.engaged_since is not None and row.status is UserStatus.ACTIVE:
                state, since, reason = PresenceState.ENGAGED, row.engaged_since, None
            elif state is not PresenceState.OFFLINE and (ran_out := _ran_out(row)) is not None and ran_out <= at:
                state, since, reason = PresenceState.OFFLINE, ran_out, None
            presences[row.id] = make(
                user_id=row.id, organization_id=self._organization_id, state=state, since=since, reason_code=reason
            )
        return presences


def _ran_out(row: Any) -> datetime | None:
    """When the last session on the desktop that nobody ended runs out; None where there is none."""
    if row.last_active_at is None:
        return None
    until: datetime = min(row.expires_at, row.last_active_at + timedelta(minutes=row.idle_timeout_minutes))
    return until
