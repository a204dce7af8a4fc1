"""`/graphql`: a request in, a response out (GraphQL over HTTP; rules R1 and H1)."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import structlog
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gql.arguments import unstorable
from gql.errors import Told
from gql.execution import CallerGone, Outcome, execute
from repositories.engine import DatabaseUnavailable
from resolvers.authentication import authenticate
from resolvers.context import Context
from server.authentication import CALLER_HEADERS, keep_signed_in, keep_signed_out, token_of

if TYPE_CHECKING:
    from server.app import Gateway

JSON, GRAPHQL_JSON = "application/json", "application/graphql-response+json"
MAX_DEPTH = 64
MAX_MARKS = 50_000  # brackets and commas of a body; the largest change that is taken has half as many
MAX_VALUES = 20_000

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

log = structlog.get_logger(__name__)


class Unreadable(Exception):
    """The request cannot be read as one of GraphQL.

    Attributes:
        details: Further extensions; `variablePath` is the variable to blame, and the place in it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        variable_path: Sequence[str] | None = None,
        details: Mapping[str, Any] | None = None,
        **headers: str,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = dict(details or {})
        if variable_path:
            self.details["variablePath"] = list(variable_path)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


async def graphql(request: Request) -> Response:
    """Answer one request; nothing that it holds makes a 500, and nothing internal is shown."""
    gateway: Gateway = request.app.state.gateway
    began = time.perf_counter()
    request_id = request_id_of(request)
    media_type, context, operation = JSON, None, None
    headers = {"Cache-Control": "private, no-store", "X-Request-Id": request_id}
    try:
        media_type = _wanted(request)
        body = await _body(request, gateway)
        context = await _context(request, gateway, request_id)
        outcome = await execute(
            context,
            body,
            timeout_s=gateway.settings.graphql.query_timeout_s,
            only=OperationType.QUERY if request.method == "GET" else None,
            gone=lambda: _hung_up(request),
        )
        operation = outcome.operation
    except Unreadable as problem:
        headers |= problem.headers
        outcome = _said(problem.status, problem.message, "BAD_USER_INPUT", request_id, problem.details)
    except CallerGone:
        # Nobody reads it; the log tells of it.
        outcome = _said(499, "Nobody waited for the answer.", "BAD_USER_INPUT", request_id)
    except ClientDisconnect:
        outcome = _said(400, "The request did not arrive whole.", "BAD_USER_INPUT", request_id)
    except DatabaseUnavailable as error:
        log.warning("database unavailable", request_id=request_id, reason=repr(error.__cause__))
        outcome = _said(503, "The database does not answer. Try again in a moment.", "INTERNAL", request_id)
    except asyncio.CancelledError:
        if not gateway.draining:
            raise
        words = "The gateway is ending and cut this off. See whether a change was made before you send it again."
        outcome = _said(503, words, "INTERNAL", request_id)
    except Exception:
        log.exception("a request failed", request_id=request_id)
        words = "Something went wrong here. The request id leads to the reason in the log."
        outcome = _said(500, words, "INTERNAL", request_id)
    status = outcome.status
    if status == 400 and outcome.well_formed and media_type == JSON:
        status = 200  # GraphQL over HTTP, section 6.4.1: clients of this media type read `errors`
    if status == 405:
        headers.setdefault("Allow", "POST")  # a change that came as a GET
    if outcome.retry_after is not None:
        headers["Retry-After"] = str(outcome.retry_after)
    if context is not None and context.caller is not None:
        gateway.activity.note(context.caller, context.now())
    log.info(
        "request",
        request_id=request_id,
        method=request.method,
        status=status,
        operation=operation,
        codes=[error["extensions"]["code"] for error in outcome.response.get("errors", ())],
        caller=None if context is None or context.caller is None else context.caller.kind.name,
        caller_id=None if context is None or context.caller is None else context.caller.id,
        milliseconds=round((time.perf_counter() - began) * 1000, 1),
    )
    content = orjson.dumps(outcome.response, default=str)
    response = Response(content, status, headers, media_type=f"{media_type}; charset=utf-8")
    if context is not None and context.session_token is not None:
        keep_signed_in(response, request, context.session_token)
    elif context is not None and context.session_ended:
        keep_signed_out(response, request)
    return response


def request_id_of(request: Request) -> str:
    """The id that the caller gave the request, if it is fit to be logged; else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


async def _hung_up(request: Request) -> None:
    """Returns when the client is gone; the body has been read, so that nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _context(request: Request, gateway: Gateway, request_id: str) -> Context:
    context = Context(
        gateway.database,
        None,
        limits=gateway.limits,
        bell=gateway.bell,
        retention=gateway.settings.retention.periods,
        request_id=request_id,
        address=request.client.host if request.client else None,
    )
    context.caller = await authenticate(gateway.database, token_of(request), context.now())
    return context


def _said(status: int, message: str, code: str, request_id: str, details: dict[str, Any] | None = None) -> Outcome:
    return Outcome(status, {"errors": [Told(message, code, extensions=details).formatted(None, request_id)]})


def _wanted(request: Request) -> str:
    """The media type of the answer: the one of GraphQL where it is asked for, else JSON.

    Raises:
        Unreadable: 406, neither is wanted.
    """
    accept = request.headers.get("accept", "*/*").lower()
    ranges = {part.partition(";")[0].strip() for part in accept.split(",")}
    if GRAPHQL_JSON in ranges:
        return GRAPHQL_JSON
    if not ranges & {JSON, "application/*", "*/*", ""}:
        raise Unreadable(406, f"Answers come as {GRAPHQL_JSON} or {JSON}.")
    return JSON


async def _body(request: Request, gateway: Gateway) -> Mapping[str, Any]:
    """What is asked: the body of a POST, or the parameters of a GET."""
    if request.method == "GET":
        return _parameters(request)
    if request.method != "POST":
        raise Unreadable(405, "Send a POST, or a GET for a query.", Allow="GET, POST")
    kind = request.headers.get("content-type", "").partition(";")
    if kind[0].strip().lower() != JSON:
        raise Unreadable(415, f"The body of a request is {JSON}.")
    if "charset=" in kind[2].lower() and "utf-8" not in kind[2].lower():
        raise Unreadable(415, "The body of a request is in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unreadable(415, "The body of a request is not compressed.")
    limit = gateway.settings.server.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limit):
        raise _too_large(limit, int(declared[:18]))
    content = bytearray()
    try:
        async with asyncio.timeout(gateway.settings.server.body_timeout_s):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limit:
                    raise _too_large(limit, len(content))
    except TimeoutError:
        raise Unreadable(408, "The request did not arrive in time.", Connection="close") from None
    parsed = _json(bytes(content), "The body of the request")
    if not isinstance(parsed, dict):
        raise Unreadable(400, "The body of a request is one JSON object: batches are not taken.")
    return parsed


def _too_large(limit: int, measured: int) -> Unreadable:
    """A refusal of a body, of which no more is read: the length that it is said to have, or what came so far."""
    details = {"limitName": "maxRequestBytes", "limit": limit, "measured": measured}
    return Unreadable(413, f"A request has at most {limit:,} bytes.", details=details, Connection="close")


def _parameters(request: Request) -> Mapping[str, Any]:
    if not any(name in request.headers for name in CALLER_HEADERS):
        # Without one, any page in a browser could send it and make the gateway work (CSRF).
        raise Unreadable(400, "A GET needs the header GraphQL-Require-Preflight or Authorization.")
    given: dict[str, Any] = {}
    for name in ("query", "operationName"):
        if name in request.query_params:
            given[name] = request.query_params[name]
    for name in ("variables", "extensions"):
        if request.query_params.get(name):
            text = request.query_params[name].encode("utf-8", "surrogatepass")
            given[name] = _json(text, f"`{name}`")
    return given


def _json(content: bytes, what: str) -> Any:
    """What stands in a text of JSON, if it is not more than is worth reading.

    Marks are counted first, those in texts too, because that takes no time at all; a million empty lists would take
    half a second to be made.
    """
    if sum(content.count(mark) for mark in (b",", b"[", b"{")) > MAX_MARKS:
        raise Unreadable(400, f"{what} has more than {MAX_MARKS:,} brackets and commas.")
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise _no_json(content, what) from None
    values, level = 1, [parsed] if isinstance(parsed, dict | list) else []
    for _ in range(MAX_DEPTH + 1):
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        values += len(level)
        if values > MAX_VALUES:
            raise Unreadable(400, f"{what} holds more than {MAX_VALUES:,} values.")
        level = [one for one in level if isinstance(one, dict | list)]
        if not level:
            return parsed
    raise Unreadable(400, f"{what} is nested more than {MAX_DEPTH} levels deep.")


def _no_json(content: bytes, what: str) -> Unreadable:
    """Why something is not taken for JSON: half of a surrogate pair, which programs send unawares, is named."""
    try:
        path = unstorable(json.loads(content.decode("utf-8", "surrogatepass")))
    except (ValueError, RecursionError):
        path = None
    if path is None:
        return Unreadable(400, f"{what} is not JSON in UTF-8.")
    place = path[1:] if path[:1] == ("variables",) else None
    return Unreadable(400, "A text must hold neither U+0000 nor half a surrogate pair.", place)
