"""A serving `rosterql` as a process of its own, reached over a socket."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.commands import environment, start
from tests.forking import Forked

LONGEST_S = 60


@dataclass
class Serving:
    """A process that serves, or works beside one that does.

    Attributes:
        told: What it printed when it was ready.
        seconds: How long that took.
    """

    process: asyncio.subprocess.Process | Forked
    log: Path
    told: dict[str, Any]
    seconds: float

    @property
    def host(self) -> str:
        """Where it is reached, without an address of its own."""
        return str(self.told["url"]).removesuffix("/graphql")

    @property
    def below(self) -> list[int]:
        """The processes that it began, and theirs: the keeper of its worker, then the worker."""
        return _below(self.process.pid)

    @property
    def logged(self) -> list[dict[str, Any]]:
        """Its log so far, each line an object of JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def client(self, token: str | None = None) -> httpx2.AsyncClient:
        """A caller with connections of its own, which are kept open."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx2.AsyncClient(base_url=self.host, headers=headers, timeout=30)

    def tell(self, signal_: int = signal.SIGTERM) -> float:
        """Send it a signal; when that was."""
        self.process.send_signal(signal_)
        return time.monotonic()

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.wait_for(self.process.wait(), LONGEST_S)


def _below(process: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        found += [int(child), *_below(int(child))]
    return found


@asynccontextmanager
async def serving(
    folder: Path, *arguments: str, url: str | None = None, anew: bool = False, **settings: str
) -> AsyncIterator[Serving]:
    """Serve from a folder on any free port, from being ready to the end of the block.

    Args:
        anew: As for `tests.commands.command`.
    """
    async with _running("serve", folder, "--port", "0", *arguments, url=url, anew=anew, settings=settings) as served:
        yield served


@asynccontextmanager
async def working(
    folder: Path, *, url: str | None = None, anew: bool = False, **settings: str
) -> AsyncIterator[Serving]:
    """Run a worker of its own, from its being at work to the end of the block."""
    async with _running("worker", folder, url=url, anew=anew, settings=settings) as worker:
        yield worker


@asynccontextmanager
async def _running(
    command: str, folder: Path, *arguments: str, url: str | None, anew: bool, settings: Mapping[str, str]
) -> AsyncIterator[Serving]:
    log = folder / ("stderr.log" if command == "serve" else f"{command}.log")
    began = time.monotonic()
    with log.open("wb") as err:
        told = environment(url, **settings)
        process = await start(
            command, *arguments, "--json", folder=folder, environment=told, anew=anew, stderr=err.fileno()
        )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), LONGEST_S)
        assert line, f"it ended with {await process.wait()}: {log.read_text()}"
        yield Serving(process, log, json.loads(line), time.monotonic() - began)
    finally:
        if process.returncode is None:
            process.kill()
        rest, _ = await process.communicate()
    assert rest == b"", "more than one line was printed"
