"""A whole database as a value, to compare before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

import models  # noqa: F401  (all tables)
from models.listing import ListingKind
from repositories.engine import Database

# Written by requests themselves: when a key was used last, and whom a session serves.
COLUMNS_OF_USE = {"last_used_at", "last_active_at"}


async def whole(
    database: Database,
    *,
    without: Collection[str] = (),
    without_columns: Collection[str] = (),
    without_listings: Collection[ListingKind] = (),
) -> dict[str, Counter[Any]]:
    """The rows of every table but these, however often each occurs."""
    ignored = {*COLUMNS_OF_USE, *without_columns}
    rows: dict[str, Counter[Any]] = {}
    async with database.reading() as connection:
        for name, table in SQLModel.metadata.tables.items():
            if name not in without:
                columns = [column for column in table.columns if column.name not in ignored]
                statement = select(*columns)
                if name == "listings":
                    statement = statement.where(table.c.kind.not_in(without_listings))
                found = await connection.execute(statement)
                rows[name] = Counter(repr(tuple(row)) for row in found)
    return rows
