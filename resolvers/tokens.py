"""What callers show: tokens of sessions and API keys, and what is kept of them."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY = re.compile(r"(rql_([0-9A-Za-z]{12})_[0-9A-Za-z]{43})([0-9A-Za-z]{6})", re.ASCII)
_SESSION = re.compile(r"rqs_[0-9A-Za-z_-]{43}", re.ASCII)


def new_session_token() -> str:
    """256 random bits; shown once, and kept as a hash."""
    return "rqs_" + secrets.token_urlsafe(32)


def session_hash(token: str) -> bytes | None:
    """What is kept of a session's token; None for what cannot be one."""
    return hashlib.sha256(token.encode()).digest() if _SESSION.fullmatch(token) else None


def new_key() -> tuple[str, str]:
    """A new secret of an API key, `rql_<id12>_<secret43><crc6>`, and the prefix by which it is found."""
    prefix, secret = _random(12), _random(43)
    body = f"rql_{prefix}_{secret}"
    return body + _checksum(body), prefix


def key_prefix(token: str) -> str | None:
    """By what to find an API key; None for what cannot be one, also when a character was lost or changed."""
    parsed = _KEY.fullmatch(token)
    if parsed is None or _checksum(parsed[1]) != parsed[3]:
        return None
    return parsed[2]


def key_hash(token: str, pepper: bytes) -> bytes:
    """What is kept of a secret."""
    return hmac.new(pepper, token.encode(), hashlib.sha256).digest()


def same(one: bytes, other: bytes) -> bool:
    """Whether two hashes are the same, in constant time."""
    return hmac.compare_digest(one, other)


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
