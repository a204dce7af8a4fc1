"""A real server and a real worker, killed in the middle of operations, and what is left of what they had acknowledged.

`python -m tests.kill --db sqlite --rounds 100` seeds an organization once and copies it for every few rounds. A round
sends operations about overlapping people, kills processes at random moments while there is work (SIGKILL) and starts
them again, waits until all is worked off and all that was for a time only is taken back, and compares what clients
(`tests/callers.py`) were told with the database (`tests/aftermath.py`), and how people stand with what the audit
tells, done on paper (`tests/replay.py`). The last line is `acknowledged A lost 0 half-done 0 twice 0 stuck 0`; it ends
with 1 if anything was found, wrong answers among it, or if nobody was restored, tried again and so on.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from cli.seeding.large import seed as seeded
from cli.seeding.plan import Order
from repositories.engine import Database
from tests import databases
from tests.aftermath import SPECIAL, Findings, aftermath
from tests.callers import Caller, Original, Size
from tests.fleet import Fleet
from tests.gateway import Gateway
from tests.standing import Standing, standing, unfinished

WORKER_ALONE = 0.5  # how often, of the times that a server with a worker beside it would be killed
BETWEEN_S = (0, 3)  # kills, and more where nothing is left to do
ROUNDS_A_COPY = 2
FAIR = 3  # so many rounds have something of everything
PATIENCE_S = 90  # until all is worked off
PAUSE_S = 0.1


@contextmanager
def original(kind: str, users: int, seed: int) -> Iterator[Original]:
    """A seeded organization on `sqlite` or `postgresql`."""
    with databases.original(kind) as empty:
        yield asyncio.run(_filled(empty, users, seed))


async def _filled(empty: databases.Original, users: int, seed: int) -> Original:
    gateway = await Gateway.over(empty.url)
    organization_id = await seeded(gateway.database, Order(users, seed, "Kill"))
    token = await gateway.key("kill", organization_id=organization_id)
    teams, queues = [
        [gateway.key_of(row[0]) for row in await gateway.rows(f"SELECT id FROM {table} WHERE active")]
        for table in ("teams", "queues")
    ]
    before = await standing(gateway.database)
    await gateway.leave()
    return Original(empty.copy, token, before, teams, queues)


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
                stands = original.before
                for number in range(first, first + rounds):
                    each, stands = await _round(original, fleet, database, stands, number, seed, size)
                    found.append(each)
            finally:
                await fleet.end()
                await database.close()
    return found


async def _round(
    original: Original, fleet: Fleet, database: Database, before: Standing, number: int, seed: int, size: Size
) -> tuple[Findings, Standing]:
    chance = random.Random(f"{seed}/{number}")
    callers = [Caller(original, fleet, number, each, seed) for each in range(size.clients)]
    over = asyncio.Event()
    asking = asyncio.gather(*(caller.work(size, over) for caller in callers))
    for _ in range(size.kills):
        await _until(database, lambda left: asking.done() or left)
        await asyncio.sleep(chance.uniform(*BETWEEN_S))
        name = chance.choice(fleet.names)
        if chance.random() < WORKER_ALONE and fleet.kill_worker():
            continue
        await fleet.kill(name)
        await fleet.start(name)
    over.set()
    await asking
    await _until(database, lambda left: not left)
    told = [each for caller in callers for each in caller.told]
    return await aftermath(database, before, told)


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
    print("people " + ", ".join(f"{what} {count}" for what, count in sorted(total.done.items())))
    print(total)
    short = terms.rounds >= FAIR and not all(total.done[what] for what in SPECIAL)
    sys.exit(1 if short or not total.clean else 0)


if __name__ == "__main__":
    main()
