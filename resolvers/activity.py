"""Who was here last: written at most once a minute for each credential, together, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from contextvars import Context as ContextVars
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.audit import ActorKind
from repositories.credentials import CredentialRepository
from repositories.engine import Database, DatabaseUnavailable
from repositories.sight import EVERYTHING
from resolvers.caller import Caller

EVERY = timedelta(minutes=1)
TOGETHER_S = 0.5

_log = logging.getLogger(__name__)


class Activity:
    """Collects the credentials that were used and writes them together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[tuple[ActorKind, UUID], Caller] = {}
        self._at: datetime | None = None
        self._writing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def note(self, caller: Caller, at: datetime) -> None:
        """A credential was used; written soon, unless its last use is less than a minute old."""
        if caller.last_active_at is not None and at - caller.last_active_at < EVERY:
            return
        key = caller.session_id or caller.id
        if key is None or (caller.kind, key) in self._used:
            return
        self._used[caller.kind, key] = caller
        self._at = at
        if self._writing is None or self._writing.done():
            # Not part of the request that began it: its id and its caller are not those of what is written.
            self._writing = asyncio.create_task(self._write_soon(), context=ContextVars())

    async def drain(self) -> None:
        """Write what is still to be written; for the end."""
        self._hurry.set()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self._write()

    async def _write_soon(self) -> None:
        while self._used:  # also what is noted while the write goes on: nobody else would start another one for it
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), TOGETHER_S)
            await self._write()

    async def _write(self) -> None:
        used, at = self._used, self._at
        self._used = {}
        if not used or at is None:
            return

        async def work(connection: AsyncConnection) -> None:
            organizations: dict[UUID, list[Caller]] = defaultdict(list)
            for caller in used.values():
                organizations[caller.organization_id].append(caller)
            for organization_id in sorted(organizations):
                callers = organizations[organization_id]
                kept = CredentialRepository(connection, organization_id, EVERYTHING)
                people = sorted({one.user_id for one in callers if one.user_id is not None})
                if people:
                    await kept.lock(people)  # in the order of every change of people, or two could wait for each other
                await kept.note_activity(
                    people,
                    [one.session_id for one in callers if one.session_id is not None],
                    [one.id for one in callers if one.kind is ActorKind.API_KEY and one.id is not None],
                    at,
                )

        try:
            await self._database.change(work)
        except DatabaseUnavailable:
            _log.warning("last use of %d credentials was not written: the database is gone", len(used))
