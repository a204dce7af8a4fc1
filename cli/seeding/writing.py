"""Writing many rows, in pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from models.storage import table_of

PAGE_ROWS = 1_000


async def write(connection: AsyncConnection, model: type[SQLModel], rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns; only a page of them is in memory at once."""
    remaining = iter(rows)
    while page := [dict(row) for row in islice(remaining, PAGE_ROWS)]:
        await connection.execute(insert(table_of(model)), page)
