"""Who sends a request: the bearer token that it carries."""

from __future__ import annotations

from starlette.requests import HTTPConnection

MAX_TOKEN_CHARACTERS = 200


def bearer_token(connection: HTTPConnection) -> str | None:
    """The bearer token of a request (RFC 6750, section 2.1); None when there is none that could be one."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= MAX_TOKEN_CHARACTERS else None
