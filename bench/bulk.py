"""Everybody whom a filter finds is deactivated, compared with the same rows written by hand.

Of one run, on each database: people per second by us and by hand, one after the other; the memory of a worker, with a
tenth of the people and with all of them; and how long a client waits for one person (W1), usually and meanwhile.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from bench.by_hand import Asked, deactivate
from bench.organization import Organization, organization
from bench.rows import differences
from resolvers.limits import Limits
from tests.serving import Serving, serving, working
from tests.workloads import DOCUMENTS

LEAST_RATE, MOST_MEMORY, MOST_WAITING = 0.7, 1.1, 5.0  # the bounds, as ratios
A_SECOND = 10  # how often a client asks W1
USUAL_S = 30  # for how long, before
WARM_UP = 50  # how often before that
PAUSE_S = 0.25  # between two looks how far an operation is
PATIENCE_S = 3_600

DEACTIVATE = """
mutation Deactivate($input: DeactivateUsersInput!) {
  deactivateUsers(input: $input) { errors { code message } operation { id status } }
}
"""
LOOK = "query Look($id: ID!) { bulkOperation(id: $id) { status totals { succeeded } } }"


@dataclass
class Figures:
    """What was measured on one database.

    Attributes:
        ours: Seconds of each round.
        by_hand: Seconds before each round, and after the last one.
        memory: Most bytes of a worker, with a tenth of the people and with all.
        waiting: The 99th percentile of W1 in seconds, usually and meanwhile.
        differing: What is not the same in the rows of both.
    """

    kind: str
    people: int
    ours: list[float] = field(default_factory=list)
    by_hand: list[float] = field(default_factory=list)
    memory: tuple[int, int] = (1, 1)
    waiting: tuple[float, float] = (1, 1)
    differing: list[str] = field(default_factory=list)

    @property
    def few(self) -> int:
        """A tenth of the people, or as many as are not done before the answer; fewer leave a worker nothing to do."""
        return min(self.people, max(self.people // 10, Limits().max_inline_targets + 1))

    @property
    def rate(self) -> float:
        """Our people per second by those of the runs by hand around it; of several rounds, the middle one."""
        around = [statistics.mean(pair) for pair in zip(self.by_hand, self.by_hand[1:], strict=False)]
        return statistics.median(hand / ours for hand, ours in zip(around, self.ours, strict=True))

    @property
    def memory_ratio(self) -> float:
        """The memory with all people by that with a tenth."""
        return self.memory[1] / self.memory[0]

    @property
    def waiting_ratio(self) -> float:
        """The 99th percentile meanwhile by the usual one."""
        return self.waiting[1] / self.waiting[0]

    @property
    def within(self) -> bool:
        """Whether the rows are the same and no bound is missed."""
        return (
            not self.differing
            and self.rate >= LEAST_RATE
            and self.memory_ratio <= MOST_MEMORY
            and self.waiting_ratio < MOST_WAITING
        )

    def __str__(self) -> str:
        ours, by_hand = (self.people / statistics.median(each) for each in (self.ours, self.by_hand))
        few, many = (round(each / 1_000_000) for each in self.memory)
        usual, meanwhile = (each * 1_000 for each in self.waiting)
        return (
            f"{self.kind}: {self.people:,} people, {ours:,.0f} a second and {by_hand:,.0f} by hand: {self.rate:.2f}; "
            f"worker {few} MB for {self.few:,} and {many} MB for all: {self.memory_ratio:.2f}; "
            f"W1 p99 {usual:.1f} ms and {meanwhile:.1f} ms meanwhile: {self.waiting_ratio:.1f}"
        )


def summary(all_figures: Sequence[Figures]) -> str:
    """The figures that have bounds: the rate on each database, the worse one of the others."""
    rates = " ".join(f"{each.kind} {each.rate:.2f}" for each in all_figures)
    memory, waiting = (max(getattr(each, name) for each in all_figures) for name in ("memory_ratio", "waiting_ratio"))
    return f"bulk {rates} memory {memory:.2f} w1 {waiting:.1f}"


def measured(kind: str, people: int, seed: int, rounds: int) -> Figures:
    """Everything on `sqlite` or `postgresql`."""
    began = time.monotonic()
    with organization(kind, people, seed) as seeded:
        _say(kind, f"{len(seeded.people):,} people seeded in {time.monotonic() - began:.0f} s")
        return asyncio.run(_measured(seeded, Figures(kind, people), rounds, seed))


async def _measured(seeded: Organization, figures: Figures, rounds: int, seed: int) -> Figures:
    people = figures.people
    for round in range(rounds + 1):
        async with seeded.copy() as by_hand:
            figures.by_hand.append(await _by_hand(by_hand, seeded, figures))
            if round == rounds:
                break
            async with seeded.copy() as ours:
                figures.ours.append(await _ours(ours, seeded, figures))
                figures.differing += await differences(ours, by_hand)
    for each in figures.differing:
        _say(figures.kind, f"not the same, by us and by hand: {each}")
    few, many = [await _memory(seeded, count) for count in (figures.few, people)]
    figures.memory = few, many
    figures.waiting = await _waiting(seeded, figures, random.Random(seed))
    return figures


async def _by_hand(url: str, seeded: Organization, figures: Figures) -> float:
    took = await deactivate(url, Asked(seeded.id, seeded.key_id, seeded.came(figures.people)))
    seconds = sum(took.values())
    slowest = sorted(took.items(), key=lambda each: each[1], reverse=True)[:6]
    _say(
        figures.kind,
        f"by hand {figures.people / seconds:,.0f} a second, {seconds:.1f} s: "
        + ", ".join(f"{title} {part:.1f}" for title, part in slowest),
    )
    return seconds


async def _ours(url: str, seeded: Organization, figures: Figures) -> float:
    with tempfile.TemporaryDirectory(prefix="rosterql-bench-") as folder:
        async with serving(Path(folder), url=url, anew=True) as served, _client(served, seeded) as client:
            began = time.perf_counter()
            await _done(client, await _begun(client, seeded, figures.people), figures.people)
            seconds = time.perf_counter() - began
    _say(figures.kind, f"by us {figures.people / seconds:,.0f} a second, {seconds:.1f} s")
    return seconds


async def _memory(seeded: Organization, people: int) -> int:
    """The most bytes that a worker of its own has while it does all of an operation."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(seeded.copy())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rosterql-bench-")))
        served = await stack.enter_async_context(serving(folder, "--no-worker", url=url, anew=True))
        client = await stack.enter_async_context(_client(served, seeded))
        operation = await _begun(client, seeded, people)
        worker = await stack.enter_async_context(working(folder, url=url, anew=True))
        await _done(client, operation, people)
        return _most_memory(worker.process.pid)


def _most_memory(pid: int) -> int:
    """As Linux tells it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1_024
    raise RuntimeError("this system does not tell how much memory a process had at most")


async def _waiting(seeded: Organization, figures: Figures, chance: random.Random) -> tuple[float, float]:
    """The 99th percentile of what a client waits for W1, usually and while everybody is deactivated."""

    def ids() -> Iterator[str]:
        while True:
            yield chance.choice(seeded.people)

    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(seeded.copy())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rosterql-bench-")))
        served = await stack.enter_async_context(serving(folder, url=url, anew=True))
        changing, asking = [await stack.enter_async_context(_client(served, seeded)) for _ in range(2)]
        for _, each in zip(range(WARM_UP), ids(), strict=False):
            await _one(asking, each)
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(USUAL_S, over.set)
        usual = [*(await _asked(asking, ids(), over)).values()]
        over = asyncio.Event()
        sampling = asyncio.create_task(_asked(asking, ids(), over))
        try:
            operation = await _begun(changing, seeded, figures.people)
            begun = asyncio.get_running_loop().time()
            await _done(changing, operation, figures.people)
        finally:
            over.set()
        asked = await sampling
    meanwhile = [*asked.values()]
    before, after = ([took for due, took in asked.items() if (due < begun) is first] for first in (True, False))
    parts = {"usually": usual, "meanwhile": meanwhile, "before the answer": before, "after it": after}
    for when, took in parts.items():
        told = ", ".join(f"{name} {part * 1_000:.1f} ms" for name, part in _percentiles(took).items())
        _say(figures.kind, f"W1 {when}, asked {len(took):,} times: {told}")
    return _percentiles(usual)["p99"], _percentiles(meanwhile)["p99"]


def _percentiles(took: Sequence[float]) -> dict[str, float]:
    ordered = sorted(took) or [0.0]
    return {f"p{part}": ordered[-(-len(ordered) * part // 100) - 1] for part in (50, 90, 99, 100)}


async def _asked(client: httpx2.AsyncClient, ids: Iterator[str], over: asyncio.Event) -> dict[float, float]:
    """Seconds until the answer, by when it was the turn of the question, whether or not others were answered."""
    loop = asyncio.get_running_loop()
    took: dict[float, float] = {}

    async def ask(due: float, id: str) -> None:
        await _one(client, id)
        took[due] = loop.time() - due

    asking, due = [], loop.time()
    while not over.is_set():
        asking.append(asyncio.create_task(ask(due, next(ids))))
        due += 1 / A_SECOND
        await asyncio.sleep(due - loop.time())
    await asyncio.gather(*asking)
    return took


async def _one(client: httpx2.AsyncClient, id: str) -> None:
    found = await _sent(client, DOCUMENTS["W1"], {"id": id})
    if found["user"]["id"] != id:
        raise RuntimeError(f"somebody else was answered than {id}")


async def _begun(client: httpx2.AsyncClient, seeded: Organization, people: int) -> str:
    """Ask for the deactivation of so many people; the id of the operation."""
    matching = {"filter": seeded.filter(people), "expectedCount": people}
    given = {"input": {"target": {"matching": matching}, "reason": "SEASONAL"}}
    payload = (await _sent(client, DEACTIVATE, given))["deactivateUsers"]
    if payload["errors"]:
        raise RuntimeError(f"refused: {payload['errors']}")
    return str(payload["operation"]["id"])


async def _done(client: httpx2.AsyncClient, operation: str, people: int) -> None:
    """Wait until all people of an operation are deactivated."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = (await _sent(client, LOOK, {"id": operation}))["bulkOperation"]
        if found["status"] == "COMPLETED" and found["totals"]["succeeded"] == people:
            return
        if found["status"] not in ("QUEUED", "RUNNING") or time.monotonic() > deadline:
            raise RuntimeError(f"the operation ended otherwise: {found}")
        await asyncio.sleep(PAUSE_S)


async def _sent(client: httpx2.AsyncClient, document: str, variables: dict[str, Any]) -> Any:
    answer = (await client.post("/graphql", json={"query": document, "variables": variables})).json()
    if answer.get("errors"):
        raise RuntimeError(f"not answered: {answer['errors']}")
    return answer["data"]


def _client(served: Serving, seeded: Organization) -> httpx2.AsyncClient:
    client = served.client(seeded.token)
    client.timeout = httpx2.Timeout(PATIENCE_S)
    return client


def _say(kind: str, what: str) -> None:
    print(f"  {kind}: {what}", flush=True)
