"""Who is listed by what, as it follows from the tables: to compare with what triggers keep, or to list many people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, exists, insert, select, text, type_coerce, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from models.call_record import CallRecord
from models.license import LicenseGrant
from models.listing import Listing, ListingKind
from models.presence import Presence, PresenceState
from models.queue import UserQueue
from models.skill_group import SkillGroupMember
from models.storage import table_of
from models.team import Membership
from models.user import User, UserRole, UserRoleGrant

_users = table_of(User).c
_listings = table_of(Listing).c
_memberships = table_of(Membership).c
_direct = table_of(UserQueue).c
_skilled = table_of(SkillGroupMember).c
_roles = table_of(UserRoleGrant).c
_presences = table_of(Presence).c
_calls = table_of(CallRecord).c
_grants = table_of(LicenseGrant).c

_SHOWN = [state for state in PresenceState if state is not PresenceState.OFFLINE]

# The triggers that keep the listings, as their migration named them.
_NAMED = r"%\_listed\_%"
_SQLITE_TRIGGERS = rf"SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '{_NAMED}' ESCAPE '\'"
_POSTGRESQL_TRIGGERS = f"""
SELECT format('ALTER TABLE %s %%s TRIGGER %I', tgrelid::regclass, tgname) AS switch FROM pg_trigger
    WHERE tgname LIKE '{_NAMED}' AND NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname
"""


def due(organization_id: UUID | None = None) -> Select[Any]:
    """Selects the listings that there should be: person, kind as a number, thing, organization, state and sort key.

    Args:
        organization_id: Whose, if not everybody's.
    """
    direct = exists().where(_direct.user_id == _users.id)
    licensed = exists().where(_grants.user_id == _users.id)
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
        # Who is on two calls is listed once.
        _by(ListingKind.ENGAGED, _calls.user_id, _calls.organization_id, _calls.ended_at.is_(None)).distinct(),
        _by(ListingKind.NO_DIRECT_QUEUE, _users.id, _users.organization_id, ~direct),
        _by(ListingKind.NO_LICENSE, _users.id, _users.organization_id, ~licensed),
    ]
    if organization_id is not None:
        sources = [source.where(source.get_final_froms()[0].c.organization_id == organization_id) for source in sources]
    listed = union_all(*sources).subquery("due")
    return select(listed, _users.organization_id, _users.status, _users.display_name_key).join_from(
        listed, table_of(User), _users.id == listed.c.user_id
    )


def _by(
    kind: ListingKind, user: ColumnElement[Any], thing: ColumnElement[Any], *where: ColumnElement[bool]
) -> Select[Any]:
    """Selects whom rows list by what."""
    number = type_coerce(kind.value, Integer)
    return select(user.label("user_id"), number.label("kind"), thing.label("thing_id")).where(*where)


@asynccontextmanager
async def listed_at_once(connection: AsyncConnection, organization_id: UUID) -> AsyncIterator[None]:
    """Let the triggers rest in the rest of a transaction, and list the people of an organization when the block ends.

    For an organization that is new: nobody of it is listed yet, and of no other may anything be changed in the block.
    On PostgreSQL others who change people wait for the end of the transaction, as they do on SQLite anyway.
    """
    resting, waking = await _switches(connection)
    for statement in resting:
        await connection.exec_driver_sql(statement)
    yield
    columns = ("user_id", "kind", "thing_id", "organization_id", "status", "name_key")
    rows = due(organization_id).order_by(text("1, 2, 3"))  # as the table is sorted
    await connection.execute(insert(table_of(Listing)).from_select(columns, rows))
    for statement in waking:
        await connection.exec_driver_sql(statement)


async def _switches(connection: AsyncConnection) -> tuple[Sequence[str], Sequence[str]]:
    """Statements that let the triggers rest, and wake them; if the transaction is undone, so is that."""
    if connection.dialect.name == "sqlite":
        found = (await connection.exec_driver_sql(_SQLITE_TRIGGERS)).all()
        return [f"DROP TRIGGER {row.name}" for row in found], [row.sql for row in found]
    every = [row.switch for row in await connection.exec_driver_sql(_POSTGRESQL_TRIGGERS)]
    return [each % "DISABLE" for each in every], [each % "ENABLE" for each in every]
