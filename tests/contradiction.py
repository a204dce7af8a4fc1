"""Clients who contradict each other about the same people, and what they were told."""

from __future__ import annotations

import asyncio
import copy
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import httpx2
from sqlalchemy import Dialect, Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.engine import Database
from repositories.invariants import INVARIANTS, violations_in
from repositories.invariants.invariant import Asked, Invariant, Never
from resolvers.context import utc_now
from tests.changes import Changed
from tests.gateway import SIGN_IN, Answer, Gateway, _application
from tests.people import PASSWORD, Person, Thing

_TOLD = """
  errors { code }
  operation { totals { succeeded } items(first: 100) { nodes { key outcome errors { code } } } }
"""
_UPDATE = """
mutation Update($input: UpdateUserInput!) { updateUser(input: $input) { errors { code } user { id version } } }
"""


@asynccontextmanager
async def clients(gateway: Gateway, count: int) -> AsyncIterator[list[Gateway]]:
    """So many callers of a gateway, each from an address of their own; on PostgreSQL half of them reach another
    process' pool over the same database."""
    second = gateway.database if gateway.database.is_sqlite else Database(gateway.database.printable)
    applications = [_application(each) for each in (gateway.database, second)]
    made = []
    for number in range(count):
        client = copy.copy(gateway)
        transport = httpx2.ASGITransport(applications[number % 2], client=(f"192.0.2.{number + 10}", 50_000))
        client.client = httpx2.AsyncClient(transport=transport, base_url="http://gateway.test")
        made.append(client)
    yield made
    for client in made:
        await client.client.aclose()
    for application in applications:
        await application.state.gateway.activity.drain()
    if second is not gateway.database:
        await second.close()


async def change(
    client: Gateway, mutation: str, people: Sequence[Thing], *, token: str | None = "", **terms: Any
) -> Changed:
    """Send a bulk mutation; no top-level error comes of it."""
    answer = await send(client, mutation, people, token=token, **terms)
    assert not answer.errors, answer.errors
    return Changed(answer, answer.data[mutation])


async def send(
    client: Gateway, mutation: str, people: Sequence[Thing], *, token: str | None = "", **terms: Any
) -> Answer:
    """Send a bulk mutation, whatever comes of it."""
    name = mutation[0].upper() + mutation[1:] + "Input"
    document = f"mutation Change($input: {name}!) {{ {mutation}(input: $input) {{ {_TOLD} }} }}"
    whom = {"target": {"ids": [person.id for person in people]}}
    return await client.run(document, {"input": {**whom, **terms}}, token=token)


async def add(client: Gateway, *users: dict[str, Any], token: str | None = "") -> Changed:
    """Send `addUsers`; no top-level error comes of it."""
    document = f"mutation Add($input: AddUsersInput!) {{ addUsers(input: $input) {{ {_TOLD} }} }}"
    answer = await client.run(document, {"input": {"users": list(users)}}, token=token)
    assert not answer.errors, answer.errors
    return Changed(answer, answer.data["addUsers"])


async def update(client: Gateway, person: Thing, token: str | None = "", **patch: Any) -> list[str]:
    """Send `updateUser`; the codes of what kept it from working."""
    answer = await client.run(_UPDATE, {"input": {"id": person.id, "patch": patch}}, token=token)
    if answer.errors:
        return answer.codes
    return [error["code"] for error in answer.data["updateUser"]["errors"]]


async def sign_in(client: Gateway, person: Person, surface: str = "AGENT_DESKTOP") -> str | None:
    """Sign somebody in; the token, or None for who was refused."""
    terms = {"email": person.email, "password": PASSWORD, "surface": surface}
    payload = (await client.ask(SIGN_IN, {"input": terms}, token=None))["signIn"]
    assert {error["code"] for error in payload["errors"]} <= {"SIGN_IN_REFUSED", "TOO_MANY_ATTEMPTS"}
    return None if payload["token"] is None else str(payload["token"])


async def broken(gateway: Gateway) -> list[Any]:
    """What does not hold in the database, by the list of `rosterql check`."""
    async with gateway.database.reading() as connection:
        return await broken_in(connection)


async def broken_in(connection: AsyncConnection) -> list[Any]:
    """The same on a connection.

    What one statement can look for whatever the time is asked in one, a fifth of the work of so many; if there is
    anything, `check` tells what.
    """
    asked = Asked(utc_now(), connection.dialect.name == "sqlite")
    statement, values, others = _together(connection.dialect)
    found = (await connection.exec_driver_sql(statement, values)).scalar_one()
    if found or any([await each.violation(connection, asked) for each in others]):
        return await violations_in(connection, asked.at)
    return []


@cache
def _together(dialect: Dialect) -> tuple[str, tuple[Any, ...], list[Invariant]]:
    """A statement, and its values, for those invariants that are asked the same at any time; the others."""
    times = [Asked(utc_now() + timedelta(days=days), dialect.name == "sqlite") for days in (0, 1)]
    counts, others = [], []
    for each in INVARIANTS:
        if isinstance(each, Never):
            one, other = [_spelled(each.statement(asked), dialect) for asked in times]
            if one == other:
                counts.append(select(func.count()).select_from(each.statement(times[0]).subquery()).scalar_subquery())
                continue
        others.append(each)
    return *_spelled(select(sum(counts, literal_column("0"))), dialect), others


def _spelled(statement: Select[Any], dialect: Dialect) -> tuple[str, tuple[Any, ...]]:
    """A statement as the driver gets it, compiled once for all."""
    compiled = statement.compile(dialect=dialect)
    sent = compiled.construct_expanded_state()
    as_sent = {**compiled._bind_processors, **sent.processors}
    values = {**sent.parameters, **sent.additional_parameters}
    names = sent.positiontup or ()
    return sent.statement, tuple(as_sent.get(name, _as_it_is)(values[name]) for name in names)


def _as_it_is(value: Any) -> Any:
    return value


async def deadlocks(gateway: Gateway) -> int:
    """How many deadlocks the database has met; SQLite knows none."""
    if gateway.database.is_sqlite:
        return 0
    await gateway.rows("SELECT pg_stat_clear_snapshot()")
    return int(await gateway.scalar("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))


@dataclass
class Contradiction:
    """Rounds of opposite changes on the same people, and what the clients were told of each person.

    Attributes:
        changed: How often each mutation told that it had changed a person, by mutation and id.
        added: How often adding a mail address was told to have worked.
    """

    clients: Sequence[Gateway]
    people: Sequence[Person]
    teams: Sequence[Thing]
    queues: Sequence[Thing]
    seed: int = 1
    largest: int = 100
    changed: Counter[tuple[str, str]] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    signed_in: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def rounds(self, count: int) -> None:
        """So many rounds: in each all clients send something at once."""
        for number in range(count):
            doing = [
                self._bulk(client, mutation) for client, mutation in zip(self.clients, self._choice(), strict=False)
            ]
            last = self.clients[len(doing) :]
            doing += [self._single(client, number) for client in last]
            await asyncio.gather(*doing)

    def _choice(self) -> list[str]:
        """What all but two clients send: a change and its opposite are always among it."""
        pairs = [("deactivateUsers", "reactivateUsers"), ("forceUsersOffline", "resumeUsersOnline")]
        others = ["assignTeams", "assignQueues", "signOutUsers", "deactivateUsers", "reactivateUsers"]
        chosen = [*pairs[0], *self._random.choice(pairs), *self._random.choices(others, k=2)]
        self._random.shuffle(chosen)
        return chosen

    async def _bulk(self, client: Gateway, mutation: str) -> None:
        whom = self._random.sample(self.people, self._random.randint(20, self.largest))
        terms: dict[str, Any] = {}
        if mutation in ("assignTeams", "assignQueues"):
            name, things = ("teams", self.teams) if mutation == "assignTeams" else ("queues", self.queues)
            way = self._random.choice(["add", "remove", "set"])
            terms[name] = {way: [each.id for each in self._random.sample(things, 2)]}
        done = await change(client, mutation, whom, **terms)
        for node in done.items:
            if node["outcome"] == "SUCCEEDED":
                self.changed[mutation, node["key"]] += 1

    async def _single(self, client: Gateway, number: int) -> None:
        person = self._random.choice(self.people)
        match self._random.randrange(3):
            case 0:
                self.signed_in += await sign_in(client, person) is not None
            case 1:
                nickname = f"Round {number} of {client.client._transport.client[0]}"
                assert await update(client, person, nickname=nickname) == []
                self.changed["updateUser", person.id] += 1
            case _:
                mail = f"new.{number}@acme.example"
                done = await add(client, {"email": mail})
                assert done.outcomes in (["SUCCEEDED"], ["EMAIL_IN_USE"])
                self.added[mail] += done.outcomes == ["SUCCEEDED"]

    def told(self, person: Person, *mutations: str) -> int:
        """How often mutations told that they had changed a person."""
        return sum(self.changed[mutation, person.id] for mutation in mutations)
