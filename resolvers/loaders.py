"""Edges, each fetched once for all objects of a level.

A loader is named by its edge and the arguments of the field. Its batch function takes parents and gives, for each,
what belongs to it; planned execution will call the same functions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from strawberry.dataloader import DataLoader

from repositories.kept import Kept

if TYPE_CHECKING:
    from resolvers.context import Context

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# Both databases take some 32,760 parameters in a statement; the greediest edge (origins) names six for each key.
MOST_KEYS = 5_000


class Loaders:
    """The loaders of one request, made when first used."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._made: dict[Hashable, DataLoader[Any, Any]] = {}

    async def load(
        self,
        edge: str,
        key: K,
        fetch: Callable[[Kept, Collection[K]], Awaitable[Mapping[K, V]]],
        *arguments: Hashable,
    ) -> V | None:
        """What an edge leads to from one parent; None when it leads nowhere.

        Args:
            edge: Name of the edge, for example `teams_of_users`.
            key: The parent.
            fetch: Fetches the edge for many parents, in one statement; parents that have nothing may be absent.
            arguments: What the field was asked with; other arguments make another batch.
        """
        name = (edge, *arguments)
        loader = self._made.get(name)
        if loader is None:
            context = self._context

            async def batch(keys: list[K]) -> list[V | None]:
                found: dict[K, V] = {}
                async with context.reading() as kept:
                    for start in range(0, len(keys), MOST_KEYS):
                        found |= await fetch(kept, keys[start : start + MOST_KEYS])
                return [found.get(key) for key in keys]

            loader = self._made[name] = DataLoader(load_fn=batch)
        loaded: V | None = await loader.load(key)
        return loaded
