"""How a request tells whoever works beside the requests that there is something to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Bell:
    """Rung in the process of a request, heard by the jobs of a worker there or of the one beside it.

    Nothing depends on it: jobs look for themselves from time to time, those in other processes too.
    """

    def __init__(self) -> None:
        self._heard: list[Callable[[], None]] = []

    def listen(self) -> asyncio.Event:
        """What is set from now on whenever it rings; whoever listens clears it."""
        heard = asyncio.Event()
        self._heard.append(heard.set)
        return heard

    def pass_on(self, ring: Callable[[], None]) -> None:
        """Let something else ring with it."""
        self._heard.append(ring)

    def ring(self) -> None:
        """Say that there is something to do, once that is committed."""
        for heard in self._heard:
            heard()
