"""Structure that is made, renamed, hung up, assigned and deleted by several at once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.contradiction import broken, clients, deadlocks
from tests.gateway import Gateway
from tests.people import Person, Staff
from tests.rounds import rounds
from tests.structuring import KINDS, field_of
from tests.test_structure import NEEDED

pytestmark = pytest.mark.anyio

NAMES = ["One", "Two", "Three", "Four"]
REFERRED = {"Team": "siteId", "Site": "defaultDesktopProfileId"}
# What one may be told whom another one has overtaken. Everything else is a fault.
OVERTAKEN = {"NAME_IN_USE", "NOT_FOUND", "IN_USE", "INVALID_STATE"}
CIRCLE = "INVALID"  # a team below itself; nothing else that is sent is invalid


class Builders:
    """Clients who change the same few things at once, knowing only what each was told.

    Attributes:
        known: Ids that somebody was told, by kind; of things that may be gone by now.
        told: How often each mutation came to which end.
    """

    def __init__(self, people: list[Person], seed: int) -> None:
        self.people = people
        self.known: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self.told: Counter[tuple[str, str]] = Counter()
        self.random = random.Random(seed)

    async def one(self, client: Gateway) -> None:
        """Do anything."""
        ways: list[Callable[[Gateway], Awaitable[None]]] = [
            self.create,
            self.create,
            self.update,
            self.update,
            self.delete,
            self.assign,
            self.assign_queues,
            self.move,
        ]
        await self.random.choice(ways)(client)

    async def create(self, client: Gateway) -> None:
        kind = self.random.choice(KINDS)
        given = {"name": self.random.choice(NAMES), **NEEDED.get(kind, {}), **self._reference(kind)}
        payload = await self._send(client, f"create{kind}", given, f"{field_of(kind)} {{ id }}")
        if payload[field_of(kind)] is not None:
            self.known[kind].append(payload[field_of(kind)]["id"])

    async def update(self, client: Gateway) -> None:
        kind, key = self._any(*KINDS)
        patch: dict[str, Any] = self.random.choice(
            [{"name": self.random.choice(NAMES)}, {"active": False}, {"active": True}, self._reference(kind)]
        )
        if kind == "Team" and self.random.random() < 0.5:
            patch = {"parentId": self.random.choice([None, *self.known["Team"]])}
        await self._send(client, f"update{kind}", {"id": key, "patch": patch})

    async def delete(self, client: Gateway) -> None:
        kind, key = self._any(*KINDS)
        await self._send(client, f"delete{kind}", {"id": key})

    async def assign(self, client: Gateway) -> None:
        kind, key = self._any("Team", "Queue", "SkillGroup")
        whom = [person.id for person in self.random.sample(self.people, 6)]
        way = self.random.choice(["add", "remove", "set"])
        given = {"target": {"ids": whom}, f"{field_of(kind)}s": {way: [key]}}
        await self._send(client, f"assign{kind}s", given, "operation { items(first: 9) { nodes { outcome } } }")

    async def assign_queues(self, client: Gateway) -> None:
        kind, key = self._any("Team", "SkillGroup")
        _, queue = self._any("Queue")
        await self._send(client, f"assign{kind}Queues", {"id": key, "queues": {"add": [queue]}})

    async def move(self, client: Gateway) -> None:
        kind, key = self._any("Site", "UserProfile", "DesktopProfile")
        patch = {f"{field_of(kind).removeprefix('user').replace('Profile', 'profile', kind == 'UserProfile')}Id": key}
        await self._send(client, "updateUser", {"id": self.random.choice(self.people).id, "patch": patch})

    def _any(self, *kinds: str) -> tuple[str, str]:
        kind = self.random.choice([kind for kind in kinds if self.known[kind]])
        return kind, self.random.choice(self.known[kind][-5:])

    def _reference(self, kind: str) -> dict[str, str]:
        if kind not in REFERRED:
            return {}
        return {REFERRED[kind]: self._any({"Team": "Site", "Site": "DesktopProfile"}[kind])[1]}

    async def _send(self, client: Gateway, mutation: str, given: dict[str, Any], shown: str = "") -> Any:
        name = mutation[0].upper() + mutation[1:]
        document = f"mutation M($input: {name}Input!) {{ {mutation}(input: $input) {{ errors {{ code }} {shown} }} }}"
        answer = await client.run(document, {"input": given})
        assert answer.status == 200, answer
        assert not answer.errors, (mutation, given, answer.errors)
        payload = answer.data[mutation]
        codes = [error["code"] for error in payload["errors"]]
        expected = OVERTAKEN | {CIRCLE} if "parentId" in given.get("patch", ()) else OVERTAKEN
        assert set(codes) <= expected, (mutation, given, payload)
        self.told[mutation, codes[0] if codes else "done"] += 1
        return payload


async def test_many_who_build_and_take_down_at_once_leave_nothing_broken(gateway: Gateway, staff: Staff) -> None:
    """E4, E11: each is told what came of it; nobody is told of a fault or of a lock that was lost."""
    builders = Builders(await staff.hire(20), seed=1)
    builders.known |= {
        "Team": [(await staff.team()).id],
        "Queue": [(await staff.queue()).id],
        "SkillGroup": [(await staff.skill_group()).id],
        "Site": [(await staff.site()).id],
        "UserProfile": [(await staff.profile()).id],
        "DesktopProfile": [(await staff.desktop_profile()).id],
    }
    met = await deadlocks(gateway)
    async with clients(gateway, 8) as eight:
        for _ in range(rounds(100)):
            await asyncio.gather(*(builders.one(client) for client in eight))
    assert await broken(gateway) == []
    for verb in ("create", "update", "delete", "assign"):
        assert any(mutation.startswith(verb) and end == "done" for mutation, end in builders.told), builders.told
    assert await deadlocks(gateway) == met
