"""Who sends a request: the bearer token that it carries, or the cookie of a browser that signed in here."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.requests import HTTPConnection
from starlette.responses import Response

MAX_TOKEN_CHARACTERS = 200

# Browsers send none of these to another origin without asking it first.
PREFLIGHT_HEADERS = ("graphql-require-preflight", "apollo-require-preflight")
CALLER_HEADERS = (*PREFLIGHT_HEADERS, "authorization")

SECURE_COOKIE, LOOPBACK_COOKIE = "__Host-rosterql", "rosterql"


def token_of(connection: HTTPConnection) -> str | None:
    """What a request shows of its caller; None when there is nothing that could be a token.

    Where there is an `Authorization`, the cookie says nothing: whoever sends one means it.
    """
    if "authorization" in connection.headers:
        return bearer_token(connection)
    name = cookie_name(connection)
    if name is None or not is_own_page(connection):
        return None
    token = connection.cookies.get(name, "")
    return token if 0 < len(token) <= MAX_TOKEN_CHARACTERS else None


def bearer_token(connection: HTTPConnection) -> str | None:
    """The bearer token of a request (RFC 6750, section 2.1); None when there is none that could be one."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= MAX_TOKEN_CHARACTERS else None


def is_own_page(connection: HTTPConnection) -> bool:
    """Whether a page of this very origin sends a request, and not one that a browser was led to.

    The header of the preflight keeps forms and links out, the origin everything else.
    """
    origin = f"{connection.url.scheme}://{connection.headers.get('host', '')}"
    asked = any(name in connection.headers for name in PREFLIGHT_HEADERS)
    return asked and connection.headers.get("origin", "").lower() == origin.lower()


def cookie_name(connection: HTTPConnection) -> str | None:
    """The cookie of a session, by how the gateway is reached; None over plain HTTP from another machine."""
    if connection.url.scheme == "https":
        return SECURE_COOKIE
    host = connection.url.hostname or ""
    return LOOPBACK_COOKIE if host == "localhost" or _is_loopback(host) else None


def keep_signed_in(response: Response, connection: HTTPConnection, token: str) -> None:
    """Give the session to the browser as a cookie, if the sign-in came from a page of this origin."""
    name = cookie_name(connection)
    if name is not None and is_own_page(connection):
        response.set_cookie(name, token, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="strict")


def keep_signed_out(response: Response, connection: HTTPConnection) -> None:
    """Take the cookie away, if the session that ended was that of the cookie."""
    name = cookie_name(connection)
    if name is not None and "authorization" not in connection.headers:
        response.delete_cookie(name, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="strict")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
