"""Columns that hold a closed set: their checks widened, or added, without building a table anew."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def allow(table: str, column: str, values: Sequence[int]) -> None:
    """Let a column of numbers hold exactly these values, all that it held before among them.

    On SQLite the definition itself is edited, as SQLite's page on ALTER TABLE tells for changes that leave the stored
    rows as they are: a table that is built anew would lose its triggers, and what refers to it would be in the way.
    """
    name = f"ck_{table}_{column}"
    allowed = ", ".join(map(str, values))
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.drop_constraint(op.f(name), table, type_="check")
        op.create_check_constraint(op.f(name), table, f"{column} IN ({allowed})")
        return
    _edit(table, rf"(\b{name} CHECK \({column} IN \()[0-9, ]*", rf"\g<1>{allowed}")


def allow_null(table: str, column: str) -> None:
    """Let a column be without a value that always had one."""
    if op.get_bind().dialect.name == "sqlite":
        _edit(table, rf"(\b{column} [A-Z]+) NOT NULL", r"\g<1>")
    else:
        op.alter_column(table, column, nullable=True)


def _edit(table: str, what: str, by: str) -> None:
    """Edit the definition of a table of SQLite at one place."""
    connection = op.get_bind()
    where = "WHERE type = 'table' AND name = :table"
    before = str(connection.scalar(sa.text(f"SELECT sql FROM sqlite_schema {where}"), {"table": table}))
    after, found = re.subn(what, by, before)
    assert found == 1, before
    generation = int(connection.scalar(sa.text("PRAGMA schema_version")) or 0)
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    connection.execute(sa.text(f"UPDATE sqlite_schema SET sql = :sql {where}"), {"sql": after, "table": table})
    connection.execute(sa.text(f"PRAGMA schema_version = {generation + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = RESET"))


def add_choice(table: str, column: str, values: Sequence[int], default: int) -> None:
    """Add a column of a closed set, with its check."""
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "SMALLINT"
    allowed = ", ".join(map(str, values))
    check = f"CONSTRAINT {op.f(f'ck_{table}_{column}')} CHECK ({column} IN ({allowed}))"
    op.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {column} {kind} DEFAULT {default} NOT NULL {check}"))


def add_flag(table: str, column: str) -> None:
    """Add a column of yes or no, with the check of a flag; it is no in the rows that are there."""
    kind, no = ("INTEGER", "0") if op.get_bind().dialect.name == "sqlite" else ("BOOLEAN", "false")
    check = f"CONSTRAINT {op.f(f'ck_{table}_{column}')} CHECK (CAST({column} AS INTEGER) IN (0, 1))"
    op.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {column} {kind} DEFAULT {no} NOT NULL {check}"))
