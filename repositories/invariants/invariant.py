"""What an invariant is, and how its violations are found: in one statement, or by looking at every row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from models.storage import table_of

EXAMPLES = 5
_PAGE_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Asked:
    """When, and of which kind of database, violations are asked for."""

    at: datetime
    sqlite: bool


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold.

    Attributes:
        count: How many rows break it.
        what: What should not be, in a sentence.
        examples: Keys of the first rows, as hexadecimal digits; several parts of a key with a slash between.
    """

    name: str
    count: int
    what: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Invariant(ABC):
    """Something that holds in every database, whatever was asked of it.

    Attributes:
        name: How it is called in what `rosterql check` prints; never changes.
        what: What a violation is, in a sentence.
    """

    name: str
    what: str

    async def violation(self, connection: AsyncConnection, asked: Asked) -> Violation | None:
        """What breaks the invariant, in all organizations; None when nothing does."""
        count, examples = await self._broken(connection, asked)
        return Violation(self.name, count, self.what, examples) if count else None

    @abstractmethod
    async def _broken(self, connection: AsyncConnection, asked: Asked) -> tuple[int, tuple[str, ...]]: ...


@dataclass(frozen=True)
class Never(Invariant):
    """Rows that a statement must not find.

    Attributes:
        rows: Selects the key of each violation; where it depends on the time or the kind of database, a function.
    """

    rows: Select[Any] | Callable[[Asked], Select[Any]]

    def statement(self, asked: Asked) -> Select[Any]:
        """Counts all violations beside the keys of the first."""
        return _counting(self.rows(asked)) if callable(self.rows) else self._same_for_all

    @cached_property
    def _same_for_all(self) -> Select[Any]:
        assert not callable(self.rows)
        return _counting(self.rows)

    async def _broken(self, connection: AsyncConnection, asked: Asked) -> tuple[int, tuple[str, ...]]:
        found = (await connection.execute(self.statement(asked))).all()
        return (found[0].all_of_them if found else 0), tuple(shown(*row[1:]) for row in found)


def _counting(rows: Select[Any]) -> Select[Any]:
    broken = rows.subquery("broken")
    return select(func.count().over().label("all_of_them"), *broken.c).limit(EXAMPLES)


@dataclass(frozen=True)
class Follows(Invariant):
    """Columns that follow from others of the same row, in a way that no database can compute.

    Attributes:
        model: The table, whose key is one column.
        given: Columns from which the others follow.
        follow: Those columns and their values for a row.
    """

    model: type[SQLModel]
    given: tuple[str, ...]
    follow: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    following: tuple[str, ...]

    async def _broken(self, connection: AsyncConnection, asked: Asked) -> tuple[int, tuple[str, ...]]:
        table = table_of(self.model)
        (key,) = table.primary_key.columns
        wanted = (*self.given, *self.following)
        page = select(key.label("key_of_row"), *(table.c[name] for name in wanted)).order_by(key).limit(_PAGE_ROWS)
        count, examples = 0, []
        rows = (await connection.execute(page)).all()
        while rows:
            for row in rows:
                if self._differs(row):
                    count += 1
                    examples.append(shown(row.key_of_row))
            del examples[EXAMPLES:]
            last = rows[-1].key_of_row
            rows = (await connection.execute(page.where(key > last))).all() if len(rows) == _PAGE_ROWS else []
        return count, tuple(examples)

    def _differs(self, row: Row[Any]) -> bool:
        values = row._asdict()
        expected = self.follow(values)
        return any(values[name] != expected[name] for name in self.following)


def shown(*parts: Any) -> str:
    """A key as it is printed."""
    return "/".join(part.hex if isinstance(part, UUID) else str(part) for part in parts)
