"""The loop that runs jobs until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from repositories.engine import Database, DatabaseUnavailable
from resolvers.bell import Bell

LONGEST_PAUSE_S = 60  # after faults: somebody has to mend something
LONGEST_ABSENCE_S = 2  # while the database is gone: soon after it is back, so is the worker
PATIENCE_S = 4  # for what is under way at the end

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Job:
    """Something that is done again and again.

    Attributes:
        pause_s: Seconds between two runs when there was nothing left to do.
        run: Does one piece of the work, which is short (a batch, a transaction) and leaves all in order wherever it
            is cut off; whether there is more to do at once. Several workers run the same job at the same time.
        rest_s: Seconds between two runs though there is more: for work that has time, so that others get their turn.
    """

    name: str
    pause_s: float
    run: Callable[[Database], Awaitable[bool]]
    rest_s: float = 0


class Worker:
    """Runs jobs on a database, each in a task of its own, so that none waits for another one."""

    def __init__(self, database: Database, jobs: Sequence[Job], bell: Bell | None = None) -> None:
        self._database = database
        self._jobs = jobs
        self._bell = bell or Bell()
        self._stopping = asyncio.Event()

    @property
    def jobs(self) -> list[str]:
        """The names of the jobs."""
        return [job.name for job in self._jobs]

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()
        self._bell.ring()

    async def run(self) -> None:
        """Run the jobs until told to stop; what is under way then is given a moment to end."""
        tasks = {asyncio.create_task(self._repeat(job)): job.name for job in self._jobs}
        try:
            await self._stopping.wait()
            if tasks:
                _, late = await asyncio.wait(tasks, timeout=PATIENCE_S)
                if late:
                    log.warning("jobs were cut off", jobs=sorted(tasks[task] for task in late))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, job: Job) -> None:
        structlog.contextvars.bind_contextvars(job=job.name)
        rung = self._bell.listen()
        failed = 0
        while not self._stopping.is_set():
            rung.clear()  # before the look: what is rung from now on may come too late for it
            try:
                more = await job.run(self._database)
            except Exception as error:
                failed += 1
                await self._stopped_within(_tell(job, error, failed))
                continue
            failed = 0
            if more:
                await self._stopped_within(job.rest_s)
            elif not self._stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(rung.wait(), job.pause_s)

    async def _stopped_within(self, seconds: float) -> None:
        """Wait, unless told to stop; the bell does not count, or a fault would come as often as it rings."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    """Run a worker beside what is done in the block, and stop it at the end."""
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await running


def _tell(job: Job, error: Exception, failed: int) -> float:
    """Log why a job failed; the seconds until it is tried again."""
    gone = isinstance(error, DatabaseUnavailable)
    pause_s: float = min(job.pause_s * 2 ** min(failed, 16), LONGEST_ABSENCE_S if gone else LONGEST_PAUSE_S)
    if gone:
        log.warning("database unavailable", reason=repr(error.__cause__), again_in_s=pause_s)
    else:
        log.error("a job failed", exc_info=error, failed=failed, again_in_s=pause_s)
    return pause_s
