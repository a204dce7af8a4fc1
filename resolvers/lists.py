"""Pages of lists: one list at the root, or one for each of many parents, all fetched by one statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import SQLModel

from repositories.criteria import Nested
from repositories.kept import Kept
from repositories.keyset import Order, Slice
from repositories.named import NamedCriteria, NamedRepository
from resolvers.context import Context
from resolvers.paging import Page, PageArguments, page_of

C = TypeVar("C", bound=NamedCriteria)
M = TypeVar("M", bound=SQLModel)
R = TypeVar("R")


async def page_of_list(
    context: Context,
    order: Order,
    arguments: PageArguments,
    fetch: Callable[[Kept, Slice], Awaitable[Sequence[R]]],
    count: Callable[[Kept, int], Awaitable[int]],
    *,
    beside: Callable[[R], Any] | None = None,
) -> Page[R]:
    """A page of a list at the root.

    Args:
        fetch: Gives a slice, with one row more than wanted.
        count: Counts the list, up to one more than the limit it is given.
        beside: What the list has to say about a row.

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
    extras = None if beside is None else [beside(row) for row in found]
    return page_of(found, order, part, counted, limit, extras=extras)


async def page_of_named(
    context: Context,
    kind: Callable[[Kept], NamedRepository[M, C]],
    wanted: Nested[C],
    include_inactive: bool,
    order: Order,
    arguments: PageArguments,
) -> Page[M]:
    """A page of things with a name; without those not in use, unless they are asked for (requirement B7).

    Args:
        wanted: Where it has a condition on `active` anywhere, that alone decides.

    Raises:
        BadInput, BadCursor: See `PageArguments.slice`.
    """
    if not include_inactive and all(criteria.active is None for criteria in wanted.anywhere()):
        wanted = wanted.asking(active=True)

    async def fetch(kept: Kept, part: Slice) -> list[M]:
        return await kind(kept).listed(wanted, order, part)

    async def count(kept: Kept, limit: int) -> int:
        return await kind(kept).count(wanted, limit)

    return await page_of_list(context, order, arguments, fetch, count)


async def page_of_parent(
    context: Context,
    edge: str,
    parent: UUID,
    order: Order,
    arguments: PageArguments,
    fetch: Callable[[Kept, Collection[UUID], Slice], Awaitable[Mapping[UUID, Sequence[R]]]],
    count: Callable[[Kept, Collection[UUID]], Awaitable[Mapping[UUID, int]]],
    *asked: Hashable,
    hidden: Callable[[Kept, Collection[UUID]], Awaitable[Mapping[UUID, int]]] | None = None,
    beside: Callable[[R], Any] | None = None,
) -> Page[R]:
    """A page of the list of one parent, fetched with those of all parents that are asked for alike.

    Args:
        edge: Name of the edge, for example `teams_of_users`.
        fetch: Gives a slice for each parent, with one row more than wanted.
        count: Counts the list of each parent.
        asked: What the field was asked with, beside the page.
        hidden: Counts the deactivated people that each list leaves out by default (rule Q1); None when it hides none.
        beside: What the relation has to say about a row.

    Raises:
        BadInput, BadCursor: See `PageArguments.slice`.
    """
    part = arguments.slice(order, context.limits.max_page_size)

    async def fetched(kept: Kept, parents: Collection[UUID]) -> Mapping[UUID, Sequence[R]]:
        return await fetch(kept, parents, part)

    async def counted() -> int:
        return await context.loaders.load(f"{edge}: count", parent, count, *asked) or 0

    async def counted_hidden() -> int:
        assert hidden is not None
        left_out = await context.loaders.load(f"{edge}: hidden", parent, hidden, *asked) or 0
        return min(left_out, limit)

    limit = context.limits.max_total_count
    found = await context.loaders.load(edge, parent, fetched, part, *asked) or []
    extras = None if beside is None else [beside(row) for row in found]
    return page_of(found, order, part, counted, limit, hidden=counted_hidden if hidden else None, extras=extras)
