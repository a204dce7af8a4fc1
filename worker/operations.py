"""The job that does what bulk operations left for later."""

from __future__ import annotations

from repositories.engine import Database
from resolvers.queued import work_on_next


async def work_on_operations(database: Database) -> bool:
    """Do one batch of one operation; whether there was one."""
    return await work_on_next(database)
