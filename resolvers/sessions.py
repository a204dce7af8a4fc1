"""Finding sessions: all of them with organization scope, else one's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from models.session import Session
from models.user import User
from repositories.kept import Kept
from repositories.keyset import Slice
from repositories.sessions import SESSIONS_LATEST_FIRST, Clock
from resolvers.context import Context
from resolvers.lists import page_of_parent
from resolvers.paging import Page, PageArguments


async def session_of(context: Context, session_id: UUID | None) -> Session | None:
    """The session with this id; None when there is none or the caller does not see it."""
    if session_id is None:
        return None
    clock = await _clock(context)

    async def fetch(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Session]:
        return await kept.sessions.by_id(ids, clock)

    return await context.loaders.load("sessions", session_id, fetch)


async def sessions_of_user(context: Context, user: User, open: bool | None, arguments: PageArguments) -> Page[Session]:
    """Sessions of a person, the latest first; empty for who does not see them.

    Args:
        open: Only those that are open (true) or not (false); one that ran out is not (requirement E17).
    """
    clock = await _clock(context)

    async def fetch(kept: Kept, ids: Collection[UUID], part: Slice) -> Mapping[UUID, list[Session]]:
        return await kept.sessions.of_users(ids, open, clock, SESSIONS_LATEST_FIRST, part)

    async def count(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, int]:
        return await kept.sessions.count_of_users(ids, open, clock)

    return await page_of_parent(
        context, "sessions_of_users", user.id, SESSIONS_LATEST_FIRST, arguments, fetch, count, open
    )


async def _clock(context: Context) -> Clock:
    """One moment for all sessions of a request, and the idle time-out."""

    async def fetch(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Clock]:
        return dict.fromkeys(ids, Clock(context.now(), await kept.standing.idle_minutes()))

    clock = await context.loaders.load("clock", context.known.organization_id, fetch)
    assert clock is not None
    return clock
