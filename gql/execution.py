"""One request: a document in, a response out, every error with a code and the id of the request (rule R1)."""

from __future__ import annotations

import asyncio
import inspect
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql import execute as run
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gql.errors import MAX_ERRORS, Told, told, unfit
from gql.guard import may_enter
from gql.measure import Measures, measure, too_much
from gql.schema import executable
from resolvers.context import Context
from resolvers.limits import Limits
from resolvers.refusals import CostExceeded, Refusal

MAX_COMMENTS = 1_000
MAX_KEPT_DOCUMENTS = 256
MAX_KEPT_CHARACTERS = 20_000

# How much work it may be to see whether fields of the same name can be merged, which grows with the square of their
# number: the largest of the workloads takes 10, thirty fragments with a field in common take 900.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 5_000

Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request.

    Attributes:
        status: HTTP status: 400 when nothing could be executed, 503 when the database is gone.
        well_formed: Whether it was a GraphQL request at all, answered in GraphQL's own words.
        operation: Name of the operation.
        retry_after: Seconds after which the same request may pass.
    """

    status: int
    response: Response
    well_formed: bool = False
    operation: str | None = None
    retry_after: int | None = None


class CallerGone(Exception):
    """Nobody waits for the answer any more."""


class Rejected(Exception):
    """The request cannot be executed; nothing of it was."""

    def __init__(
        self,
        code: str,
        errors: Sequence[GraphQLError],
        status: int = 400,
        *,
        well_formed: bool = True,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors
        self.status = status
        self.well_formed = well_formed
        self.details = dict(details or {})

    @classmethod
    def for_(cls, refusal: Refusal) -> Rejected:
        """The request, for being too much."""
        return cls(refusal.code, [GraphQLError(refusal.message)], details=refusal.details)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be executed, and what it weighs."""

    content: DocumentNode
    measures: Measures


class Documents:
    """Documents that were parsed and validated, the most recently used ones; long ones are not kept."""

    def __init__(self, size: int = MAX_KEPT_DOCUMENTS) -> None:
        self._size = size
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def get(self, text: str, limits: Limits) -> Document:
        """The document with this text.

        Raises:
            Rejected: It cannot be parsed, is too much, or asks for what there is not.
        """
        document = self._kept.get(text)
        if document is not None:
            _bear(document.measures, limits)
            self._kept.move_to_end(text)
            return document
        document = checked(text, limits)
        if len(text) <= MAX_KEPT_CHARACTERS:
            self._kept[text] = document
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return document


documents = Documents()


def checked(text: str, limits: Limits = Limits()) -> Document:
    """A document, parsed, measured and validated, in this order: each step is spared what the one before refuses.

    Raises:
        Rejected: See `Documents.get`.
    """
    if len(text) > limits.max_document_characters:
        most = limits.max_document_characters
        raise Rejected.for_(too_much(len(text), most, "maxDocumentCharacters", "characters"))
    try:
        content = parse(text, max_lexical_tokens=limits.max_tokens, max_comments=MAX_COMMENTS)
    except GraphQLError as error:
        if error.message.endswith("tokens. Parsing aborted."):
            most = limits.max_tokens
            raise Rejected.for_(
                CostExceeded(
                    f"A document has at most {most:,} tokens; this one has more.",
                    limitName="maxTokens",
                    limit=most,
                    measured=most + 1,
                )
            ) from error
        raise Rejected("GRAPHQL_PARSE_FAILED", [error]) from error
    except RecursionError as error:
        raise Rejected("GRAPHQL_PARSE_FAILED", [GraphQLError("The document is nested too deeply.")]) from error
    try:
        measures = measure(content)
        _bear(measures, limits)
        errors = validate(executable(), content, (*specified_rules, OneOfInputValidationRule), max_errors=MAX_ERRORS)
    except RecursionError as error:
        raise Rejected("GRAPHQL_VALIDATION_FAILED", [GraphQLError("The document is nested too deeply.")]) from error
    if errors and isinstance(errors[0], ValidationAbortedError):
        raise Rejected.for_(CostExceeded("The document repeats fields of the same name too often to be checked."))
    if errors:
        raise Rejected("GRAPHQL_VALIDATION_FAILED", errors)
    return Document(content, measures)


def _bear(measures: Measures, limits: Limits) -> None:
    """Take a document, whichever of its operations runs.

    Raises:
        Rejected: It is too much.
    """
    refusal = measures.refusal(limits)
    if refusal is not None:
        raise Rejected.for_(refusal)
    if measures.sign_ins > 1:
        raise Rejected("GRAPHQL_VALIDATION_FAILED", [GraphQLError("A document has one `signIn` at most.")])


async def execute(
    context: Context,
    body: Mapping[str, Any],
    *,
    timeout_s: float | None = None,
    only: OperationType | None = None,
    gone: Callable[[], Awaitable[object]] | None = None,
) -> Outcome:
    """Execute what a request asks for.

    Args:
        body: `query`, and perhaps `variables` and `operationName`.
        timeout_s: Seconds that a query is given. A change is never cut off: what began is done or undone as a whole.
        only: The kind of operation that is taken, where it is not every one.
        gone: Returns when nobody waits for the answer any more. A query ends there; a change goes on.

    Raises:
        CallerGone: Nobody waits for the answer to a query.
    """
    try:
        text, variables, name = _parts(body)
        document = documents.get(text, context.limits)
        operation = _operation(document.content, name)
        if only is not None and operation.operation is not only:
            words = f"Only a {only.value} is taken here."
            raise Rejected("BAD_USER_INPUT", [GraphQLError(words)], 405, well_formed=False)
        cost, most = document.measures.cost(operation, variables), context.limits.max_cost
        if cost > most:
            words = f"An operation costs at most {most:,}; this one would cost {cost:,}. Ask for smaller pages."
            raise Rejected.for_(CostExceeded(words, limitName="maxCost", limit=most, measured=cost))
        if document.measures.introspects:
            may_enter(context)
        reads = operation.operation is OperationType.QUERY
        async with asyncio.timeout(timeout_s if reads else None):
            outcome = run(
                executable(),
                document.content,
                context_value=context,
                variable_values=variables,
                operation_name=name,
                max_coercion_errors=MAX_ERRORS,
            )
            if not inspect.isawaitable(outcome):
                result = outcome
            elif reads and gone is not None:
                result = await _unless(gone, outcome)
            else:
                result = await outcome
        return _answer(result, context.request_id, operation.name.value if operation.name else None)
    except Rejected as rejected:
        entries = [
            Told(error.message, rejected.code, extensions=rejected.details).formatted(error, context.request_id)
            for error in rejected.errors[:MAX_ERRORS]
        ]
        return Outcome(rejected.status, {"errors": entries}, rejected.well_formed)
    except Refusal as refusal:
        status = 401 if context.caller is None else 403
        return Outcome(status, _one(Told(refusal.message, refusal.code), context), True)
    except TimeoutError:
        words = f"The query took longer than {timeout_s:g} seconds."
        return Outcome(504, _one(Told(words, "TIMEOUT"), context), True)


async def _unless(gone: Callable[[], Awaitable[object]], result: Awaitable[ExecutionResult]) -> ExecutionResult:
    """The result, unless nobody waits for it any more. Loaders end the batches for which nobody does.

    Raises:
        CallerGone: Nobody does; the work was cut off.
    """
    work, leaving = asyncio.ensure_future(result), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise CallerGone
    finally:
        late = [task for task in (work, leaving) if not task.done()]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _one(told: Told, context: Context) -> Response:
    return {"errors": [told.formatted(None, context.request_id)]}


def _parts(body: Mapping[str, Any]) -> tuple[str, dict[str, Any], str | None]:
    text, variables, name = body.get("query"), body.get("variables"), body.get("operationName")
    if not isinstance(text, str):
        raise _unacceptable("`query` must be a text: the GraphQL document.")
    if variables is not None and not isinstance(variables, dict):
        raise _unacceptable("`variables` must be an object.")
    if name is not None and not isinstance(name, str):
        raise _unacceptable("`operationName` must be a text.")
    if not isinstance(body.get("extensions"), dict | None):
        raise _unacceptable("`extensions` must be an object.")
    return text, variables or {}, name or None


def _unacceptable(message: str) -> Rejected:
    return Rejected("BAD_USER_INPUT", [GraphQLError(message)], well_formed=False)


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if name is not None:
        operations = [one for one in operations if one.name is not None and one.name.value == name]
    match operations:
        case [operation]:
            return operation
        case []:
            message = (
                "There is no operation in the document." if name is None else "There is no operation of this name."
            )
        case _:
            message = "The document has several operations: name one in `operationName`."
    raise Rejected("OPERATION_RESOLUTION_FAILURE", [GraphQLError(message)])


def _answer(result: ExecutionResult, request_id: str | None, operation: str | None) -> Outcome:
    errors = result.errors or []
    if result.data is None and errors and all(error.path is None for error in errors):
        # Nothing ran: the variables are not what the operation takes.
        entries = [unfit(error).formatted(error, request_id) for error in errors[:MAX_ERRORS]]
        return Outcome(400, {"errors": entries}, True, operation)
    status, retry_after = 200, None
    entries = []
    logged: set[int] = set()
    for error in errors:
        one = told(error, request_id, logged)
        status = max(status, one.status)
        retry_after = (one.extensions or {}).get("retryAfter", retry_after)
        entries.append(one.formatted(error, request_id))
    response = {"data": result.data, "errors": entries} if entries else {"data": result.data}
    return Outcome(status, response, True, operation, retry_after)
