"""Pages of lists: one list at the root, or one for each of many parents, all fetched by one statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from repositories.kept import Kept
from repositories.keyset import Order, Slice
from resolvers.context import Context
from resolvers.paging import Page, PageArguments, page_of

R = TypeVar("R")


async def page_of_list(
    context: Context,
    order: Order,
    arguments: PageArguments,
    fetch: Callable[[Kept, Slice], Awaitable[Sequence[R]]],
    count: Callable[[Kept, int], Awaitable[int]],
) -> Page[R]:
    """A page of a list at the root.

    Args:
        fetch: Gives a slice, with one row more than wanted.
        count: Counts the list, up to one more than the limit it is given.

    Raises:
        BadInput, BadCursor: See `PageArguments.slice`.
    """
    part = arguments.slice(order, context.limits.max_page_size)
    limit = context.limits.max_total_count

    async def counted() -> int:
        async with context.reading() as kept:
            return await count(kept, limit)

    async with context.reading() as kept:
        found = await fetch(kept, part)
    return page_of(found, order, part, counted, limit)


async def page_of_parent(
    context: Context,
    edge: str,
    parent: UUID,
    order: Order,
    arguments: PageArguments,
    fetch: Callable[[Kept, Collection[UUID], Slice], Awaitable[Mapping[UUID, Sequence[R]]]],
    count: Callable[[Kept, Collection[UUID]], Awaitable[Mapping[UUID, int]]],
    *asked: Hashable,
    beside: Callable[[R], Any] | None = None,
) -> Page[R]:
    """A page of the list of one parent, fetched with those of all parents that are asked for alike.

    Args:
        edge: Name of the edge, for example `teams_of_users`.
        fetch: Gives a slice for each parent, with one row more than wanted.
        count: Counts the list of each parent.
        asked: What the field was asked with, beside the page.
        beside: What the relation has to say about a row.

    Raises:
        BadInput, BadCursor: See `PageArguments.slice`.
    """
    part = arguments.slice(order, context.limits.max_page_size)

    async def fetched(kept: Kept, parents: Collection[UUID]) -> Mapping[UUID, Sequence[R]]:
        return await fetch(kept, parents, part)

    async def counted() -> int:
        return await context.loaders.load(f"{edge}: count", parent, count, *asked) or 0

    found = await context.loaders.load(edge, parent, fetched, part, *asked) or []
    extras = None if beside is None else [beside(row) for row in found]
    return page_of(found, order, part, counted, context.limits.max_total_count, extras=extras)
