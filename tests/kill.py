"""A real server and a real worker, killed in the middle of operations, and what is left of what they had acknowledged.

`python -m tests.kill --db sqlite --rounds 100` seeds an organization once and copies it for every few rounds. A round
sends operations about overlapping people, kills processes at random moments while there is work (SIGKILL) and starts
them again, waits until all is worked off, and compares what clients were told with the database
(`tests/aftermath.py`). The last line is
`acknowledged A lost 0 half-done 0 twice 0 stuck 0`; it ends with 1 if anything was found.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import structlog

from cli.seeding.large import seed as seeded
from cli.seeding.plan import Order
from gql.ids import global_id
from models.storage import uuid7
from models.user import UserStatus
from repositories.engine import Database
from tests import databases
from tests.aftermath import Findings, Standing, Told, aftermath, standing, unfinished
from tests.gateway import Gateway
from tests.serving import Serving, serving, working

WORKER_ALONE = 0.5  # how often, of the times that a server with a worker beside it would be killed
ROUNDS_A_COPY = 5
PATIENCE_S = 90  # until all is worked off
PAUSE_S = 0.1
NEVER_DONE = {"PLAN_STALE", "COUNT_MISMATCH", "INVALID_STATE"}  # refusals that may come of others being faster
OPERATION = "id status dryRun progress { total processed } totals { succeeded unchanged failed skipped }"


@dataclass(frozen=True)
class Size:
    """How much happens in a round.

    Attributes:
        calls: Of each client, at least 3.
        more_calls: Of each client, at most, as long as processes are still being killed.
    """

    clients: int = 4
    calls: int = 5
    more_calls: int = 7
    kills: int = 3


@dataclass(frozen=True)
class Original:
    """A seeded organization that is copied for each round.

    Attributes:
        token: An API key with every permission.
    """

    copy: Callable[[], AbstractAsyncContextManager[str]]
    token: str
    before: Standing
    teams: Sequence[UUID]

    @property
    def people(self) -> list[str]:
        """Ids of all people who are not deleted."""
        return [
            global_id("User", key)
            for key, (status, _, _) in self.before.people.items()
            if status is not UserStatus.DELETED
        ]


@dataclass
class Fleet:
    """The processes of a round, each of which is started again when it was killed."""

    folder: Path
    url: str
    embedded: bool
    workers: int
    processes: dict[str, Serving] = field(default_factory=dict)
    _stacks: dict[str, AsyncExitStack] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All processes."""
        return ["server", *(f"worker {number}" for number in range(self.workers))]

    async def start(self, name: str) -> None:
        """Start a process, and wait until it is ready."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        arguments = () if self.embedded else ("--no-worker",)
        stack = AsyncExitStack()
        opening = serving(folder, *arguments, url=self.url) if name == "server" else working(folder, url=self.url)
        self.processes[name] = await stack.enter_async_context(opening)
        self._stacks[name] = stack

    async def kill(self, name: str) -> None:
        """Kill a process, and what it began."""
        process = self.processes.pop(name)
        below = process.below
        process.tell(signal.SIGKILL)
        for each in below:  # the keeper of a worker first, which would begin it anew
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        await self._stacks.pop(name).aclose()

    def kill_worker(self) -> bool:
        """Kill the worker beside the server alone; whether there is one."""
        below = self.processes["server"].below
        if len(below) < 2:
            return False
        os.kill(below[1], signal.SIGKILL)
        return True

    async def end(self) -> None:
        """Kill all that run."""
        for name in list(self.processes):
            await self.kill(name)


class Caller:
    """A client who sends calls one after another, each until it is answered, and notes the answers."""

    def __init__(self, original: Original, fleet: Fleet, round: int, number: int, seed: int) -> None:
        self._original, self._fleet, self._round, self._number = original, fleet, round, number
        self._random = random.Random(f"{seed}/{round}/{number}")
        self._calls = 0
        self._people = original.people
        self._made: list[str] = []  # operations to be taken back
        self._running: list[str] = []  # operations to be canceled
        self.told: list[Told] = []

    async def work(self, size: Size, over: asyncio.Event) -> None:
        """Send calls of every kind, and more of them until nobody is killed any more."""
        kinds = [self._many, self._many, self._few, *self._random.choices(self._kinds(), k=size.calls - 3)]
        if self._number == 0:
            kinds[1] = self._everybody
        self._random.shuffle(kinds)
        for kind in kinds:
            await kind()
        for kind in self._random.choices(self._kinds(), k=size.more_calls):
            await asyncio.sleep(self._random.uniform(0, 1))
            if over.is_set():
                return
            await kind()

    def _kinds(self) -> list[Callable[[], Awaitable[None]]]:
        return [self._many, self._few, self._planned, self._undo, self._cancel, self._add, self._team]

    async def _many(self) -> None:
        await self._bulk(self._some(1_001, max(1_002, len(self._people) // 2)))

    async def _few(self) -> None:
        await self._bulk(self._some(1, 200))

    async def _everybody(self) -> None:
        """All whom a filter finds, as many as a dry run tells."""
        mutation, terms = self._change()
        matching: dict[str, Any] = {"filter": {"status": {"in": ["ACTIVE", "DEACTIVATED"]}}}
        plan = await self._send(mutation, {**terms, "target": {"matching": matching}, "dryRun": True})
        matching["expectedCount"] = plan["operation"]["progress"]["total"]
        await self._send(mutation, {**terms, "target": {"matching": matching}})

    async def _planned(self) -> None:
        mutation, terms = self._change()
        plan = await self._send(mutation, {**terms, "target": self._some(1_001, 1_500), "dryRun": True})
        operation = plan.get("operation")
        if operation is None:
            return
        deadline = time.monotonic() + PATIENCE_S
        while operation["status"] in ("QUEUED", "RUNNING") and time.monotonic() < deadline:
            await asyncio.sleep(PAUSE_S)
            query = f"query Look($id: ID!) {{ bulkOperation(id: $id) {{ {OPERATION} }} }}"
            operation = (await self._ask(query, {"id": operation["id"]}))["bulkOperation"] or operation
        await self._send(mutation, {**terms, "target": {"planId": operation["id"]}})

    async def _cancel(self) -> None:
        if not self._running:
            await self._many()
        shown = f"errors {{ code }} operation {{ {OPERATION} }}"
        document = f"mutation C($id: ID!) {{ cancelBulkOperation(input: {{id: $id}}) {{ {shown} }} }}"
        for operation in self._running[-1:]:
            payload = (await self._ask(document, {"id": operation}))["cancelBulkOperation"]
            self.told.append(Told("cancelBulkOperation", operation, payload))

    async def _undo(self) -> None:
        if not self._made:
            await self._few()
        for operation in self._random.sample(self._made, min(1, len(self._made))):
            await self._send("undoBulkOperation", {"id": operation})

    async def _add(self) -> None:
        self._calls += 1
        users = [
            {"email": f"new.{self._round}.{self._number}.{self._calls}.{index}@kill.example"} for index in range(25)
        ]
        await self._send("addUsers", {"users": users})

    async def _team(self) -> None:
        await self._send("createTeam", {}, "team { id name }")

    async def _bulk(self, target: dict[str, Any]) -> None:
        mutation, terms = self._change()
        payload = await self._send(mutation, {**terms, "target": target})
        operation = payload.get("operation")
        if operation:
            self._made.append(operation["id"])
        if operation and operation["status"] in ("QUEUED", "RUNNING"):
            self._running.append(operation["id"])

    def _some(self, least: int, most: int) -> dict[str, Any]:
        some = self._random.sample(self._people, min(self._random.randint(least, most), len(self._people)))
        return {"ids": [*some, global_id("User", uuid7())]}

    def _change(self) -> tuple[str, dict[str, Any]]:
        mutation = self._random.choice(
            [
                "deactivateUsers",
                "reactivateUsers",
                "forceUsersOffline",
                "resumeUsersOnline",
                "assignTeams",
                "signOutUsers",
            ]
        )
        if mutation != "assignTeams":
            return mutation, {}
        teams = [global_id("Team", key) for key in self._random.sample(self._original.teams, 2)]
        return mutation, {"teams": {self._random.choice(["add", "remove", "set"]): teams}}

    async def _send(self, mutation: str, input: dict[str, Any], shown: str = f"operation {{ {OPERATION} }}") -> Any:
        """Send a call under a key of its own; its payload."""
        self._calls += 1
        note = f"call {self._calls} of client {self._number} in round {self._round}"
        given = {**input, "idempotencyKey": note, "name" if mutation == "createTeam" else "note": note}
        if "planId" in input.get("target", {}) or mutation == "undoBulkOperation":
            del given["note"]  # it is that of the plan, or there is none
        name = mutation[0].upper() + mutation[1:]
        document = f"mutation M($input: {name}Input!) {{ {mutation}(input: $input) {{ errors {{ code }} {shown} }} }}"
        payload = (await self._ask(document, {"input": given}, mutation))[mutation]
        self.told.append(Told(mutation, note, payload))
        return payload

    async def _ask(self, document: str, variables: dict[str, Any], mutation: str | None = None) -> Any:
        """The data of an answer: the same is sent until there is one."""
        body = {"query": document, "variables": variables}
        headers = {"Authorization": f"Bearer {self._original.token}"}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < deadline, f"no answer to {document}"
            served = self._fleet.processes.get("server")
            if served is None:
                await asyncio.sleep(PAUSE_S)
                continue
            try:
                async with served.client() as client:
                    response = await client.post("/graphql", json=body, headers=headers)
                    answer = response.json()
            except (httpx2.TransportError, ValueError):  # killed before it had answered
                await asyncio.sleep(PAUSE_S)
                continue
            payload = (answer.get("data") or {}).get(mutation or "") or {}
            codes = {error["code"] for error in payload.get("errors") or ()}
            codes |= {error["extensions"]["code"] for error in answer.get("errors") or ()}
            if response.status_code == 503 or codes in ({"IDEMPOTENCY_IN_PROGRESS"}, {"TIMEOUT"}):
                await asyncio.sleep(PAUSE_S)
                continue
            assert not answer.get("errors"), answer["errors"]
            return answer["data"]


@contextmanager
def original(kind: str, users: int, seed: int) -> Iterator[Original]:
    """A seeded organization on `sqlite` or `postgresql`."""
    with databases.original(kind) as empty:
        yield asyncio.run(_filled(empty, users, seed))


async def _filled(empty: databases.Original, users: int, seed: int) -> Original:
    gateway = await Gateway.over(empty.url)
    organization_id = await seeded(gateway.database, Order(users, seed, "Kill"))
    token = await gateway.key("kill", organization_id=organization_id)
    teams = [gateway.key_of(row[0]) for row in await gateway.rows("SELECT id FROM teams WHERE active")]
    before = await standing(gateway.database)
    await gateway.leave()
    return Original(empty.copy, token, before, teams)


async def killed(original: Original, first: int, seed: int, *, rounds: int = 1, size: Size = Size()) -> list[Findings]:
    """So many rounds on one copy, what was found in each.

    Args:
        first: Number of the first round, which decides which processes there are.
    """
    found = []
    async with original.copy() as url:
        with tempfile.TemporaryDirectory(prefix="rosterql-kill-") as folder:
            which = first // rounds % 3
            several = which == 1 and url.startswith("postgresql")
            fleet = Fleet(Path(folder), url, which == 2, 0 if which == 2 else 1 + several)
            database = Database(url)
            try:
                await asyncio.gather(*(fleet.start(name) for name in fleet.names))
                for number in range(first, first + rounds):
                    found.append(await _round(original, fleet, database, number, seed, size))
            finally:
                await fleet.end()
                await database.close()
    return found


async def _round(original: Original, fleet: Fleet, database: Database, number: int, seed: int, size: Size) -> Findings:
    chance = random.Random(f"{seed}/{number}")
    before = await standing(database)
    callers = [Caller(original, fleet, number, each, seed) for each in range(size.clients)]
    over = asyncio.Event()
    asking = asyncio.gather(*(caller.work(size, over) for caller in callers))
    for _ in range(size.kills):
        await _until(database, lambda left: asking.done() or left)
        await asyncio.sleep(chance.uniform(0, 1))
        name = chance.choice(fleet.names)
        if chance.random() < WORKER_ALONE and fleet.kill_worker():
            continue
        await fleet.kill(name)
        await fleet.start(name)
    over.set()
    await asking
    await _until(database, lambda left: not left)
    told = [each for caller in callers for each in caller.told]
    found = await aftermath(database, before, told)
    for each in told:
        if set(each.refused) - NEVER_DONE:
            found.wrong.append(f"{each.mutation} {each.note} was refused: {each.refused}")
    return found


async def _until(database: Database, so: Callable[[bool], bool]) -> None:
    """Look whether operations are left to be done until that is so, or for long enough."""
    for _ in range(int(PATIENCE_S / PAUSE_S)):
        if so(bool(await unfinished(database))):
            return
        await asyncio.sleep(PAUSE_S)


def main() -> None:
    """Kill from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    parser.add_argument("--db", choices=["sqlite", "postgres", "postgresql"], default="sqlite")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--users", type=int, default=10_000)
    terms = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    total = Findings()
    with original(terms.db, terms.users, terms.seed) as seeded_once:
        for first in range(0, terms.rounds, ROUNDS_A_COPY):
            began = time.monotonic()
            rounds = min(ROUNDS_A_COPY, terms.rounds - first)
            several = asyncio.run(killed(seeded_once, first, terms.seed, rounds=rounds))
            for number, found in enumerate(several, first):
                for line in found.lines():
                    print(line)
                total.add(found)
                print(f"round {number}: {found}")
            print(f"{rounds} rounds in {time.monotonic() - began:.0f} s", flush=True)
    print(total)
    sys.exit(0 if total.clean else 1)


if __name__ == "__main__":
    main()
