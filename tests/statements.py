"""Counting what a database is asked, and refusing what must never be asked row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from repositories.engine import Database

_TABLE = re.compile(r"\s*INSERT\s+INTO\s+\"?(\w+)", re.IGNORECASE)
_ROW_BY_ROW = re.compile(r"\s*(UPDATE|DELETE)\b", re.IGNORECASE)
# Who counts at the moment. Tasks that belong to no request (last uses are written half a second later) do not see it.
_counting: ContextVar[tuple[Counted, ...]] = ContextVar("counting", default=())
_AROUND = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA|SET)\b", re.IGNORECASE)


@dataclass
class Counted:
    """What was asked while counting; inserts into a table count once, however many pages they took."""

    statements: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Number of statements, transaction control aside."""
        tables: set[str] = set()
        others = 0
        for statement in self.statements:
            insert = _TABLE.match(statement)
            if insert:
                tables.add(insert[1])
            elif not _AROUND.match(statement):
                others += 1
        return others + len(tables)

    def __str__(self) -> str:
        return "\n".join(self.statements)


class Statements:
    """Watches databases from the moment it is given them."""

    def __init__(self) -> None:
        self.row_by_row: list[str] = []
        self._watched: list[Database] = []

    def watch(self, database: Database) -> None:
        """See every statement of a database from now on."""
        self._watched.append(database)
        for engine in database.engines:
            event.listen(engine.sync_engine, "before_cursor_execute", self._see)

    def end(self) -> None:
        """See nothing any more: other tests use the same engines."""
        for database in self._watched:
            for engine in database.engines:
                event.remove(engine.sync_engine, "before_cursor_execute", self._see)

    @contextmanager
    def counting(self) -> Iterator[Counted]:
        """Count what all watched databases are asked by the requests of the block."""
        counted = Counted()
        outside = _counting.set((*_counting.get(), counted))
        try:
            yield counted
        finally:
            _counting.reset(outside)

    def _see(
        self, _connection: Any, _cursor: Any, statement: str, _parameters: Sequence[Any], _context: Any, many: bool
    ) -> None:
        for counted in _counting.get():
            counted.statements.append(statement)
        if many and _ROW_BY_ROW.match(statement):
            self.row_by_row.append(statement)
            raise AssertionError(f"row by row: {statement}")
