"""What is done beside the requests: jobs that go on whatever happens, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from repositories.engine import Database, DatabaseUnavailable
from resolvers.bell import Bell
from resolvers.retention import Retention
from tests.databases import opened
from tests.serving import Serving, serving, working
from worker.jobs import all_jobs
from worker.loop import LONGEST_ABSENCE_S, LONGEST_PAUSE_S, Job, Worker
from worker.loop import working as at_work

pytestmark = pytest.mark.anyio

NEVER_S = 3_600
LATER = """
mutation Later($input: DeactivateUsersInput!) { deactivateUsers(input: $input) { operation { id status } } }
"""
LOOK = "query Look($id: ID!) { bulkOperation(id: $id) { id status } }"
NAMES = [job.name for job in all_jobs(Retention())]


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    database = opened(sqlite_url)
    yield database
    await database.close()


def job(name: str, run: Callable[[Database], Awaitable[bool]], pause_s: float = NEVER_S) -> Job:
    return Job(name, pause_s, run)


async def test_a_job_runs_again_at_once_while_there_is_more_and_then_pauses(database: Database) -> None:
    left, done = 3, asyncio.Event()

    async def count_down(_: Database) -> bool:
        nonlocal left
        left -= 1
        if not left:
            done.set()
        return left > 0

    async with at_work(Worker(database, [job("count down", count_down)])):
        await asyncio.wait_for(done.wait(), 10)
        await asyncio.sleep(0.05)
    assert left == 0


async def test_a_job_that_has_time_rests_between_its_pieces_and_ends_at_once(database: Database) -> None:
    bell, runs, begun = Bell(), 0, asyncio.Event()

    async def look(_: Database) -> bool:
        nonlocal runs
        runs += 1
        begun.set()
        return True

    async with at_work(Worker(database, [Job("look", 0, look, rest_s=NEVER_S)], bell)):
        await asyncio.wait_for(begun.wait(), 10)
        bell.ring()
        await asyncio.sleep(0.05)
    assert runs == 1


async def test_the_bell_ends_a_pause_also_when_it_rings_during_a_run(database: Database) -> None:
    bell, runs = Bell(), 0
    second, third = asyncio.Event(), asyncio.Event()

    async def look(_: Database) -> bool:
        nonlocal runs
        runs += 1
        if runs == 1:
            bell.ring()  # what it tells of came too late for this look
        elif runs == 2:
            second.set()
        else:
            third.set()
        return False

    async with at_work(Worker(database, [job("look", look)], bell)):
        await asyncio.wait_for(second.wait(), 10)
        await asyncio.sleep(0.05)
        assert not third.is_set()
        bell.ring()
        await asyncio.wait_for(third.wait(), 10)


async def test_a_job_that_fails_is_tried_again_ever_later_and_keeps_no_other_waiting(database: Database) -> None:
    others, enough = 0, asyncio.Event()

    async def fail(_: Database) -> bool:
        raise ValueError("broken")

    async def other(_: Database) -> bool:
        nonlocal others
        others += 1
        if len(logged) >= 5:
            enough.set()
        return False

    with capture_logs() as logged:
        async with at_work(Worker(database, [job("fail", fail, 0.001), job("other", other, 0.001)])):
            await asyncio.wait_for(enough.wait(), 10)
    assert others > 5
    assert [line["again_in_s"] for line in logged[:5]] == [0.002, 0.004, 0.008, 0.016, 0.032]
    assert all(isinstance(line["exc_info"], ValueError) for line in logged)


@pytest.mark.parametrize(
    ("error", "longest_s"), [(ValueError(), LONGEST_PAUSE_S), (DatabaseUnavailable(), LONGEST_ABSENCE_S)]
)
async def test_a_pause_after_a_fault_has_an_end_and_the_bell_does_not_shorten_it(
    database: Database, error: Exception, longest_s: float
) -> None:
    bell, failed = Bell(), 0

    async def fail(_: Database) -> bool:
        nonlocal failed
        failed += 1
        raise error

    with capture_logs() as logged:
        async with at_work(Worker(database, [job("fail", fail)], bell)):
            for _ in range(3):
                await asyncio.sleep(0.01)
                bell.ring()
    assert failed == 1
    assert [line["again_in_s"] for line in logged] == [longest_s]


async def test_a_job_waits_for_a_lock_while_others_go_on(database: Database) -> None:
    reads, held, enough = 0, asyncio.Event(), asyncio.Event()

    async def write(database: Database) -> bool:
        async def work(_: object) -> None:
            held.set()
            await asyncio.sleep(NEVER_S)

        await database.change(work)
        return False

    async def read(database: Database) -> bool:
        nonlocal reads
        await held.wait()
        async with database.reading() as connection:
            reads += (await connection.execute(text("SELECT 1"))).scalar_one()
        if reads == 5:
            enough.set()
        return reads < 5

    worker = Worker(database, [job("write", write), job("read", read)])
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(enough.wait(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_told_to_stop_it_finishes_the_piece_under_way_and_begins_no_other(database: Database) -> None:
    begun, pieces = asyncio.Event(), 0

    async def work(_: Database) -> bool:
        nonlocal pieces
        begun.set()
        await asyncio.sleep(0.1)
        pieces += 1
        return True

    worker = Worker(database, [job("work", work)])
    async with at_work(worker):
        await begun.wait()
        worker.stop()
    assert pieces == 1


async def test_what_does_not_end_in_time_is_cut_off_and_named(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.loop.PATIENCE_S", 0.05)
    begun = asyncio.Event()

    async def hang(_: Database) -> bool:
        begun.set()
        await asyncio.sleep(NEVER_S)
        return False

    with capture_logs() as logged:
        async with at_work(Worker(database, [job("hang", hang)])):
            await begun.wait()
    assert [(line["event"], line["jobs"]) for line in logged] == [("jobs were cut off", ["hang"])]


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_of_its_own_says_what_it_does_and_ends_well(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, signal_: signal.Signals
) -> None:
    folder = tmp_path_factory.mktemp("worker")
    async with working(folder, url=database_url) as first, working(tmp_path_factory.mktemp("other"), url=database_url):
        assert first.told["jobs"] == NAMES
        first.tell(signal_)
        assert await first.ended() == 0
    assert [line for line in first.logged if line["level"] in ("warning", "error", "critical")] == []


async def test_who_serves_also_works_unless_told_not_to(
    sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for arguments, jobs in (((), NAMES), (("--no-worker",), [])):
        folder = tmp_path_factory.mktemp("serving")
        async with serving(folder, *arguments, url=sqlite_url) as served:
            assert served.told["jobs"] == jobs
            below = await beside(served) if jobs else served.below
            assert len(below) == (2 if jobs else 0)
            served.tell()
            assert await served.ended() == 0
            assert not [process for process in below if alive(process)]


async def test_a_worker_that_dies_beside_a_server_is_begun_anew_and_ends_with_it(tmp_path: Path) -> None:
    """Whatever ends the server; what waits for a worker is done meanwhile."""
    async with serving(tmp_path, "--demo", DEMO__USERS="100") as served:
        keeper, worker = await beside(served)
        async with served.client(served.told["token"]) as client, asyncio.timeout(30):
            agents = await asked(client, "{ users(filter: {role: {eq: AGENT}}) { nodes { id } } }")
            later = {
                "target": {"ids": [agents["users"]["nodes"][0]["id"]]},
                "executeAt": (datetime.now(UTC) + timedelta(seconds=1)).isoformat(),
            }
            operation = (await asked(client, LATER, input=later))["deactivateUsers"]["operation"]
            os.kill(worker, signal.SIGKILL)  # and nobody rings for the next one
            while operation["status"] != "COMPLETED":
                await asyncio.sleep(0.05)
                operation = (await asked(client, LOOK, id=operation["id"]))["bulkOperation"]
        ended = [line["code"] for line in served.logged if line["event"] == "the worker ended and begins anew"]
        assert ended == [-signal.SIGKILL]
        _, another = await beside(served)
        served.tell(signal.SIGKILL)
        async with asyncio.timeout(10):
            while alive(keeper) or alive(another):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def beside(served: Serving) -> list[int]:
    """The keeper of a server's worker, and the worker once it is there."""
    async with asyncio.timeout(10):
        while len(served.below) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return served.below


async def asked(client: httpx2.AsyncClient, document: str, **variables: Any) -> Any:
    """The data of an answer."""
    return (await client.post("/graphql", json={"query": document, "variables": variables})).json()["data"]


def alive(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
