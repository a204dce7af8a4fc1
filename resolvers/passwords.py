"""Passwords: which are acceptable, how they are kept, and how much of that work is done at once."""

from __future__ import annotations

import asyncio
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TypeVar
from weakref import WeakKeyDictionary

from resolvers.common_passwords import COMMON
from resolvers.refusals import Refusal

T = TypeVar("T")

MIN_CHARACTERS, MAX_CHARACTERS = 12, 256
MEMORY_KIB, ROUNDS, LANES = 19 * 1024, 2, 1
AT_ONCE, MAX_WAITING, WAIT_S = 2, 600, 10.0

# Of a password that nobody knows, made as ours are: what an unknown mail address is compared with, so that it takes
# the same time as a known one.
NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$SHJvWZni8S00Y24y8QUbcQ$HxLBAmcehVsrsombkvnoDymspx1z8m4Rxx0PncSSTsI"

_READABLE = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like something else
_WORDLESS = re.compile(r"[\W\d_]+")
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_LEET = str.maketrans("@4301!$57", "aaeoiisst")


class TooBusy(Refusal):
    """More people sign in at this moment than the server can check; the same request will pass a little later."""

    code = "RATE_LIMITED"
    status = 503


class _Gate:
    """Lets two in at once; others wait in line, up to a length and a time."""

    def __init__(self) -> None:
        self._open = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        if self._waiting >= MAX_WAITING:
            raise self._busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_S):
                await self._open.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._open.release()

    def _busy(self) -> TooBusy:
        return TooBusy("Too many people are signing in right now. Try again in a moment.", retryAfter=5)


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gate] = WeakKeyDictionary()


@asynccontextmanager
async def in_turn() -> AsyncIterator[None]:
    """Wait for a turn to work on passwords: each takes 19 MiB and a processor for tens of milliseconds.

    Raises:
        TooBusy: The line is too long.
    """
    loop = asyncio.get_running_loop()
    gate = _gates.get(loop)
    if gate is None:
        gate = _gates[loop] = _Gate()
    async with gate.passing():
        yield


async def verify(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Compare a password with what is kept of it, in a turn.

    Args:
        password_hash: None when there is nothing to compare with, which takes as long and is never right.

    Returns:
        Whether it is right, and then a newer hash of it when the one that is kept was made in an older way.
    """
    if len(password) > MAX_CHARACTERS * 4:
        password, password_hash = "", None
    text = normalised(password)
    right, newer = await _in_thread(lambda: _verify(text, password_hash or NOBODYS_HASH))
    return (right, newer) if password_hash is not None else (False, None)


async def hashed(password: str) -> str:
    """What is kept of a password, made in a turn."""
    text = normalised(password)
    return await _in_thread(lambda: hash_now(text))


def hash_now(password: str) -> str:
    """What is kept of a password; takes tens of milliseconds, for where nobody waits."""
    from pwdlib.hashers.argon2 import Argon2Hasher

    return Argon2Hasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=LANES).hash(normalised(password))


def _verify(text: str, password_hash: str) -> tuple[bool, str | None]:
    from pwdlib import PasswordHash
    from pwdlib.exceptions import UnknownHashError
    from pwdlib.hashers.argon2 import Argon2Hasher

    ours = Argon2Hasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=LANES)
    try:
        return PasswordHash((ours,)).verify_and_update(text, password_hash)
    except UnknownHashError:
        return False, None


async def _in_thread(work: Callable[[], T]) -> T:
    # The turn is over when the thread is, also when whoever asked has gone away meanwhile.
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def normalised(password: str) -> str:
    """A password as it is hashed: NFC, so that every keyboard writes the same one."""
    return unicodedata.normalize("NFC", password)


def objection(password: str, *, current: str | None = None, mail: str | None = None) -> str | None:
    """Why a new password is not acceptable, in words; None when it is."""
    if len(password) > MAX_CHARACTERS * 4 or len(text := normalised(password)) > MAX_CHARACTERS:
        return f"A password has at most {MAX_CHARACTERS} characters."
    if len(text) < MIN_CHARACTERS:
        return f"A password has at least {MIN_CHARACTERS} characters."
    if current is not None and text == normalised(current):
        return "The new password is the old one."
    if mail is not None and text.casefold() in (mail.casefold(), mail.casefold().partition("@")[0]):
        return "A password is not the mail address."
    if is_common(text):
        return "This password is too common."
    return None


def is_common(password: str) -> bool:
    """Whether a password is one of the first that somebody would try."""
    folded = password.casefold()
    if len(set(folded)) < 5 or len(_unit(folded)) <= 6 or _runs(folded):
        return True
    inner = _AROUND.sub("", folded)  # without what was added before and behind: `P@ssw0rd!2026` is `p@ssw0rd`
    words = {_WORDLESS.sub("", text) for text in (folded, folded.translate(_LEET), inner.translate(_LEET))} - {""}
    return any(word in COMMON or _unit(word) in COMMON for word in words)


def _runs(text: str) -> bool:
    """Whether nearly every character is the neighbour of the one before, as in 123456789012 and abcdefghijkl."""
    steps = sum(abs(ord(one) - ord(other)) in (0, 1, 9) for one, other in pairwise(text))
    return steps >= 0.8 * (len(text) - 1)


def _unit(text: str) -> str:
    """What a text repeats; the text itself when it repeats nothing."""
    period = (text + text).find(text, 1)
    return text[:period]


def random_password() -> str:
    """A password to be read off a screen or a mail and typed: 20 characters in groups, 115 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(5)) for _ in range(4))
