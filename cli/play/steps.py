"""A play in steps: each asks the gateway, compares what came back with what was expected, and is told."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from gql.execution import execute
from repositories.engine import Database
from resolvers.authentication import authenticate
from resolvers.context import Context

# What a step may raise when an answer has not the shape that it counts on: the play is over, and that is a miss.
_UNEXPECTED = (KeyError, TypeError, IndexError, AttributeError, StopIteration)
_SECRET = re.compile(r"(token|password)", re.IGNORECASE)


class Stopped(Exception):
    """The play cannot go on: an answer lacked what the next question needs."""


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation, and whether it held.

    Attributes:
        found: What was there in its place; None when it held.
    """

    what: str
    ok: bool
    found: Any = None

    def told(self) -> dict[str, Any]:
        """As a line of `--json` holds it."""
        line: dict[str, Any] = {"what": self.what, "ok": self.ok}
        return line if self.ok else {**line, "found": self.found}


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent, and what came back; neither shows a secret."""

    document: str
    variables: Mapping[str, Any]
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered."""

    body: Mapping[str, Any]

    @property
    def data(self) -> Any:
        """The data; empty when there is none."""
        return self.body.get("data") or {}

    @property
    def codes(self) -> list[str]:
        """Code of each top-level error."""
        return [error["extensions"]["code"] for error in self.body.get("errors") or ()]


@dataclass
class Gateway:
    """The gateway as a client reaches it, without a network between: every request is authenticated anew.

    Attributes:
        token: The API key that requests show unless told otherwise.
        address: Where the play comes from. It is one of RFC 3849, another one for each play: failed attempts are
            counted by address, and those of one play must not bar the next.
    """

    database: Database
    token: str
    address: str = field(default_factory=lambda: f"2001:db8::{secrets.randbits(16):x}:{secrets.randbits(16):x}")

    async def ask(self, document: str, variables: Mapping[str, Any], token: str | None) -> Answer:
        """Send one request, with a bearer token or without any."""
        context = Context(self.database, None, request_id=uuid4().hex, address=self.address)
        context.caller = await authenticate(self.database, token, context.now())
        outcome = await execute(context, {"query": document, "variables": dict(variables)})
        return Answer(orjson.loads(orjson.dumps(outcome.response, default=str)))


class Step:
    """One step of a play: what it asks, and what it expects."""

    def __init__(self, gateway: Gateway, title: str) -> None:
        self.title = title
        self.requests: list[Request] = []
        self.checks: list[Check] = []
        self._gateway = gateway

    async def ask(self, document: str, /, *, by: str | None = "", **variables: Any) -> Answer:
        """Ask the gateway.

        Args:
            by: Token to show; None asks anonymously, and the play's own key is shown when it is omitted.
        """
        answer = await self._gateway.ask(document, variables, self._gateway.token if by == "" else by)
        self.requests.append(Request(document, masked(variables), masked(answer.body)))
        return answer

    def expect(self, what: str, found: Any, wanted: Any) -> None:
        """Compare what was found with what was expected."""
        ok = bool(found == wanted)
        self.checks.append(Check(what, ok) if ok else Check(what, False, {"is": brief(found), "not": brief(wanted)}))

    def check(self, what: str, holds: bool) -> None:
        """Note whether an expectation holds."""
        self.checks.append(Check(what, holds))

    @property
    def document(self) -> str:
        """The documents that were sent, each once."""
        return "\n\n".join(dict.fromkeys(request.document for request in self.requests))

    def told(self) -> dict[str, Any]:
        """As a line of `--json` holds it."""
        return {
            "step": self.title,
            "query": self.document,
            "variables": [brief(request.variables) for request in self.requests[:1]],
            "requests": len(self.requests),
            "checks": [check.told() for check in self.checks],
        }


class Play:
    """Steps in their order, and how many expectations held.

    Args:
        tell: Called with each step when it is over.
    """

    def __init__(self, gateway: Gateway, tell: Callable[[Step], None]) -> None:
        self.gateway = gateway
        self.passed = self.total = 0
        self._tell = tell

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Play one step and tell it.

        Raises:
            Stopped: An answer lacked what the step needed; that is a miss, too.
        """
        step = Step(self.gateway, title)
        try:
            yield step
        except _UNEXPECTED as error:
            step.checks.append(Check("the answer has what the step needs", False, repr(error)))
            raise Stopped(title) from error
        finally:
            self.total += len(step.checks)
            self.passed += sum(check.ok for check in step.checks)
            self._tell(step)

    @property
    def score(self) -> str:
        """How many expectations held, of how many."""
        return f"{self.passed}/{self.total}"


def masked(value: Any, name: str = "") -> Any:
    """A value without its secrets."""
    if isinstance(value, Mapping):
        return {key: masked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, name) for inner in value]
    return "…" if isinstance(value, str) and _SECRET.search(name) else value


def brief(value: Any, most: int = 2) -> Any:
    """A value with the beginnings of its lists only, fit to be looked at."""
    if isinstance(value, Mapping):
        return {key: brief(inner, most) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        shown = [brief(inner, most) for inner in value[:most]]
        return [*shown, f"… {len(value) - most} more"] if len(value) > most else shown
    if isinstance(value, set | frozenset):
        return brief(sorted(value, key=str), most)
    return value
