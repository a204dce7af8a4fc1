"""Pages as callers see them: checked arguments in, rows with cursors out (rules Q2 to Q6)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson

from models.storage import EPOCH, MICROSECOND
from repositories.keyset import Order, Slice, SortKey
from resolvers.limits import DEFAULT_PAGE_SIZE
from resolvers.refusals import BadCursor, BadInput

R = TypeVar("R")

_VERSION = 1
_MAX_CURSOR_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class PageArguments:
    """`first`, `after`, `last` and `before` as the caller gave them; hashable, for loader keys."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def slice(self, order: Order, max_size: int) -> Slice:
        """What to fetch.

        Raises:
            BadInput: Both `first` and `last`, a negative size, or one above the limit (which is told, never cut).
            BadCursor: A cursor that is not of this list and order.
        """
        if self.first is not None and self.last is not None:
            raise BadInput("Give `first` or `last`, not both.", ("last",))
        for name, size in (("first", self.first), ("last", self.last)):
            if size is not None and not 0 <= size <= max_size:
                raise BadInput(f"`{name}` must be from 0 to {max_size}; {size} was asked for.", (name,), limit=max_size)
        return Slice(
            size=self.last if self.last is not None else self.first if self.first is not None else DEFAULT_PAGE_SIZE,
            backward=self.last is not None,
            after=None if self.after is None else decode_cursor(self.after, order, "after"),
            before=None if self.before is None else decode_cursor(self.before, order, "before"),
        )


@dataclass(slots=True)
class Edge(Generic[R]):
    """A row in a page; `extra` is what the relation itself has to say."""

    node: R
    order: Order
    extra: Any = None

    @property
    def cursor(self) -> str:
        """Position of the row."""
        return encode_cursor(self.order, self.node)


@dataclass(slots=True)
class Page(Generic[R]):
    """A page of a list.

    Attributes:
        count: Counts all rows of the list, at most one more than `count_limit`; called only when asked for.
        hidden: Counts the deactivated people that are left out by default (rule Q1).
        extras: What the relation has to say about each row, beside `nodes`; None when it has nothing.
    """

    nodes: list[R]
    order: Order
    has_next_page: bool
    has_previous_page: bool
    count: Callable[[], Awaitable[int]]
    count_limit: int
    hidden: Callable[[], Awaitable[int]] | None = None
    extras: list[Any] | None = None
    _counting: asyncio.Future[int] | None = field(default=None, init=False)

    @property
    def edges(self) -> list[Edge[R]]:
        """The rows with their cursors."""
        extras = self.extras or [None] * len(self.nodes)
        return [Edge(node, self.order, extra) for node, extra in zip(self.nodes, extras, strict=True)]

    @property
    def start_cursor(self) -> str | None:
        """Cursor of the first row."""
        return encode_cursor(self.order, self.nodes[0]) if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        """Cursor of the last row."""
        return encode_cursor(self.order, self.nodes[-1]) if self.nodes else None

    async def counted(self) -> int:
        """The count, asked of the database once, though fields ask side by side; may be one more than the limit."""
        if self._counting is None:
            self._counting = asyncio.ensure_future(self.count())
        return await self._counting


def page_of(
    found: Sequence[R],
    order: Order,
    part: Slice,
    count: Callable[[], Awaitable[int]],
    count_limit: int,
    *,
    hidden: Callable[[], Awaitable[int]] | None = None,
    extras: Sequence[Any] | None = None,
) -> Page[R]:
    """A page of what a slice found: one row more than wanted, in the direction of the slice."""
    more = len(found) > part.size
    nodes = list(found[: part.size])
    beside = None if extras is None else list(extras[: part.size])
    if part.backward:
        nodes.reverse()
        if beside is not None:
            beside.reverse()
    return Page(
        nodes=nodes,
        order=order,
        has_next_page=part.before is not None if part.backward else more,
        has_previous_page=more if part.backward else part.after is not None,
        count=count,
        count_limit=count_limit,
        hidden=hidden,
        extras=beside,
    )


def encode_cursor(order: Order, row: Any) -> str:
    """The cursor of a row: base64url of JSON `[version, order, values…, id]`."""
    values = [_portable(getattr(row, key.attribute)) for key in order.keys]
    return base64.urlsafe_b64encode(orjson.dumps([_VERSION, _hash(order), *values])).decode().rstrip("=")


def decode_cursor(cursor: str, order: Order, name: str) -> tuple[Any, ...]:
    """The sort values in a cursor.

    Raises:
        BadCursor: It is broken, or of another list or order.
    """
    try:
        if len(cursor) > _MAX_CURSOR_CHARACTERS:
            raise ValueError("too long")
        content = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if content[:2] != [_VERSION, _hash(order)]:
            raise ValueError("of another list or order")
        return tuple(_typed(key, value) for key, value in zip(order.keys, content[2:], strict=True))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, binascii.Error) as error:
        raise BadCursor(f"The cursor in `{name}` does not belong to this list in this order.", (name,)) from error


def _hash(order: Order) -> str:
    return hashlib.sha256(order.signature.encode()).hexdigest()[:8]


def _portable(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return (value - EPOCH) // MICROSECOND
    if isinstance(value, Enum):
        return value.value
    return value


def _typed(key: SortKey, value: Any) -> Any:
    if value is None:
        if not key.nullable:
            raise ValueError("null")
        return None
    match key.kind:
        case "key":
            return UUID(hex=value)
        case "instant":
            if type(value) is not int:
                raise TypeError("instant")
            return EPOCH + value * MICROSECOND
        case "enum":
            return key.column.type._members[value]  # type: ignore[attr-defined]
        case "number":
            if type(value) is not int or not -(2**63) <= value < 2**63:
                raise TypeError("number")
            return value
        case _:
            if not isinstance(value, str) or "\0" in value:
                raise TypeError("text")
            return value
