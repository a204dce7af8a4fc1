"""`rosterql worker`: what is done beside the requests, in a process of its own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from cli.running import Config, Json, opened, run, say, seldom, settings, shown

if TYPE_CHECKING:
    from server.settings import Settings


def worker(config: Config = None, json: Json = False) -> None:
    """Do what is done beside the requests; an empty or older database is brought up to date first."""
    chosen = settings(config)
    seldom()
    run(lambda: _work(chosen, json), uvloop=True)


def work_beside(chosen: Settings, pipe: int) -> None:
    """Do the same in the worker process of one that serves; see `worker.beside`."""
    seldom()
    run(lambda: _work_beside(chosen, pipe), uvloop=True)


async def _work(chosen: Settings, json: bool) -> None:
    from server import logs
    from worker.jobs import all_jobs
    from worker.loop import Worker

    logs.configure()
    async with opened(chosen) as database:
        worker = Worker(database, all_jobs(chosen.retention.periods))
        running = asyncio.create_task(worker.run())
        _when_told_to_end(worker.stop)
        if json:
            say({"database": shown(database), "jobs": worker.jobs})
        else:
            _tell(shown(database), worker.jobs)
        await running


async def _work_beside(chosen: Settings, pipe: int) -> None:
    from worker.beside import Door
    from worker.jobs import all_jobs
    from worker.loop import Worker, working

    door = Door(pipe)
    _when_told_to_end(door.closed.set)
    async with (
        opened(chosen, migrated=False) as database,
        working(Worker(database, all_jobs(chosen.retention.periods), door.bell)),
    ):
        await door.closed.wait()


def _when_told_to_end(end: Callable[[], None]) -> None:
    """Call something at the first SIGTERM or SIGINT; the second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def told() -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
        end()

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told)


def _tell(database: str, jobs: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    rows = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows.add_row("Database", database)
    rows.add_row("Jobs", ", ".join(jobs))
    console = Console(highlight=False, soft_wrap=True)
    console.print(rows)
    console.print("Stop with Ctrl+C.")
