"""How a request tells whoever works beside the requests that there is something to do."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung in the process of a request, heard by the jobs of a worker in the same process.

    Nothing depends on it: jobs look for themselves from time to time, those in other processes too.
    """

    def __init__(self) -> None:
        self._listening: list[asyncio.Event] = []

    def listen(self) -> asyncio.Event:
        """What is set from now on whenever it rings; whoever listens clears it."""
        heard = asyncio.Event()
        self._listening.append(heard)
        return heard

    def ring(self) -> None:
        """Say that there is something to do, once that is committed."""
        for heard in self._listening:
            heard.set()
