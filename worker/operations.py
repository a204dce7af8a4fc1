"""The jobs that do what bulk operations left for later."""

from __future__ import annotations

from repositories.engine import Database
from resolvers.performing import take_back_due
from resolvers.queued import work_on_next


async def work_on_operations(database: Database) -> bool:
    """Do one batch of one operation; whether there was one."""
    return await work_on_next(database)


async def take_back(database: Database) -> bool:
    """Take back one operation that was for a time only; whether there was one."""
    return await take_back_due(database)
