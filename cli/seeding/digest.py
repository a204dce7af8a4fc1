"""A number for everything in an organization, the same on both databases and in whichever order rows are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    Table,
    Text,
    cast,
    extract,
    func,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models import metadata
from models.storage import Flag, Instant, Key, SmallEnum, Structured
from repositories.engine import Database

PAGE_ROWS = 5_000
SEQUENCE = "sequence"  # given by the database, which may hold other organizations: only the order counts


@dataclass(frozen=True, slots=True)
class Contents:
    """What an organization consists of.

    Attributes:
        counts: Rows of each table.
        digest: 32 hexadecimal digits for all values of all rows.
    """

    counts: dict[str, int]
    digest: str


async def contents_of(
    database: Database, organization_id: UUID, tell: Callable[[int], None] = lambda rows: None
) -> Contents:
    """Read an organization back, table by table, and sum up the hashes of its rows.

    Each row is hashed with its table's name as the JSON list of its values by the names of the columns; the sums of the
    tables, modulo 2^128, are hashed with their names and counts.

    Args:
        tell: Called with the number of rows read since the last call.
    """
    counts, whole = {}, blake2b(digest_size=16)
    async with database.reader.connect() as connection:
        if not database.is_sqlite:  # pages are read from a cursor, which needs a transaction
            await connection.execution_options(isolation_level="REPEATABLE READ")
        for table in sorted(metadata.tables.values(), key=lambda each: each.name):
            owner = "id" if table.name == "organizations" else "organization_id"
            count, total = await _summed(connection, table, table.c[owner] == organization_id, tell)
            counts[table.name] = count
            whole.update(f"{table.name} {count} {total:032x}\n".encode())
    return Contents(counts, whole.hexdigest())


async def _summed(
    connection: AsyncConnection, table: Table, own: ColumnElement[bool], tell: Callable[[int], None]
) -> tuple[int, int]:
    """The number of rows of a table, and the sum of their hashes."""
    sqlite = connection.dialect.name == "sqlite"
    ordered = SEQUENCE in table.c
    kept = [column for column in sorted(table.columns, key=lambda each: each.name) if column.name != SEQUENCE]
    structured = [place for place, column in enumerate(kept) if isinstance(column.type, Structured)]
    statement = select(*(_plain(column, sqlite).label(f"v{place}") for place, column in enumerate(kept))).where(own)
    if ordered:
        statement = statement.order_by(table.c[SEQUENCE])
    empty = blake2b(table.name.encode(), digest_size=16)
    count, total = 0, 0
    result = await connection.stream(statement)
    async for page in result.partitions(PAGE_ROWS):
        for row in page:
            values: list[Any] = list(row)
            for place in structured:
                values[place] = None if values[place] is None else orjson.loads(values[place])
            if ordered:
                values.append(count)
            hashed = empty.copy()
            hashed.update(orjson.dumps(values, default=bytes.hex, option=orjson.OPT_SORT_KEYS))
            total += int.from_bytes(hashed.digest(), "big")
            count += 1
        tell(len(page))
    return count, total % (1 << 128)


def _plain(column: Column[Any], sqlite: bool) -> ColumnElement[Any]:
    """A column as bytes, a number or a text, the same from both databases."""
    match column.type:
        case Key():
            return type_coerce(column if sqlite else func.uuid_send(column), LargeBinary)
        case Instant():
            return type_coerce(column, Integer) if sqlite else cast(extract("epoch", column) * 1_000_000, BigInteger)
        case SmallEnum():
            return type_coerce(column, Integer)
        case Flag():
            return type_coerce(column, Integer) if sqlite else cast(column, Integer)
        case Structured():
            return type_coerce(column, Text) if sqlite else cast(column, Text)
        case _:
            return type_coerce(column, column.type)
