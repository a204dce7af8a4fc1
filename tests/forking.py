"""Processes that run `rosterql` without importing it anew: each is forked from one that has done so.

Importing the program takes longer than most of what tests let it do. What was forked is a process of its own all the
same, with its arguments, environment, folder, standard streams, signals and exit code.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

# What commands import when they run; nothing of it looks at the environment.
IMPORTED = (
    "cli.play.story",
    "cli.seeding.demo",
    "migrations.upgrading",
    "server.app",
    "server.running",
    "worker.jobs",
    "worker.loop",
    "aiosqlite",
    "asyncpg",
    "rich.console",
    "uvloop",
)
SOURCE = "import sys; from tests.forking import fork_when_told; fork_when_told(int(sys.argv[1]))"
HERE = Path(__file__).parents[1]


class Forked:
    """A process that was forked, used as one that asyncio has started.

    Attributes:
        stdout: What it prints; None where that goes elsewhere. The same of `stderr`.
    """

    def __init__(self, told: _Told, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader | None) -> None:
        self._told = told
        self.stdout = stdout
        self.stderr = stderr

    @property
    def returncode(self) -> int | None:
        """Its exit code, once it has ended; the number of the signal that killed it, negated."""
        return self._told.ended.result() if self._told.ended.done() else None

    @property
    def pid(self) -> int:
        """Its number."""
        return self._told.began.result()

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended, of which we may not have heard yet."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit code, when it has ended."""
        return await asyncio.shield(self._told.ended)

    async def communicate(self) -> tuple[bytes, bytes]:
        """What it printed until its end, and on standard error."""
        out, err, _ = await asyncio.gather(
            self.stdout.read(), self.stderr.read() if self.stderr else _nothing(), self.wait()
        )
        return out, err


async def fork(*arguments: str, folder: Path, environment: Mapping[str, str], stderr: int | None = None) -> Forked:
    """Run `rosterql` with these arguments.

    Args:
        stderr: Where that goes; it is read, where nothing is said.
    """
    channel = await asyncio.to_thread(_source)
    told, stdout = _Told(), asyncio.StreamReader()
    told_to = await _pipe(told)
    given = [os.open(os.devnull, os.O_RDONLY), await _pipe(_into(stdout))]
    read = None
    if stderr is None:
        read = asyncio.StreamReader()
        given.append(await _pipe(_into(read)))
    else:
        given.append(os.dup(stderr))
    order = {"arguments": arguments, "folder": str(folder), "environment": dict(environment)}
    try:
        socket.send_fds(channel, [json.dumps(order).encode()], [*given, told_to])
    finally:
        for descriptor in (*given, told_to):
            os.close(descriptor)
    await told.began
    return Forked(told, stdout, read)


class _Told(asyncio.Protocol):
    """What is told of a process: its number, and how it ended."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.began: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self._said = b""

    def data_received(self, data: bytes) -> None:
        self._said += data
        for future, line in zip((self.began, self.ended), self._said.split(b"\n")[:-1], strict=False):
            if not future.done():
                future.set_result(int(line))

    def connection_lost(self, _error: Exception | None) -> None:
        for future in (self.began, self.ended):
            if not future.done():
                future.set_exception(RuntimeError("whoever forks is gone"))


def _into(reader: asyncio.StreamReader) -> asyncio.StreamReaderProtocol:
    return asyncio.StreamReaderProtocol(reader)


async def _pipe(protocol: asyncio.Protocol) -> int:
    """The end of a pipe to write to; what is written comes to the protocol."""
    read, write = os.pipe()
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(read, "rb", 0))
    return write


async def _nothing() -> bytes:
    return b""


_sources: dict[int, tuple[socket.socket, subprocess.Popen[bytes]]] = {}
_starting = threading.Lock()


def _source() -> socket.socket:
    """Where a process of ours takes orders, which it does until we end."""
    with _starting:
        if os.getpid() not in _sources:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-c", SOURCE, str(theirs.fileno())],
                    cwd=HERE,
                    env={**os.environ, "PYTHONPATH": str(HERE)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,  # as those that are forked have, and nobody can seek in
                    pass_fds=[theirs.fileno()],
                )
            _sources[os.getpid()] = ours, process
        return _sources[os.getpid()][0]


def fork_when_told(descriptor: int) -> None:
    """Import the program, and run it in a process of its own whenever that is asked for."""
    gc.disable()  # as the program does until all is imported
    for name in IMPORTED:
        import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who presses Ctrl+C means the tests
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who keep the others
    with socket.socket(fileno=descriptor) as channel:
        while True:
            order, streams, _, _ = socket.recv_fds(channel, 1_000_000, 4)
            if not order:
                return
            if os.fork() == 0:
                break
            for stream in streams:
                os.close(stream)
    _keep(*streams)
    told = json.loads(order)
    os.chdir(told["folder"])
    os.environ.clear()
    os.environ.update(told["environment"])
    sys.argv[1:] = told["arguments"]

    from cli import main

    main()


def _keep(*streams: int) -> None:
    """Fork once more, and tell of that process; returns in it alone."""
    *standard, told = streams
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(told)
        for number, stream in enumerate(standard):
            os.dup2(stream, number)
            os.close(stream)
        return
    for stream in standard:
        os.close(stream)
    os.write(told, b"%d\n" % process)
    _, status = os.waitpid(process, 0)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)
