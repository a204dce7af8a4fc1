"""A worker in a process of its own beside the one that serves, so that no request waits for its turn.

It is forked before there is a loop, a thread or a connection. One pipe leads to it: the first byte says that the tables
are there, each one more rings the bell, and when the other end is closed, for whatever reason, nobody serves any more
and it ends. A keeper in between, which does nothing else, begins it anew when it ends otherwise.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import structlog

from resolvers.bell import Bell
from worker.loop import PATIENCE_S

AGAIN_S = 1

log = structlog.get_logger(__name__)


class Beside:
    """The worker process, as the serving process has it."""

    def __init__(self, keeper: int, pipe: int) -> None:
        self._keeper = keeper
        self._pipe: int | None = pipe

    def ring(self) -> None:
        """Let it begin, or look whether there is something to do."""
        if self._pipe is not None:
            with suppress(BlockingIOError, BrokenPipeError):  # rung often enough, or between two workers
                os.write(self._pipe, b".")

    def leave(self) -> None:
        """Let it end what it is at, and begin nothing more."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    async def left(self) -> None:
        """Let it end, and wait until it has, as long as any worker may take; then without it."""
        self.leave()
        ended = asyncio.create_task(asyncio.to_thread(os.waitpid, self._keeper, 0))
        _, late = await asyncio.wait({ended}, timeout=PATIENCE_S + 1)
        if late:  # or the thread that waits would keep this process
            os.kill(self._keeper, signal.SIGKILL)
        await ended


def begin_beside(work: Callable[[int], None]) -> Beside:
    """Fork a worker process.

    Args:
        work: What it runs, with its end of the pipe; may end the process with an exit code.
    """
    reading, writing = os.pipe()
    keeper = os.fork()
    if not keeper:
        os.close(writing)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed there belongs to who serves
        _keep(work, reading)
    os.close(reading)
    os.set_blocking(writing, False)
    return Beside(keeper, writing)


def _keep(work: Callable[[int], None], pipe: int) -> NoReturn:
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)  # the worker hears them
    if not os.read(pipe, 1):  # here, and not in the worker: who comes after one that died has nothing to wait for
        os._exit(0)
    while True:
        worker = os.fork()
        if not worker:
            _end_with(lambda: work(pipe))
        code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
        if code == 0:
            os._exit(0)
        log.error("the worker ended and begins anew", code=code)
        sys.stderr.flush()
        time.sleep(AGAIN_S)


def _end_with(work: Callable[[], None]) -> NoReturn:
    """End the process with it, past all that was to be done at the end of the one that it was forked from."""
    code = 1
    try:
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        log.critical("the worker ended", exc_info=error)
    finally:
        sys.stderr.flush()
        os._exit(code)


class Door:
    """The other end of the pipe, in the worker process.

    Attributes:
        bell: Rung with each byte.
        closed: Whether nobody serves any more.
    """

    def __init__(self, pipe: int) -> None:
        self.bell = Bell()
        self.closed = asyncio.Event()
        self._pipe = pipe
        os.set_blocking(pipe, False)
        asyncio.get_running_loop().add_reader(pipe, self._hear)

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            if os.read(self._pipe, 65_536):
                self.bell.ring()
            else:
                asyncio.get_running_loop().remove_reader(self._pipe)
                self.closed.set()
