"""Where people stand, locked and changed: status, sign-in block, sessions, presence, contacts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)

from models.api_key import ApiKey
from models.audit import ActorKind
from models.call_record import CallEndReason, CallRecord
from models.deactivation import Deactivation, DeactivationQueue, DeactivationTeam
from models.organization import Organization
from models.permission import PermissionScope
from models.presence import Presence, PresenceState
from models.queue import UserQueue
from models.session import Session, SessionEndReason, SignInBlock, Surface
from models.storage import Key, table_of
from models.team import Membership
from models.user import User, UserRole, UserRoleGrant, UserStatus
from repositories.among import NotByIndex, among
from repositories.bound import Bound
from repositories.sight import visible_users, within

_users = table_of(User).c
_roles = table_of(UserRoleGrant).c
_blocks = table_of(SignInBlock).c
_sessions = table_of(Session).c
_presences = table_of(Presence).c
_calls = table_of(CallRecord).c
_deactivations = table_of(Deactivation).c
_organizations = table_of(Organization).c
_teams = table_of(DeactivationTeam)
_queues = table_of(DeactivationQueue)

# The columns by which a target names people.
NAMED_BY = {
    "ids": _users.id,
    "emails": _users.email_key,
    "external_ids": _users.external_id,
    "agent_numbers": _users.agent_number,
}

_NO_BLOCK = ~exists().where(_blocks.user_id == _users.id)


def open_session(at: datetime, idle_minutes: int) -> ColumnElement[bool]:
    """Sessions that are open at an instant: without an end, and not run out (requirement E17)."""
    return and_(
        _sessions.ended_at.is_(None),
        _sessions.expires_at > at,
        _sessions.last_active_at > at - timedelta(minutes=idle_minutes),
    )


def role_bits(user_id: ColumnElement[Any]) -> ColumnElement[int]:
    """The roles of a person in one number: bit n for the role with the number n."""
    bits = case(*((_roles.role == role, 1 << role.value) for role in UserRole), else_=0)
    return select(func.coalesce(func.sum(bits), 0)).where(_roles.user_id == user_id).scalar_subquery()


@cache
def roles_in(bits: int) -> frozenset[UserRole]:
    """The roles in such a number."""
    return frozenset(role for role in UserRole if bits >> role.value & 1)


class StandingRepository(Bound):
    """Where the people of one organization stand."""

    async def lock(self, named_by: str, keys: Collection[Any], *, administrators: bool) -> list[UUID]:
        """Lock the people of a target, in the order of their ids.

        Args:
            named_by: A key of `NAMED_BY`; deleted people are found by id only.
            administrators: Whether all active full administrators are locked too when one of them is in the target:
                two who act on each other would otherwise both see two left (requirement E6).

        Returns:
            Ids of all that were locked.
        """
        wanted = self._named(named_by, keys)
        if administrators:
            targeted = select(_users.id).where(wanted)
            full = select(_roles.user_id).where(self._ours(UserRoleGrant), _roles.role == UserRole.FULL_ADMINISTRATOR)
            active = select(_users.id).where(
                self._ours_too(User),
                _users.status == UserStatus.ACTIVE,
                _users.id.in_(full),
                exists(full.where(_roles.user_id.in_(targeted)).correlate(None)),
            )
            # Not one condition or the other, for which PostgreSQL would compare everybody with each of the keys.
            wanted = among(_users.id, union_all(targeted, active))
        found = await self._connection.execute(
            select(_users.id).where(wanted).order_by(_users.id).with_for_update(key_share=True)
        )
        return list(found.scalars())

    async def ids_named(self, names: Mapping[str, Collection[Any]]) -> dict[tuple[str, Any], UUID]:
        """The people with these keys, each named in a way of its own.

        Args:
            names: Keys by what they are, a key of `NAMED_BY`; deleted people are found by id only.
        """
        found: dict[tuple[str, Any], UUID] = {}
        for named_by, keys in names.items():
            column = NAMED_BY[named_by]
            rows = await self._connection.execute(
                select(column.label("key"), _users.id).where(self._named(named_by, keys))
            )
            found |= {(named_by, row[0]): row[1] for row in rows}
        return found

    async def versions(self, named_by: str, keys: Collection[Any]) -> dict[Any, tuple[UUID, int]]:
        """Id and version of the people of a target, by its keys; of those whom the caller does not see too."""
        found = await self._connection.execute(
            select(NAMED_BY[named_by], _users.id, _users.version).where(self._named(named_by, keys))
        )
        return {row[0]: (row[1], row[2]) for row in found}

    def _named(self, named_by: str, keys: Collection[Any]) -> ColumnElement[bool]:
        if named_by == "ids":
            return and_(self._ours_too(User), among(_users.id, keys))
        return and_(self._ours(User), NAMED_BY[named_by].in_(keys), _users.status != UserStatus.DELETED)

    async def people(
        self, ids: Collection[UUID], *, at: datetime, scope: PermissionScope | None, caller_id: UUID | None
    ) -> Sequence[Any]:
        """All that an assessment looks at, for locked people: two statements, in no order.

        Args:
            scope: How far the permission of the action reaches; the column `reachable` tells who is inside.
        """
        idle = select(_organizations.idle_timeout_minutes).where(_organizations.id == self._organization_id)
        minutes = int((await self._connection.execute(idle)).scalar_one())
        has_session = exists().where(_sessions.user_id == _users.id, open_session(at, minutes))
        found = await self._connection.execute(
            select(
                _users.id,
                _users.email_key,
                _users.external_id,
                _users.agent_number,
                _users.status,
                _users.version,
                _users.protected,
                _users.display_name,
                _users.contact_center_enabled,
                role_bits(_users.id).label("role_bits"),
                _blocks.user_id.is_not(None).label("blocked"),
                _blocks.by_administrator,
                exists().where(_calls.user_id == _users.id, _calls.ended_at.is_(None)).label("in_contact"),
                has_session.label("has_session"),
                _presences.state.label("presence"),
                visible_users(self._sight).label("visible"),
                within(scope, caller_id).label("reachable"),
            )
            .select_from(
                table_of(User)
                .outerjoin(table_of(SignInBlock), _blocks.user_id == _users.id)
                .outerjoin(table_of(Presence), _presences.user_id == _users.id)
            )
            .where(self._ours_too(User), among(_users.id, ids))
        )
        return found.all()

    async def idle_minutes(self) -> int:
        """Minutes of idleness after which a session of the organization ends (requirement A29)."""
        found = await self._connection.execute(
            select(_organizations.idle_timeout_minutes).where(_organizations.id == self._organization_id)
        )
        return int(found.scalar_one())

    async def caller_stands(
        self, kind: ActorKind, caller_id: UUID | None, session_id: UUID | None, at: datetime
    ) -> bool:
        """Whether the caller may still act, asked again under the locks of a change.

        Args:
            session_id: Of a person who asks; None for one whose operation a worker does.
        """
        if kind is ActorKind.SYSTEM:
            return True
        if kind is ActorKind.API_KEY:
            keys = table_of(ApiKey).c
            valid = and_(keys.revoked_at.is_(None), or_(keys.expires_at.is_(None), keys.expires_at > at))
            statement = select(keys.id).where(self._ours(ApiKey), keys.id == caller_id, valid)
        else:
            statement = select(_users.id).where(
                self._ours(User),
                _users.id == caller_id,
                _users.status == UserStatus.ACTIVE,
                _NO_BLOCK,
            )
            if session_id is not None:
                statement = statement.where(exists().where(_sessions.id == session_id, _sessions.ended_at.is_(None)))
        return (await self._connection.execute(statement)).first() is not None

    async def administrators(self) -> set[UUID]:
        """The full administrators who are active and not blocked."""
        found = await self._connection.execute(
            select(_users.id)
            .join_from(table_of(User), table_of(UserRoleGrant), _roles.user_id == _users.id)
            .where(
                self._ours(UserRoleGrant),
                _roles.role == UserRole.FULL_ADMINISTRATOR,
                self._ours_too(User),
                NotByIndex(_users.status) == UserStatus.ACTIVE,
                _NO_BLOCK,
            )
        )
        return set(found.scalars())

    async def mark_deactivated(self, ids: Collection[UUID], *, at: datetime) -> dict[UUID, int]:
        """Close accounts that are still open.

        Returns:
            The new versions of the accounts that this call closed, so that two callers are never both told "changed".
        """
        return await self._mark(ids, UserStatus.ACTIVE, UserStatus.DEACTIVATED, at, deactivated_at=at)

    async def mark_deactivated_again(self, ids: Collection[UUID], *, at: datetime) -> dict[UUID, int]:
        """Close accounts as they were closed before; the new versions of those that this call closed.

        The last deactivation of each counts again, with its time, and with what it took.
        """
        last = (
            select(func.max(_deactivations.deactivated_at)).where(_deactivations.user_id == _users.id).scalar_subquery()
        )
        changed = await self._mark(ids, UserStatus.ACTIVE, UserStatus.DEACTIVATED, at, deactivated_at=last)
        of_user = table_of(User).alias("of_user").c
        await self._connection.execute(
            update(table_of(Deactivation))
            .where(
                self._ours_too(Deactivation),
                among(_deactivations.user_id, changed),
                _deactivations.deactivated_at
                == select(of_user.deactivated_at).where(of_user.id == _deactivations.user_id).scalar_subquery(),
            )
            .values(reactivated_at=None)
        )
        return changed

    async def mark_reactivated(self, ids: Collection[UUID], *, at: datetime) -> dict[UUID, int]:
        """Open deactivated accounts again; the new versions of those that this call opened."""
        return await self._mark(ids, UserStatus.DEACTIVATED, UserStatus.ACTIVE, at, deactivated_at=None)

    async def _mark(
        self, ids: Collection[UUID], old: UserStatus, new: UserStatus, at: datetime, **values: Any
    ) -> dict[UUID, int]:
        # On SQLite what fails here is undone with its whole transaction, and need not be undone alone: to be able to,
        # each page is written once more. One value in the place of all the keys would bring that back (decision 35).
        named = _users.id.in_(ids) if self._connection.dialect.name == "sqlite" else among(_users.id, ids)
        changed = await self._connection.execute(
            update(table_of(User))
            .prefix_with("OR FAIL", dialect="sqlite")
            .where(self._ours_too(User), named, _users.status == old)
            .values(status=new, status_changed_at=at, version=_users.version + 1, updated_at=at, **values)
            .returning(_users.id, _users.version)
        )
        return {row.id: row.version for row in changed}

    async def touch(self, ids: Collection[UUID], *, at: datetime) -> dict[UUID, int]:
        """Count a change of people up (requirement E9); their new versions."""
        changed = await self._connection.execute(
            update(table_of(User))
            .where(self._ours_too(User), among(_users.id, ids))
            .values(version=_users.version + 1, updated_at=at)
            .returning(_users.id, _users.version)
        )
        return {row.id: row.version for row in changed}

    async def keep_deactivations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Remember who was deactivated, when, by whom and why."""
        await self._insert(Deactivation, rows)

    async def keep_assignments(self, user_ids: Collection[UUID]) -> None:
        """Remember what people have whose deactivation begins, for it will take it from them (requirement E10)."""
        for kept, link, thing in (
            (_teams, table_of(Membership), "team_id"),
            (_queues, table_of(UserQueue), "queue_id"),
        ):
            columns = ("deactivation_id", thing, "organization_id", "assigned_at")
            await self._connection.execute(
                insert(kept).from_select(
                    columns,
                    select(_deactivations.id, *(link.c[column] for column in columns[1:]))
                    .join_from(table_of(Deactivation), link, link.c.user_id == _deactivations.user_id)
                    .where(
                        self._ours_too(Deactivation),
                        among(_deactivations.user_id, user_ids),
                        _deactivations.reactivated_at.is_(None),
                    ),
                )
            )

    async def close_deactivations(self, user_ids: Collection[UUID], *, at: datetime) -> None:
        """The deactivations of these people are over; what they took stays on record."""
        await self._connection.execute(
            update(table_of(Deactivation))
            .where(
                self._ours_too(Deactivation),
                among(_deactivations.user_id, user_ids),
                _deactivations.reactivated_at.is_(None),
            )
            .values(reactivated_at=at)
        )

    async def block(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Set sign-in blocks of people who have none."""
        await self._insert(SignInBlock, rows)

    async def taken(self, user_ids: Collection[UUID]) -> Sequence[Any]:
        """What the current deactivations of people took: `user_id`, `team_id` or `queue_id`, `assigned_at`."""
        parts = [
            select(
                _deactivations.user_id,
                (link.c.team_id if link is _teams else literal(None, Key())).label("team_id"),
                (link.c.queue_id if link is _queues else literal(None, Key())).label("queue_id"),
                link.c.assigned_at,
            )
            .join_from(table_of(Deactivation), link, link.c.deactivation_id == _deactivations.id)
            .where(
                self._ours_too(Deactivation),
                among(_deactivations.user_id, user_ids),
                _deactivations.reactivated_at.is_(None),
            )
            for link in (_teams, _queues)
        ]
        return (await self._connection.execute(union_all(*parts))).all()

    async def unblock(self, user_ids: Collection[UUID]) -> dict[UUID, Mapping[str, Any]]:
        """Lift sign-in blocks; the blocks that this call lifted by their person, as columns."""
        lifted = await self._connection.execute(
            delete(table_of(SignInBlock))
            .where(self._ours_too(SignInBlock), among(_blocks.user_id, user_ids))
            .returning(*(column for column in table_of(SignInBlock).c if column.name != "organization_id"))
        )
        found = [dict(row._mapping) for row in lifted]
        return {row.pop("user_id"): row for row in found}

    async def end_sessions(
        self,
        user_ids: Collection[UUID] | Select[Any],
        *,
        at: datetime,
        reason: SessionEndReason,
        only: ColumnElement[bool] | None = None,
        except_session: UUID | None = None,
        own: UUID | None = None,
        surfaces: Collection[Surface] | None = None,
    ) -> Sequence[Any]:
        """End the sessions of people.

        One that ran out before is marked as what it is and not returned (requirement E17).

        Args:
            user_ids: Whose; a selection of keys where they could be too many to name.
            only: Which of their sessions; all when None.
            except_session: A session that stays.
            own: The caller, whose sessions end as SIGNED_OUT whatever the reason for the others.
            surfaces: End those on these surfaces only.

        Returns:
            `id`, `user_id` and `surface` of the sessions that were open until now.
        """
        minutes = await self.idle_minutes()
        real: Any = reason.value
        if own is not None:
            real = case((_sessions.user_id == own, SessionEndReason.SIGNED_OUT.value), else_=reason.value)
        ended = await self._connection.execute(
            update(table_of(Session))
            .where(
                self._ours_too(Session),
                among(_sessions.user_id, user_ids),
                _sessions.ended_at.is_(None),
                *([] if only is None else [only]),
                *([] if except_session is None else [_sessions.id != except_session]),
                *([] if surfaces is None else [_sessions.surface.in_(surfaces)]),
            )
            .values(
                ended_at=at,
                end_reason=case(
                    (_sessions.expires_at <= at, SessionEndReason.EXPIRED.value),
                    (
                        _sessions.last_active_at <= at - timedelta(minutes=minutes),
                        SessionEndReason.IDLE_TIMEOUT.value,
                    ),
                    else_=real,
                ),
            )
            .returning(_sessions.id, _sessions.user_id, _sessions.surface, _sessions.end_reason)
        )
        ran_out = (SessionEndReason.EXPIRED, SessionEndReason.IDLE_TIMEOUT)
        return [row for row in ended if row.end_reason not in ran_out]

    async def go_offline(self, user_ids: Collection[UUID] | Select[Any], *, at: datetime) -> set[UUID]:
        """Set presence to OFFLINE; the people whose presence that changed."""
        changed = await self._connection.execute(
            update(table_of(Presence))
            .where(
                self._ours_too(Presence), among(_presences.user_id, user_ids), _presences.state != PresenceState.OFFLINE
            )
            .values(state=PresenceState.OFFLINE, since=at, reason_code=None)
            .returning(_presences.user_id)
        )
        return set(changed.scalars())

    async def end_contacts(self, user_ids: Collection[UUID], *, at: datetime, ended_by: CallEndReason) -> Sequence[Any]:
        """End the active contacts of people (requirement E7): `id`, `user_id` and `external_id` of each call."""
        ended = await self._connection.execute(
            update(table_of(CallRecord))
            .where(self._ours_too(CallRecord), among(_calls.user_id, user_ids), _calls.ended_at.is_(None))
            .values(ended_at=at, ended_by=ended_by)
            .returning(_calls.id, _calls.user_id, _calls.external_id)
        )
        return ended.all()

    async def add_roles(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Give roles to people."""
        await self._insert(UserRoleGrant, rows)

    async def set_roles(self, user_id: UUID, roles: Collection[UserRole]) -> None:
        """Make these the roles of one person."""
        await self._connection.execute(
            delete(table_of(UserRoleGrant)).where(self._ours(UserRoleGrant), _roles.user_id == user_id)
        )
        if roles:
            await self._connection.execute(
                insert(table_of(UserRoleGrant)),
                [
                    {"organization_id": self._organization_id, "user_id": user_id, "role": role}
                    for role in sorted(roles, key=lambda role: role.value)
                ],
            )
