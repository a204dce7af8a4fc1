"""What people are doing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)

from models.call_record import CallRecord
from models.organization import Organization
from models.presence import Presence, PresenceState
from models.session import Session, Surface
from models.storage import EPOCH, MICROSECOND, Instant, table_of
from models.user import User, UserStatus
from repositories.bound import Bound
from repositories.criteria import reached
from repositories.rows import row_class

_users = table_of(User).c
_presences = table_of(Presence).c
_calls = table_of(CallRecord).c
_sessions = table_of(Session).c
_organizations = table_of(Organization).c


_IN_CONTACT = select(_calls.user_id).where(_calls.ended_at.is_(None))

# States that somebody says; ENGAGED follows from a call, and OFFLINE from saying nothing.
_SAID = frozenset({PresenceState.AVAILABLE, PresenceState.WRAP_UP, PresenceState.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class ShownPresence:
    """What the people of an organization show at an instant, in terms of `users`, by the rules of `of_users`.

    Attributes:
        sqlite: Whether it is SQLite that is asked: the databases reckon with time in different ways.
    """

    organization_id: UUID
    at: datetime
    sqlite: bool

    def state(self) -> ColumnElement[PresenceState]:
        """What each person shows, with `presences` joined from outside."""
        kind = _presences.state.type
        return case(
            (self._engaged, literal(PresenceState.ENGAGED, kind)),
            (_users.id.in_(self._saying(_SAID)), _presences.state),
            else_=literal(PresenceState.OFFLINE, kind),
        )

    def among(self, states: Collection[PresenceState]) -> ColumnElement[bool]:
        """Whether people show one of these states."""
        wanted = set(states)
        if len(wanted) == len(PresenceState):
            return true()

        def saying(these: Collection[PresenceState]) -> ColumnElement[bool]:
            return reached(_users.id, self._saying(these))

        said = _SAID & wanted
        alternatives = [self._engaged] if PresenceState.ENGAGED in wanted else []
        if PresenceState.OFFLINE in wanted:  # everybody but those who say something else: few are looked for
            unwanted = _SAID - wanted
            elsewhere = saying(unwanted) if unwanted else false()
            alternatives.append(and_(not_(self._engaged), not_(elsewhere)))
        elif said:
            alternatives.append(and_(not_(self._engaged), saying(said)))
        return or_(false(), *alternatives)

    @property
    def _engaged(self) -> ColumnElement[bool]:
        return and_(_users.status == UserStatus.ACTIVE, reached(_users.id, _IN_CONTACT))

    def _saying(self, states: Collection[PresenceState]) -> Select[Any]:
        """People who said that they are in one of these states, and whose last session on the desktop still runs."""
        minutes = (
            select(_organizations.idle_timeout_minutes)
            .where(_organizations.id == self.organization_id)
            .scalar_subquery()
        )
        last = func.max(_sessions.last_active_at, type_=Instant())
        idle: ColumnElement[bool]
        if self.sqlite:
            moment = literal((self.at - EPOCH) // MICROSECOND, Integer)
            idle = type_coerce(last, Integer) + minutes * 60_000_000 <= moment
        else:
            idle = last + func.make_interval(0, 0, 0, 0, 0, minutes) <= literal(self.at, Instant())
        said = table_of(Presence).alias("said")
        chosen = select(said.c.user_id).where(said.c.organization_id == self.organization_id, said.c.state.in_(states))
        ran_out = (
            select(_sessions.user_id)
            .where(
                _sessions.user_id == said.c.user_id,
                _sessions.ended_at.is_(None),
                _sessions.surface == Surface.AGENT_DESKTOP,
            )
            .group_by(_sessions.user_id)
            .having(or_(func.max(_sessions.expires_at, type_=Instant()) <= self.at, idle))
        )
        return chosen.where(not_(ran_out.exists()))


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
