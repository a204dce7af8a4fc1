"""What a bulk deactivation leaves behind, counted, so that the same rows are known to have been written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, text
from sqlmodel import SQLModel

from repositories.engine import Database

# Written by a job of its own, whenever it comes to it (decision 24); and an entry for each transaction.
NOT_COMPARED = {"audit_links", "audit_chains", "seat_ledger"}
SAME_SIZE = 0.01  # by which sizes may differ

# What was done to the rows; how many there are of each kind.
STATES = {
    "users": "status, version, deactivated_at IS NULL AS open",
    "sessions": "end_reason, ended_at IS NULL AS open",
    "presences": "state, reason_code",
    "license_grants": "state, license_id",
    "license_pools": "license_id, granted, seats",
    "deactivations": "actor_kind, actor_id, reason, reactivated_at IS NULL AS current",
    "bulk_operations": "kind, status, error_policy, total, succeeded, sessions_ended, teams_left, queues_left, "
    "contacts_ended, seats_freed, named_by, actor_kind, actor_id, reason",
    "bulk_operation_items": "outcome, user_version",
    "audit_events": "action, actor_kind, actor_id, target_type, target_version, reason, operation_id IS NULL AS own",
    "outbox_events": "kind",
    "listings": "kind, thing_id, status",
}
SIZES = {
    "bulk_operation_items": ("key", "errors", "warnings", "effects", "delta"),
    "audit_events": ("target_label", "changes", "request_id"),
    "outbox_events": ("payload",),
}


async def counted(database: Database) -> Mapping[str, Any]:
    """Rows of each table and of each state, by name."""
    found: dict[str, Any] = {}
    async with database.reading() as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name not in NOT_COMPARED:
                found[table.name] = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        for name, columns in STATES.items():
            by = ", ".join(str(place) for place in range(1, columns.count(",") + 2))
            rows = await connection.execute(text(f"SELECT {columns}, count(*) FROM {name} GROUP BY {by}"))
            for *state, count in rows:
                found[f"{name} {columns}: {state}"] = count
    return found


async def sized(database: Database) -> Mapping[str, int]:
    """Characters in columns of texts and JSON, by name."""
    found: dict[str, int] = {}
    async with database.reading() as connection:
        for name, columns in SIZES.items():
            for column in columns:
                sql = f"SELECT coalesce(sum(length(CAST({column} AS TEXT))), 0) FROM {name}"
                found[f"{name}.{column}"] = int((await connection.execute(text(sql))).scalar_one())
    return found


async def differences(one: str, other: str) -> list[str]:
    """What differs between the rows of two databases, in words."""
    databases = Database(one), Database(other)
    try:
        counts = [await counted(each) for each in databases]
        sizes = [await sized(each) for each in databases]
    finally:
        for each in databases:
            await each.close()
    found = [
        f"{name}: {counts[0].get(name, 0):,} rows, and {counts[1].get(name, 0):,}"
        for name in sorted({*counts[0], *counts[1]})
        if counts[0].get(name, 0) != counts[1].get(name, 0)
    ]
    return found + [
        f"{name}: {size:,} characters, and {sizes[1][name]:,}"
        for name, size in sizes[0].items()
        if abs(size - sizes[1][name]) > SAME_SIZE * max(size, sizes[1][name])
    ]
