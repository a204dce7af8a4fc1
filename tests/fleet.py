"""The processes of a gateway, killed and started again."""

from __future__ import annotations

import os
import signal
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.serving import Serving, serving, working


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
