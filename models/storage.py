"""How values are kept: one column type for each kind of value, the same meaning on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, cast
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def uuid7(at: datetime | None = None) -> UUID:
    """A new key, ordered by time to the millisecond (RFC 9562, section 5.7).

    Args:
        at: When the thing came to be, in UTC; now when omitted.
    """
    milliseconds = time.time_ns() // 1_000_000 if at is None else (at - EPOCH) // timedelta(milliseconds=1)
    random = int.from_bytes(os.urandom(10), "big")
    return key7(milliseconds, random)


def uuids7(at: datetime, count: int) -> list[UUID]:
    """New keys of one time, made together: a tenth of the work of so many calls of `uuid7`."""
    milliseconds = ((at - EPOCH) // timedelta(milliseconds=1)).to_bytes(6, "big")
    random = [os.urandom(count) for _ in range(10)]
    random[0] = random[0].translate(_VERSION)
    random[2] = random[2].translate(_VARIANT)
    keys = bytearray(16 * count)
    for place in range(16):
        keys[place::16] = random[place - 6] if place > 5 else milliseconds[place : place + 1] * count
    quick, whole = _quick_uuid(), bytes(keys)
    return [quick(whole[start : start + 16]) for start in range(0, len(whole), 16)]


_VERSION = bytes(0x70 | byte & 0x0F for byte in range(256))
_VARIANT = bytes(0x80 | byte & 0x3F for byte in range(256))


def key7(milliseconds: int, random: int) -> UUID:
    """The UUIDv7 of a time and 74 random bits (more are cut off)."""
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | (random >> 62 & 0xFFF)
    return UUID(int=high << 64 | 0x8 << 60 | (random & 0x3FFF_FFFF_FFFF_FFFF))


class Key(TypeDecorator[UUID]):
    """A UUID: 16 bytes on SQLite, `uuid` on PostgreSQL; both compare byte by byte.

    Those that come from a database are asyncpg's, where it is installed: a subclass made in a tenth of the time.
    """

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(LargeBinary(16) if dialect.name == "sqlite" else Uuid())

    def bind_processor(self, dialect: Dialect) -> Any:
        return _key_bytes if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        if dialect.name != "sqlite":
            return None
        quick = _quick_uuid()
        return lambda value: None if value is None else quick(value)


def _key_bytes(value: UUID | None) -> bytes | None:
    return None if value is None else value.bytes


@cache
def _quick_uuid() -> Callable[[bytes], UUID]:
    """Makes a UUID of its bytes; imported where a database is asked, for it takes its time."""
    try:
        from asyncpg.pgproto.pgproto import UUID as Quick
    except ModuleNotFoundError:  # installed without PostgreSQL
        return lambda value: UUID(bytes=value)
    return cast("Callable[[bytes], UUID]", Quick)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: microseconds since 1970 on SQLite, `timestamptz` on PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else TIMESTAMP(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Any:
        return _microseconds if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        return _moment


def _microseconds(value: datetime | None) -> int | None:
    return None if value is None else (value - EPOCH) // MICROSECOND


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return EPOCH + timedelta(microseconds=value)


class SmallEnum(TypeDecorator[Enum]):
    """A member of a closed set, kept as its small number; the table refuses other numbers."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, enum: type[Enum]) -> None:
        super().__init__()
        self.enum = enum
        self._members: Mapping[Any, Enum | None] = {member.value: member for member in enum} | {None: None}

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else SmallInteger())

    def bind_processor(self, dialect: Dialect) -> Any:
        return _number

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        return self._members.__getitem__


def _number(value: Enum | None) -> Any:
    return None if value is None else value._value_  # `value` is computed anew each time


class Flag(TypeDecorator[bool]):
    """Yes or no: 0 or 1 on SQLite, `boolean` on PostgreSQL."""

    impl = Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else Boolean())

    def bind_processor(self, dialect: Dialect) -> Any:
        return _bit if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        return _yes if dialect.name == "sqlite" else None


def _bit(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _yes(value: int | None) -> bool | None:
    return None if value is None else value != 0


class Long(TypeDecorator[int]):
    """A whole number of 64 bits."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())


class Folded(TypeDecorator[str]):
    """A text to sort and search by, as `fold` makes it; both databases compare it byte by byte."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Text(collation="C"))


class Structured(TypeDecorator[Any]):
    """Lists and mappings: JSON text on SQLite, `jsonb` on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else JSONB(none_as_null=True))

    def bind_processor(self, dialect: Dialect) -> Any:
        return _dumped

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        return _loaded if dialect.name == "sqlite" else None


def _dumped(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _loaded(value: str | None) -> Any:
    return None if value is None else orjson.loads(value)


class Bytes(TypeDecorator[bytes]):
    """Raw bytes, such as the hash of a token."""

    impl = LargeBinary
    cache_ok = True


def table_of(model: type[SQLModel]) -> Table:
    """The table of a model, for statements."""
    return cast(Table, vars(model)["__table__"])


def add_checks(metadata: MetaData) -> None:
    """Let every table refuse values outside the closed set of an enum or flag column."""
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, SmallEnum):
                values = ", ".join(str(member.value) for member in column.type.enum)
                table.append_constraint(CheckConstraint(f"{column.name} IN ({values})", name=column.name))
            elif isinstance(column.type, Flag):
                table.append_constraint(CheckConstraint(f"CAST({column.name} AS INTEGER) IN (0, 1)", name=column.name))
