"""The serving process: one address, one database, and an orderly end."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from repositories.engine import Database
from server.connections import Connection
from server.settings import Settings

KEEP_ALIVE_S = 30
NOTICE_S = 0.2  # how long readiness says no before the door is shut


class AlreadyServing(Exception):
    """Another process serves the SQLite database: two would not see each other's writes in time."""


@contextmanager
def serving(database: Database) -> Iterator[None]:
    """Be the one process that serves a SQLite database; on PostgreSQL there may be many.

    Raises:
        AlreadyServing: Another one is.
    """
    if database.path is None:
        yield
        return
    database.path.parent.mkdir(parents=True, exist_ok=True)
    with database.path.with_name(database.path.name + ".serving").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyServing(
                f"{database.path} is served by another process already. SQLite has one serving process: "
                "stop the other one, or use PostgreSQL."
            ) from None
        yield


def listen(settings: Settings) -> socket.socket:
    """A socket at the address of the settings.

    Raises:
        OSError: The address is not to be had.
    """
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


def address(listening: socket.socket) -> str:
    """Where a socket is reached."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    app: Starlette, settings: Settings, listening: socket.socket, ready: Callable[[], None], leaving: Callable[[], None]
) -> None:
    """Serve until the process is told to end (SIGTERM, SIGINT); then let what is under way finish.

    Args:
        ready: Called when requests are answered.
        leaving: Called when the process is told to end.

    Raises:
        OSError: Another process, bound to the same address at the same time, listens there by now.
    """
    proxies = settings.server.trusted_proxies
    config = uvicorn.Config(
        app,
        http=Connection,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.server.drain_timeout_s,
    )
    listening.listen(config.backlog)  # uvloop would keep it to itself that it cannot
    await _Server(config, app, ready, leaving).serve(sockets=[listening])


class _Server(uvicorn.Server):
    """uvicorn, which says first that it is going, and ends with exit code 0 when it is told to."""

    def __init__(
        self, config: uvicorn.Config, app: Starlette, ready: Callable[[], None], leaving: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready
        self._leaving = leaving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            gc.collect()
            gc.freeze()  # what lives as long as the process is not searched for garbage again
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        gateway = self._app.state.gateway
        if gateway.draining:
            self.should_exit = self.force_exit = True
            return
        gateway.draining = True
        asyncio.get_running_loop().call_soon(self._leaving)
        asyncio.get_running_loop().call_later(NOTICE_S, self._leave)

    def _leave(self) -> None:
        self.should_exit = True
