"""One request: a document in, a response out, every error with a code and the id of the request (rule R1)."""

from __future__ import annotations

import asyncio
import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql import execute as run
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gql.errors import MAX_ERRORS, Told, told, unfit
from gql.guard import may_enter, sign_ins
from gql.schema import executable
from resolvers.context import Context
from resolvers.refusals import Refusal

MAX_LEXICAL_TOKENS = 20_000
MAX_COMMENTS = 1_000
MAX_KEPT_DOCUMENTS = 256
MAX_KEPT_CHARACTERS = 20_000

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


class Rejected(Exception):
    """The request cannot be executed; nothing of it was."""

    def __init__(
        self, code: str, errors: Sequence[GraphQLError], status: int = 400, *, well_formed: bool = True
    ) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors
        self.status = status
        self.well_formed = well_formed


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be executed.

    Attributes:
        introspects: Whether it asks how the schema looks.
    """

    content: DocumentNode
    introspects: bool


class Documents:
    """Documents that were parsed and validated, the most recently used ones; long ones are not kept."""

    def __init__(self, size: int = MAX_KEPT_DOCUMENTS) -> None:
        self._size = size
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def get(self, text: str) -> Document:
        """The document with this text.

        Raises:
            Rejected: It cannot be parsed, or asks for what there is not.
        """
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            return document
        document = checked(text)
        if len(text) <= MAX_KEPT_CHARACTERS:
            self._kept[text] = document
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return document


documents = Documents()


def checked(text: str) -> Document:
    """A document, parsed and validated.

    Raises:
        Rejected: See `Documents.get`.
    """
    try:
        content = parse(text, max_lexical_tokens=MAX_LEXICAL_TOKENS, max_comments=MAX_COMMENTS)
    except GraphQLError as error:
        raise Rejected("GRAPHQL_PARSE_FAILED", [error]) from error
    except RecursionError as error:
        raise Rejected("GRAPHQL_PARSE_FAILED", [GraphQLError("The document is nested too deeply.")]) from error
    try:
        errors = validate(executable(), content, (*specified_rules, OneOfInputValidationRule), max_errors=MAX_ERRORS)
    except RecursionError as error:
        raise Rejected("GRAPHQL_VALIDATION_FAILED", [GraphQLError("The document is nested too deeply.")]) from error
    if errors:
        raise Rejected("GRAPHQL_VALIDATION_FAILED", errors)
    return Document(content, introspects="__" in text and _introspects(content))


async def execute(
    context: Context,
    body: Mapping[str, Any],
    *,
    timeout_s: float | None = None,
    only: OperationType | None = None,
) -> Outcome:
    """Execute what a request asks for.

    Args:
        body: `query`, and perhaps `variables` and `operationName`.
        timeout_s: Seconds that a query is given. A change is never cut off: what began is done or undone as a whole.
        only: The kind of operation that is taken, where it is not every one.
    """
    try:
        text, variables, name = _parts(body)
        document = documents.get(text)
        operation = _operation(document.content, name)
        if only is not None and operation.operation is not only:
            words = f"Only a {only.value} is taken here."
            raise Rejected("BAD_USER_INPUT", [GraphQLError(words)], 405, well_formed=False)
        if operation.operation is OperationType.MUTATION and sign_ins(document.content, operation) > 1:
            raise Rejected("GRAPHQL_VALIDATION_FAILED", [GraphQLError("A document has one `signIn` at most.")])
        if document.introspects:
            may_enter(context)
        async with asyncio.timeout(timeout_s if operation.operation is OperationType.QUERY else None):
            outcome = run(
                executable(),
                document.content,
                context_value=context,
                variable_values=variables,
                operation_name=name,
                max_coercion_errors=MAX_ERRORS,
            )
            result = await outcome if inspect.isawaitable(outcome) else outcome
        return _answer(result, context.request_id, operation.name.value if operation.name else None)
    except Rejected as rejected:
        entries = [
            Told(error.message, rejected.code).formatted(error, context.request_id)
            for error in rejected.errors[:MAX_ERRORS]
        ]
        return Outcome(rejected.status, {"errors": entries}, rejected.well_formed)
    except Refusal as refusal:
        status = 401 if context.caller is None else 403
        return Outcome(status, _one(Told(refusal.message, refusal.code), context), True)
    except TimeoutError:
        words = f"The query took longer than {timeout_s:g} seconds."
        return Outcome(504, _one(Told(words, "TIMEOUT"), context), True)


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
    if not isinstance(body.get("extensions") or {}, dict):
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


def _introspects(document: DocumentNode) -> bool:
    finder = _Introspection()
    visit(document, finder)
    return finder.found


class _Introspection(Visitor):
    """Looks for the fields that tell how the schema looks."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value in ("__schema", "__type"):
            self.found = True
