"""What people are doing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import func, select

from models.call_record import CallRecord
from models.presence import Presence, PresenceState
from models.storage import Instant, table_of
from models.user import User, UserStatus
from repositories.bound import Bound
from repositories.rows import row_class

_users = table_of(User).c
_presences = table_of(Presence).c
_calls = table_of(CallRecord).c


class PresenceRepository(Bound):
    """The presences of the people of one organization."""

    async def of_users(self, ids: Collection[UUID]) -> Mapping[UUID, Presence]:
        """What each person is doing.

        An active person with an open call is ENGAGED since it began (requirement E2); without a row, somebody has
        been OFFLINE ever since the account was made.
        """
        open_since = (
            select(_calls.user_id, func.min(_calls.started_at, type_=Instant()).label("since"))
            .where(self._ours(CallRecord), _calls.user_id.in_(ids), _calls.ended_at.is_(None))
            .group_by(_calls.user_id)
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
            )
            .select_from(
                table_of(User)
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
            presences[row.id] = make(
                user_id=row.id, organization_id=self._organization_id, state=state, since=since, reason_code=reason
            )
        return presences
