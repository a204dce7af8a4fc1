"""Clients of a gateway that is killed: what they ask for, and what they were told."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2

from gql.ids import global_id, key_of
from models.storage import uuid7
from models.user import UserStatus
from resolvers.context import utc_now
from tests.aftermath import Told
from tests.fleet import Fleet
from tests.standing import Standing

PATIENCE_S = 90
PAUSE_S = 0.1
AT_ONCE = 1_000  # more are left to a worker
REPEATED = 0.25  # of the calls, after they were answered
HANGING_UP = 0.25  # likewise, before they are
SOON_S = (0.8, 2.5)  # from now: when it is done, or how long after that it is taken back
TEMPORARY = ("deactivateUsers", "forceUsersOffline")
CHANGES = (*TEMPORARY, "reactivateUsers", "resumeUsersOnline", "assignTeams", "assignQueues", "signOutUsers")
OPERATION = """id status dryRun executeAt until revertsAt undoable
  progress { total processed } totals { succeeded unchanged failed skipped }"""


@dataclass(frozen=True)
class Size:
    """How much happens in a round.

    Attributes:
        calls: Of each client, at least 5.
        more_calls: Of each client, at most, as long as processes are still being killed.
    """

    clients: int = 4
    calls: int = 5
    more_calls: int = 7
    kills: int = 5


@dataclass(frozen=True)
class Original:
    """A seeded organization that is copied for every few rounds.

    Attributes:
        token: An API key with every permission.
    """

    copy: Callable[[], AbstractAsyncContextManager[str]]
    token: str
    before: Standing
    teams: Sequence[UUID]
    queues: Sequence[UUID]

    @property
    def people(self) -> list[str]:
        """Ids of all people who are not deleted."""
        return [
            global_id("User", key)
            for key, stand in self.before.people.items()
            if stand.status is not UserStatus.DELETED
        ]


class Caller:
    """A client who sends calls one after another, each until it is answered, and notes the answers."""

    def __init__(self, original: Original, fleet: Fleet, round: int, number: int, seed: int) -> None:
        self._original, self._fleet, self._round, self._number = original, fleet, round, number
        self._random = random.Random(f"{seed}/{round}/{number}")
        self._shared = random.Random(f"{seed}/{round}")  # the same for all clients of a round
        self._calls = 0
        self._people = original.people
        self._made: list[str] = []  # operations to be taken back
        self._running: list[str] = []  # operations to be canceled
        self._passing: list[str] = []  # operations that will be taken back by themselves
        self.told: list[Told] = []

    async def work(self, size: Size, over: asyncio.Event) -> None:
        """Send calls of every kind, and more of them until nobody is killed any more."""
        special = [self._temporary, self._scheduled, self._restore, self._retry]
        self._shared.shuffle(special)
        first = 2 * self._number % len(special)
        kinds = [self._many, self._many, self._few, *special[first : first + 2]]
        kinds += self._random.choices(self._kinds(), k=size.calls - len(kinds))
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
        plain = [self._many, self._few, self._planned, self._undo, self._cancel, self._add, self._team]
        return [*plain, self._undo, self._temporary, self._scheduled, self._restore, self._retry]

    async def _many(self) -> None:
        await self._bulk(self._some(AT_ONCE, max(AT_ONCE + 1, len(self._people) // 2)))

    async def _few(self) -> None:
        await self._bulk(self._some(1, 200))

    async def _everybody(self) -> None:
        """All whom a filter finds, as many as a dry run tells."""
        mutation, terms = self._change()
        matching: dict[str, Any] = {"filter": {"status": {"in": ["ACTIVE", "DEACTIVATED"]}}}
        plan = await self._send(mutation, {**terms, "target": {"matching": matching}, "dryRun": True})
        matching["expectedCount"] = plan["operation"]["progress"]["total"]
        await self._send(mutation, {**terms, "target": {"matching": matching}}, may=["COUNT_MISMATCH"])

    async def _planned(self) -> None:
        mutation, terms = self._change()
        target = self._some(AT_ONCE, AT_ONCE + 500)
        plan = await self._send(mutation, {**terms, "target": target, "dryRun": True})
        operation = await self._ended(plan["operation"]["id"])
        planned = {**terms, "target": {"planId": operation["id"]}}
        await self._send(mutation, planned, may=["PLAN_STALE"], keys=target["ids"])

    async def _cancel(self) -> None:
        """Stop what is running, or have what was for a time only last."""
        if not self._running:
            await self._many()
        kept = self._passing if self._passing and self._random.random() < 0.5 else self._running
        for operation in kept[-1:]:
            await self._stop(operation)

    async def _stop(self, operation: str) -> None:
        shown = f"errors {{ code }} operation {{ {OPERATION} }}"
        document = f"mutation C($id: ID!) {{ cancelBulkOperation(input: {{id: $id}}) {{ {shown} }} }}"
        payload = (await self._ask(document, {"id": operation}))["cancelBulkOperation"]
        self.told.append(Told("cancelBulkOperation", operation, payload, may=["INVALID_STATE"]))

    async def _undo(self) -> None:
        if not self._made:
            await self._few()
        for operation in self._random.sample(self._made, min(1, len(self._made))):
            if self._random.random() < 0.5:
                await self._ended(operation)
            self._note(await self._send("undoBulkOperation", {"id": operation}, may=["INVALID_STATE"]))

    async def _temporary(self) -> None:
        mutation = self._random.choice(TEMPORARY)
        made = await self._bulk(self._some(1, 2 * AT_ONCE), (mutation, {}), ["until"])
        self._passing += [made] if made else []

    async def _scheduled(self) -> None:
        change = self._change([*TEMPORARY, "reactivateUsers", "signOutUsers"])
        times = ["executeAt", "until"] if change[0] in TEMPORARY and self._random.random() < 0.5 else ["executeAt"]
        await self._bulk(self._some(1, 2 * AT_ONCE), change, times)

    async def _restore(self) -> None:
        """Deactivate people, and give them back what they had."""
        target = self._some(1, 2 * AT_ONCE)
        gone = await self._bulk(target, ("deactivateUsers", {}))
        if gone:
            await self._ended(gone)
        scopes = self._random.choice([["TEAMS"], ["QUEUES"], ["TEAMS", "QUEUES"]])
        await self._bulk(target, ("reactivateUsers", {"restore": scopes}))

    async def _retry(self) -> None:
        """Try again what was stopped in the middle, or what could not be done to people who were deactivated."""
        if self._random.random() < 0.5:
            made = await self._bulk(self._some(AT_ONCE, 3 * AT_ONCE))
            if made:
                await asyncio.sleep(self._random.uniform(0, 0.5))
                await self._stop(made)
        else:
            target = self._some(1, 2 * AT_ONCE)
            teams = [global_id("Team", key) for key in self._random.sample(self._original.teams, 2)]
            made = await self._bulk(target, ("assignTeams", {"teams": {"add": teams}}))
            if made:
                await self._ended(made)
                back = await self._bulk(target, ("reactivateUsers", {}))
                if back:
                    await self._ended(back)
        if not made:
            return
        totals = (await self._ended(made))["totals"]
        if totals["failed"] + totals["skipped"]:
            self._note(await self._send("retryBulkOperation", {"id": made}))

    async def _add(self) -> None:
        users = [
            {"email": f"new.{self._round}.{self._number}.{self._calls}.{index}@kill.example"} for index in range(25)
        ]
        await self._send("addUsers", {"users": users}, keys=[user["email"] for user in users])

    async def _team(self) -> None:
        await self._send("createTeam", {}, "team { id name }")

    async def _bulk(
        self,
        target: dict[str, Any],
        change: tuple[str, dict[str, Any]] | None = None,
        times: Collection[str] = (),
    ) -> str | None:
        """Change people; the operation, if there is one.

        Args:
            times: Which of `executeAt` and `until` are given, a little ahead; asked again if they had passed.
        """
        mutation, terms = change or self._change()
        payload: Any = {}
        for _ in range(10):
            payload = await self._send(mutation, {**terms, **self._soon(times), "target": target})
            if payload.get("operation"):
                break
        return self._note(payload)

    def _note(self, payload: Any) -> str | None:
        """Remember an operation, if there is one, as something to take back or to stop."""
        operation = payload.get("operation")
        if not operation:
            return None
        self._made.append(operation["id"])
        if operation["status"] in ("SCHEDULED", "QUEUED", "RUNNING"):
            self._running.append(operation["id"])
        return str(operation["id"])

    def _soon(self, times: Collection[str]) -> dict[str, str]:
        given, at = {}, utc_now()
        for name in times:
            at += timedelta(seconds=self._random.uniform(*SOON_S))
            given[name] = at.isoformat()
        return given

    async def _ended(self, operation: str) -> Any:
        """An operation once it has ended, or when nobody can wait any longer."""
        query = f"query Look($id: ID!) {{ bulkOperation(id: $id) {{ {OPERATION} }} }}"
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = (await self._ask(query, {"id": operation}))["bulkOperation"]
            assert found is not None, f"{operation}, of which somebody was told, is gone"
            if found["status"] not in ("SCHEDULED", "QUEUED", "RUNNING") or time.monotonic() > deadline:
                return found
            await asyncio.sleep(PAUSE_S)

    def _some(self, least: int, most: int) -> dict[str, Any]:
        some = self._random.sample(self._people, min(self._random.randint(least, most), len(self._people)))
        return {"ids": [*some, global_id("User", uuid7())]}

    def _change(self, among: Sequence[str] = CHANGES) -> tuple[str, dict[str, Any]]:
        mutation = self._random.choice(among)
        if mutation == "reactivateUsers":
            return mutation, {"restore": [scope for scope in ("TEAMS", "QUEUES") if self._random.random() < 0.5]}
        if not mutation.startswith("assign"):
            return mutation, {}
        field, type_name, things = (
            ("teams", "Team", self._original.teams)
            if mutation == "assignTeams"
            else ("queues", "Queue", self._original.queues)
        )
        chosen = [global_id(type_name, key) for key in self._random.sample(things, 2)]
        return mutation, {field: {self._random.choice(["add", "remove", "set"]): chosen}}

    async def _send(
        self,
        mutation: str,
        input: dict[str, Any],
        shown: str = f"operation {{ {OPERATION} }}",
        *,
        may: Collection[str] = (),
        keys: Sequence[str] | None = None,
    ) -> Any:
        """Send a call under a key of its own; its payload.

        Args:
            may: Codes with which it may be refused.
            keys: The people that it is for, where the target does not say so.
        """
        self._calls += 1
        note = f"call {self._calls} of client {self._number} in round {self._round}"
        given = {**input, "idempotencyKey": note, "name" if mutation == "createTeam" else "note": note}
        if "planId" in input.get("target", {}) or mutation in ("undoBulkOperation", "retryBulkOperation"):
            del given["note"]  # it is that of the plan or of the operation before, or there is none
        name = mutation[0].upper() + mutation[1:]
        document = f"mutation M($input: {name}Input!) {{ {mutation}(input: $input) {{ errors {{ code }} {shown} }} }}"
        payload = (await self._ask(document, {"input": given}, mutation))[mutation]
        repeating = self._random.random() < REPEATED and not payload["errors"]
        times = [datetime.fromisoformat(input[each]) for each in ("executeAt", "until") if each in input]
        if times and min(times) <= utc_now():  # while nobody was there to answer
            may = [*may, "INVALID"]
        ids = input.get("target", {}).get("ids") if keys is None else keys
        plan = key_of(input.get("target", {}).get("planId", ""), "BulkOperation")
        self.told.append(Told(mutation, note, payload, keys=ids, plan=plan, may=may))
        if repeating:
            again = (await self._ask(document, {"input": given}, mutation))[mutation]
            self.told.append(Told(mutation, note, again, keys=ids, first=self.told[-1]))
        return payload

    async def _ask(self, document: str, variables: dict[str, Any], mutation: str | None = None) -> Any:
        """The data of an answer: the same is sent until there is one.

        Args:
            mutation: Of a call with a key of its own, which is harmless to send again: some hang up at first.
        """
        body = {"query": document, "variables": variables}
        headers = {"Authorization": f"Bearer {self._original.token}"}
        deadline = time.monotonic() + PATIENCE_S
        patience = self._random.uniform(0, 0.2) if mutation and self._random.random() < HANGING_UP else None
        while True:
            assert time.monotonic() < deadline, f"no answer to {document}"
            served = self._fleet.processes.get("server")
            if served is None:
                await asyncio.sleep(PAUSE_S)
                continue
            try:
                async with served.client() as client, asyncio.timeout(patience):
                    response = await client.post("/graphql", json=body, headers=headers)
                    answer = response.json()
            except (httpx2.TransportError, ValueError, TimeoutError):  # killed before it had answered
                patience = None
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
