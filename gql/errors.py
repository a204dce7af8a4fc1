"""Problems and warnings in payloads, and how a refusal or a fault reads at the top level (rules M1 and R1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.exceptions import StrawberryInputCoercionError

from repositories.engine import DatabaseUnavailable
from resolvers.refusals import MutationErrorCode, MutationWarningCode, Refusal

MAX_ERRORS = 5
MAX_MESSAGE_CHARACTERS = 200

# How Python shows an object of the libraries, which says nothing to a caller.
_OBJECT = re.compile(r"'?<[\w.]+ object at 0x[0-9a-f]+>'?")

# How graphql-core begins what it says of a variable: with the place of the value in it.
_VARIABLE = re.compile(r"Variable '\$(\w+)' has invalid value(?: at ((?:\.\w+|\[\d+\])+))?: ")

log = structlog.get_logger(__name__)


@strawberry.type(description="A problem in a mutation that the caller can do something about.")
class MutationError:
    """A view over `resolvers.refusals.Problem`."""

    code: MutationErrorCode = strawberry.field(description="Machine-readable kind.")
    message: str = strawberry.field(description="What is wrong, in English, for people.")
    path: list[str] | None = strawberry.field(
        description="Path to the input value that caused it, beginning with `input`, with list positions as digits; "
        "null when no single value is to blame."
    )


@strawberry.type(
    description="Something worth knowing about a mutation that did not keep it from doing its work.",
)
class MutationWarning:
    """A view over `resolvers.refusals.Warning`."""

    code: MutationWarningCode = strawberry.field(description="Machine-readable kind.")
    message: str = strawberry.field(description="What to know, in English, for people.")
    path: list[str] | None = strawberry.field(
        description="Path to the input value that caused it, as in `MutationError.path`; null when there is none."
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller is told of an error.

    Attributes:
        status: HTTP status of a response that consists of this error only.
    """

    message: str
    code: str
    status: int = 200
    extensions: dict[str, Any] | None = None

    def formatted(self, error: GraphQLError | None, request_id: str | None) -> dict[str, Any]:
        """The entry in `errors`."""
        entry: dict[str, Any] = {"message": shortened(self.message)}
        if error is not None and error.locations:
            entry["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
        if error is not None and error.path is not None:
            entry["path"] = list(error.path)
        entry["extensions"] = {"code": self.code, **(self.extensions or {}), "requestId": request_id}
        return entry


def told(error: GraphQLError, request_id: str | None, logged: set[int]) -> Told:
    """What a caller is told of an error that a field answered with.

    A refusal is told as it is. A fault is logged with its cause and told without details.

    Args:
        logged: Faults of this request that are in the log; many fields may fail of the same one.
    """
    cause = root_cause(error)
    if isinstance(cause, Refusal):
        extensions = dict(cause.details)
        if cause.path is not None:
            extensions["argumentPath"] = list(cause.path)
        return Told(cause.message, cause.code, cause.status, extensions)
    if isinstance(cause, StrawberryInputCoercionError) or (
        isinstance(cause, GraphQLError) and cause.message.startswith("Argument ")
    ):
        # Only the variables showed that an argument does not fit: validation could not see it.
        return unfit(cause)
    unseen = id(cause) not in logged
    logged.add(id(cause))
    if isinstance(cause, DatabaseUnavailable):
        if unseen:
            log.warning("database unavailable", request_id=request_id, path=error.path, reason=repr(cause.__cause__))
        return Told("The database does not answer. Try again in a moment.", "INTERNAL", 503)
    if unseen:
        log.error("a field failed", request_id=request_id, path=error.path, exc_info=cause)
    return Told("Something went wrong here. The request id leads to the reason in the log.", "INTERNAL")


def unfit(error: GraphQLError) -> Told:
    """What a caller is told of a value that does not fit its type, with its place where it stood in a variable."""
    place = _VARIABLE.match(error.message)
    path = None if place is None else [place[1], *re.findall(r"\w+", place[2] or "")]
    return Told(
        _OBJECT.sub("another type", error.message),
        "BAD_USER_INPUT",
        extensions=None if path is None else {"variablePath": path},
    )


def root_cause(error: BaseException) -> BaseException:
    """What a GraphQL error was made of, through all layers; the innermost GraphQL error if nothing else."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def shortened(message: str) -> str:
    """A message without the long values that somebody may have put in it."""
    return message if len(message) <= MAX_MESSAGE_CHARACTERS else message[: MAX_MESSAGE_CHARACTERS - 1] + "…"
