"""Numbers for the filter bar of a list of people; each grouping is one statement, run only when asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

from models.permission import Permission
from models.presence import PresenceState
from models.user import UserRole, UserStatus
from resolvers.context import Context
from resolvers.users import UserQuestion

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class Counted(Generic[E]):
    """How many people are of one kind."""

    of: E
    count: int


@dataclass(slots=True)
class Statistics:
    """The numbers of the people whom a question is about, deactivated ones included."""

    context: Context
    question: UserQuestion
    _asked: dict[str, asyncio.Future[Mapping[Any, int]]] = field(default_factory=dict, init=False)

    async def total(self) -> int:
        """How many there are; told by the same statement as `by_status`."""
        return sum((await self._once("status", self._count_by_status)).values())

    async def by_status(self) -> list[Counted[UserStatus]]:
        """How many are in each state that the question is about."""
        return _listed(self.question.statuses, await self._once("status", self._count_by_status))

    async def by_presence(self) -> list[Counted[PresenceState]]:
        """How many show each presence."""
        return _listed(PresenceState, await self._once("presence", self._count_by_presence))

    async def by_role(self) -> list[Counted[UserRole]]:
        """How many have each role; who has two counts twice, who has none nowhere."""
        return _listed(UserRole, await self._once("role", self._count_by_role))

    async def _once(self, name: str, count: Callable[[], Awaitable[Mapping[Any, int]]]) -> Mapping[Any, int]:
        if name not in self._asked:
            self._asked[name] = asyncio.ensure_future(count())
        return await self._asked[name]

    async def _count_by_status(self) -> Mapping[UserStatus, int]:
        async with self.context.reading() as kept:
            return await kept.users.count_by_status(self.question.wanted, self.question.statuses)

    async def _count_by_presence(self) -> Mapping[PresenceState, int]:
        async with self.context.reading() as kept:
            return await kept.users.count_by_presence(self.question.wanted, self.question.statuses, self.context.now())

    async def _count_by_role(self) -> Mapping[UserRole, int]:
        async with self.context.reading() as kept:
            return await kept.users.count_by_role(self.question.wanted, self.question.statuses)


def statistics_of(context: Context, question: UserQuestion) -> Statistics:
    """Numbers of the people whom a question is about, in the reach of USERS_READ.

    Raises:
        NotPermitted: The caller may read nobody.
    """
    context.require(Permission.USERS_READ)
    return Statistics(context, question)


def _listed(kinds: Any, counts: Mapping[Any, int]) -> list[Any]:
    return [Counted(kind, counts.get(kind, 0)) for kind in kinds]
