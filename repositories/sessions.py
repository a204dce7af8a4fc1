"""Signed-in sessions, as they are found. One that ran out counts as ended, marked or not (requirement E17)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, not_, select

from models.session import Session, SessionEndReason
from models.storage import table_of
from repositories.bound import Bound
from repositories.edges import counts, slices
from repositories.keyset import Order, Slice, SortKey, ordered_by
from repositories.rows import columns, light
from repositories.sight import visible_sessions
from repositories.standing import open_session

_sessions = table_of(Session).c

SESSIONS_LATEST_FIRST = ordered_by(
    "sessions", [SortKey("started_at", _sessions.started_at, descending=True, kind="instant")], _sessions.id
)


@dataclass(frozen=True, slots=True)
class Clock:
    """When something is asked, and how many idle minutes end a session (requirement A29)."""

    at: datetime
    idle_minutes: int

    def tell(self, session: Session) -> Session:
        """The session as it counts now: one that ran out ended when it did."""
        idle_until = session.last_active_at + timedelta(minutes=self.idle_minutes)
        until = min(session.expires_at, idle_until)
        if session.ended_at is None and until <= self.at:
            session.ended_at = until
            idle = idle_until < session.expires_at
            session.end_reason = SessionEndReason.IDLE_TIMEOUT if idle else SessionEndReason.EXPIRED
        session.expires_at = until
        return session


class SessionRepository(Bound):
    """The sessions of one organization that the caller sees."""

    async def by_id(self, ids: Collection[UUID], clock: Clock) -> Mapping[UUID, Session]:
        """The sessions with these ids."""
        found = await self._connection.execute(
            select(*columns(Session)).where(self._ours(Session), _sessions.id.in_(ids), visible_sessions(self._sight))
        )
        return {session.id: clock.tell(session) for session in light(Session, found)}

    async def of_users(
        self, ids: Collection[UUID], open: bool | None, clock: Clock, order: Order, part: Slice
    ) -> dict[UUID, list[Session]]:
        """Sessions of each person.

        Args:
            open: Only those that are open, or only those that are not.
        """
        found = await slices(
            self._connection, Session, table_of(Session), _sessions.user_id, ids, order, part, *self._are(open, clock)
        )
        return {user_id: [clock.tell(session) for session in sessions] for user_id, sessions in found.items()}

    async def count_of_users(self, ids: Collection[UUID], open: bool | None, clock: Clock) -> dict[UUID, int]:
        """How many sessions each person has."""
        return await counts(self._connection, table_of(Session), _sessions.user_id, ids, *self._are(open, clock))

    def _are(self, open: bool | None, clock: Clock) -> list[ColumnElement[bool]]:
        clauses = [self._ours(Session), visible_sessions(self._sight)]
        if open is not None:
            running = open_session(clock.at, clock.idle_minutes)
            clauses.append(running if open else not_(running))
        return clauses
