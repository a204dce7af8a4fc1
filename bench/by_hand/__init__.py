"""The rows of a bulk deactivation written without the product: set-based SQL by hand, on the driver itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import make_url

from gql.ids import global_id
from models.operation import StateChangeReason
from models.storage import EPOCH, MICROSECOND, uuid7
from repositories.engine import PRAGMAS
from resolvers.context import utc_now

_COLUMNS = {
    "organization_id": ("BLOB", "uuid"),
    "actor_id": ("BLOB", "uuid"),
    "operation_id": ("BLOB", "uuid"),
    "operation": ("TEXT", "text"),
    "request_id": ("TEXT", "text"),
    "reason": ("INTEGER", "smallint"),
    "came_until": ("INTEGER", "timestamptz"),
    "at": ("INTEGER", "timestamptz"),
    "key_begins": ("BLOB", "bytea"),  # with its time, as the keys of the product do
}


@dataclass(frozen=True)
class Asked:
    """Whom to deactivate: active agents who are not protected and came by then; and who asks for it."""

    organization_id: UUID
    actor_id: UUID
    came_until: datetime

    def row(self) -> dict[str, Any]:
        """What the statements are told."""
        at = utc_now()
        operation = uuid7(at)
        return {
            "organization_id": self.organization_id,
            "actor_id": self.actor_id,
            "operation_id": operation,
            "operation": str(operation),
            "request_id": uuid7(at).hex,
            "reason": StateChangeReason.SEASONAL.value,
            "came_until": self.came_until,
            "at": at,
            "key_begins": uuid7(at).bytes[:6],
        }


async def deactivate(url: str, asked: Asked) -> Mapping[str, float]:
    """Write the rows, in one transaction: the seconds that each group of statements took, the commit included."""
    row = asked.row()
    return await _on_postgresql(url, row) if url.startswith("postgresql") else await _on_sqlite(url, row)


async def _on_sqlite(url: str, row: Mapping[str, Any]) -> Mapping[str, float]:
    connection = sqlite3.connect(make_url(url).database or "", isolation_level=None)
    connection.create_function("global_id", 1, lambda key: global_id("User", UUID(bytes=key)), deterministic=True)
    connection.executescript(PRAGMAS)

    async def run(statement: str) -> None:
        connection.execute(statement)

    try:
        columns = ", ".join(f"{name} {types[0]}" for name, types in _COLUMNS.items())
        connection.execute(f"CREATE TEMP TABLE asked ({columns})")
        places = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO asked VALUES ({places})", [_stored(value) for value in row.values()])
        return await _timed("sqlite", "BEGIN IMMEDIATE", run)
    finally:
        connection.close()


def _stored(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.bytes
    return (value - EPOCH) // MICROSECOND if isinstance(value, datetime) else value


async def _on_postgresql(url: str, row: Mapping[str, Any]) -> Mapping[str, float]:
    import asyncpg

    connection = await asyncpg.connect(url, server_settings={"jit": "off"})

    async def run(statement: str) -> None:
        await connection.execute(statement)

    try:
        columns = ", ".join(f"{name} {types[1]}" for name, types in _COLUMNS.items())
        await connection.execute(f"CREATE TEMP TABLE asked ({columns})")
        places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
        await connection.execute(f"INSERT INTO asked VALUES ({places})", *row.values())
        return await _timed("postgresql", "BEGIN", run)
    finally:
        await connection.close()


async def _timed(kind: str, begin: str, run: Callable[[str], Awaitable[None]]) -> Mapping[str, float]:
    took: dict[str, float] = {}
    for title, statements in [("begin", [begin]), *statements_of(kind).items(), ("commit", ["COMMIT"])]:
        began = time.perf_counter()
        for statement in statements:
            await run(statement)
        took[title] = time.perf_counter() - began
    return took


def statements_of(kind: str) -> Mapping[str, list[str]]:
    """The statements for `sqlite` or `postgresql`, in groups with a title."""
    written = (Path(__file__).parent / f"{kind}.sql").read_text("utf-8")
    groups = (group.partition("\n") for group in written.split("\n\n-- ")[1:])
    return {title: [each for each in body.split(";\n") if each.strip()] for title, _, body in groups}
