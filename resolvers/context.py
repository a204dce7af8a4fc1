"""What a request carries: who asks, the database, the time, and the loaders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from models.permission import Permission, PermissionScope
from repositories.engine import Database
from repositories.kept import Kept
from resolvers.bell import Bell
from resolvers.caller import Caller
from resolvers.idempotency import Answers, Call, done_once
from resolvers.limits import Limits
from resolvers.refusals import NotAuthenticated, NotPermitted
from resolvers.retention import Retention

if TYPE_CHECKING:
    from resolvers.loaders import Loaders

T = TypeVar("T")

UNDER_WAY_S = 0.005  # after which a statement has reached its database


def utc_now() -> datetime:
    """The time, from the one place that tells it."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Change:
    """One transaction: what is kept, and when it happens.

    Attributes:
        at: The moment of the change; every row that it writes carries it. Whoever takes locks tells the time anew
            under them, or what had to wait would seem to come before what it waited for.
    """

    kept: Kept
    at: datetime
    _begun: asyncio.Task[None] | None = field(default=None, repr=False)

    @asynccontextmanager
    async def trial(self) -> AsyncIterator[None]:
        """What is changed inside is taken back at the end, and its locks are given up."""
        savepoint = await self.kept.connection.begin_nested()
        try:
            yield
        finally:
            try:
                await self.settled()
            finally:
                await savepoint.rollback()

    async def begin(self, statement: Coroutine[Any, Any, None]) -> None:
        """Begin a statement, and return while the database is at it; nothing else can be asked before `settled`."""
        self._begun = asyncio.create_task(statement)
        await asyncio.wait({self._begun}, timeout=UNDER_WAY_S)

    async def settled(self) -> None:
        """Wait for a statement that was begun, if there is one; a change must not end before."""
        begun, self._begun = self._begun, None
        if begun is not None:
            await begun


@dataclass
class Context:
    """One request.

    Attributes:
        caller: Who asks; None for an anonymous request.
        bell: To be rung after a change that leaves something to do for a worker.
        address: Network address that the request came from.
        session_token: What opens the session that this request began, if it began one.
        session_ended: Whether this request ended the session that it came with.
        call: The call that is answered just now, if it has an idempotency key.
    """

    database: Database
    caller: Caller | None
    limits: Limits = field(default_factory=Limits)
    bell: Bell = field(default_factory=Bell)
    retention: Retention = field(default_factory=Retention)
    request_id: str | None = None
    address: str | None = None
    now: Callable[[], datetime] = utc_now
    session_token: str | None = field(default=None, repr=False)
    session_ended: bool = False
    call: Call | None = field(default=None, repr=False)

    @property
    def known(self) -> Caller:
        """The caller.

        Raises:
            NotAuthenticated: Nobody is known.
        """
        if self.caller is None:
            raise NotAuthenticated("Sign in, or send an API key as bearer token.")
        return self.caller

    def require(self, permission: Permission) -> PermissionScope:
        """How far a permission of the caller reaches.

        Raises:
            NotPermitted: The caller does not hold it.
        """
        scope = self.known.scope(permission)
        if scope is None:
            raise NotPermitted(f"This needs the permission {permission.name}.", permission=permission.name)
        return scope

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Kept]:
        """A connection of its own for one read, so that fields resolved side by side never share one."""
        caller = self.known
        async with self.database.reading() as connection:
            yield Kept(connection, caller.organization_id, caller.sight)

    async def changing(self, work: Callable[[Change], Awaitable[T]], answers: Answers[T] | None = None) -> T:
        """Run one change in one transaction; see `Database.change`. What loaders remembered is forgotten.

        Args:
            answers: How the answer is kept when the call has an idempotency key; mutations that take one give it.
        """
        caller, call = self.known, self.call

        async def run(connection: AsyncConnection) -> T:
            change = Change(Kept(connection, caller.organization_id, caller.sight), self.now())
            try:
                if call is None:
                    return await work(change)
                if answers is None:
                    raise TypeError(f"{call.mutation} takes an idempotency key and keeps no answer")
                return await done_once(self, change, call, work, answers)
            finally:
                await change.settled()

        try:
            return await self.database.change(run)
        finally:
            self.__dict__.pop("loaders", None)

    @cached_property
    def loaders(self) -> Loaders:
        """Batches of look-ups; renewed after each change."""
        from resolvers.loaders import Loaders  # brings Strawberry, which commands without a query do without

        return Loaders(self)
