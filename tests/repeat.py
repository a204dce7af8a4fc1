"""The same call with the same idempotency key, sent by many clients at once to serving processes: done once, and all
are answered alike.

`python -m tests.repeat --clients 20 --processes 2` sends every kind of call in turn; its last line is
`effects 1 answers 1`: the largest number of effects of one call that the database counts, and of different answers to
it. It ends with 1 if that or anything else is different.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import structlog

from gql.ids import global_id
from models.storage import uuid7
from tests.contradiction import broken
from tests.databases import empty
from tests.gateway import Gateway
from tests.people import Thing
from tests.serving import Serving, serving

LONGEST_S, PAUSE_S = 60, 0.05
CROWD = 1_001  # one more than are handled before the answer
BULK = """
errors { code path } failed { key errors { code } }
operation { id kind dryRun totals { succeeded unchanged failed } items(first: 5) { nodes { id key outcome } } }
"""
QUEUED = "errors { code path } operation { id kind dryRun progress { total } }"


@dataclass(frozen=True)
class Sent:
    """One call.

    Attributes:
        shown: What is selected of the payload; what a repeat may tell otherwise, because work goes on, is left out.
        effects: Counts in the database what came of it.
    """

    mutation: str
    input: dict[str, Any]
    shown: str
    effects: Callable[[], Awaitable[int]]

    @property
    def document(self) -> str:
        """What is sent."""
        name = self.mutation[0].upper() + self.mutation[1:]
        return f"mutation Sent($input: {name}Input!) {{ {self.mutation}(input: $input) {{ {self.shown} }} }}"


@dataclass
class Tally:
    """What came of all rounds.

    Attributes:
        effects: Of each round, how often the call was done.
        answers: Of each round, how many different answers there were.
        wrong: What else was wrong, in words.
    """

    effects: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    waited: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether all is as it should be."""
        return {*self.effects, *self.answers} == {1} and not self.wrong

    def __str__(self) -> str:
        def furthest(counts: Sequence[int]) -> int:
            return max(counts, key=lambda count: abs(count - 1))

        return f"effects {furthest(self.effects)} answers {furthest(self.answers)}"


class Calls:
    """Makes calls of every kind, each about people and things of its own."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        self._gateway = gateway
        self._random = random.Random(seed)
        self._number = 0

    async def next(self) -> Sent:
        """The next call; all kinds come in turn."""
        kind = self.KINDS[self._number % len(self.KINDS)]
        self._number += 1
        return await kind(self)

    async def _people(self) -> dict[str, Any]:
        """A target of some people and nobody."""
        people = await self._gateway.staff.hire(self._random.randint(1, 20), teams=[await self._gateway.staff.team()])
        return {"ids": [*(person.id for person in people), global_id("User", uuid7())]}

    def _bulk(self, mutation: str, shown: str = BULK, **input: Any) -> Sent:
        note = f"round {self._number}"

        async def operations() -> int:
            return int(await self._gateway.scalar("SELECT count(*) FROM bulk_operations WHERE note = :note", note=note))

        return Sent(mutation, {"note": note, **input}, shown, operations)

    async def _deactivate(self) -> Sent:
        return self._bulk("deactivateUsers", target=await self._people())

    async def _assign(self) -> Sent:
        team = await self._gateway.staff.team()
        return self._bulk("assignTeams", target=await self._people(), teams={"add": [team.id]})

    async def _plan(self) -> Sent:
        return self._bulk("forceUsersOffline", target=await self._people(), dryRun=True)

    async def _add(self) -> Sent:
        count = self._random.randint(1, 25)
        users: list[dict[str, Any]] = [{"email": f"new.{self._number}.{index}@acme.example"} for index in range(count)]
        return self._bulk("addUsers", users=[*users[1:], {"email": "no mail"}])

    async def _team(self) -> Sent:
        name = f"Team of round {self._number}"

        async def teams() -> int:
            return int(await self._gateway.scalar("SELECT count(*) FROM teams WHERE name = :name", name=name))

        return Sent("createTeam", {"name": name}, "errors { code path } team { id name version }", teams)

    async def _crowd(self) -> Sent:
        """More people than a request handles, by filter."""
        team: Thing = await self._gateway.staff.team()
        await self._gateway.staff.hire(CROWD, teams=[team], password=None)
        matching = {"filter": {"team": {"eq": team.id}}, "expectedCount": CROWD}
        return self._bulk("forceUsersOffline", QUEUED, target={"matching": matching})

    KINDS = (_deactivate, _add, _team, _crowd, _assign, _plan)


async def repeated(gateway: Gateway, served: Sequence[Serving], clients: int, rounds: int, seed: int) -> Tally:
    """Send so many calls, each by all clients at once."""
    calls, tally = Calls(gateway, seed), Tally()
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(served[number % len(served)].client(gateway.token))
            for number in range(clients)
        ]
        for number in range(rounds):
            sent = await calls.next()
            variables = {"input": {**sent.input, "idempotencyKey": f"key of round {number}"}}
            body = json.dumps({"query": sent.document, "variables": variables}).encode()
            answers = await asyncio.gather(*(_answer(client, body, sent.mutation, tally) for client in made))
            if json.loads(answers[0]).get("errors"):
                tally.wrong.append(f"{sent.mutation} was refused: {answers[0]}")
            tally.answers.append(len(set(answers)))
            tally.effects.append(await sent.effects())
    tally.wrong += [f"{each.name}: {each.what}" for each in await broken(gateway)]
    return tally


async def _answer(client: httpx2.AsyncClient, body: bytes, mutation: str, tally: Tally) -> str:
    """The answer to a call, which is sent again while it is under way elsewhere, or the database has no time."""
    headers = {"Content-Type": "application/json"}
    async with asyncio.timeout(LONGEST_S):
        while True:
            response = await client.post("/graphql", content=body, headers=headers)
            if response.status_code != 503:
                payload = (response.json().get("data") or {}).get(mutation) or response.json()
                if all(error.get("code") != "IDEMPOTENCY_IN_PROGRESS" for error in payload.get("errors") or ()):
                    return json.dumps(payload, sort_keys=True)
            tally.waited += 1
            await asyncio.sleep(PAUSE_S)


async def run(url: str, processes: int, clients: int, rounds: int, seed: int) -> Tally:
    """The same on an empty database, with so many serving processes."""
    gateway = await Gateway.open(url)
    try:
        async with AsyncExitStack() as stack:
            served = []
            for _ in range(processes):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rosterql-")))
                served.append(await stack.enter_async_context(serving(folder, url=url)))
            return await repeated(gateway, served, clients, rounds, seed)
    finally:
        await gateway.close()


def main() -> None:
    """Repeat calls from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.repeat", description=__doc__)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2, help="serving processes; SQLite has one")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    terms = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    processes = terms.processes
    if terms.db == "sqlite" and processes > 1:
        print("A SQLite database has one serving process: one is started.")
        processes = 1
    with empty(terms.db) as url:
        tally = asyncio.run(run(url, processes, terms.clients, terms.rounds, terms.seed))
    for wrong in tally.wrong:
        print(wrong)
    print(f"{terms.rounds} calls, each by {terms.clients} clients, {tally.waited} answers that it is under way")
    print(tally)
    sys.exit(0 if tally.clean else 1)


if __name__ == "__main__":
    main()
