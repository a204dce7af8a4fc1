"""Every code that an answer may carry, with what to do about it: the error reference is made of this."""

from __future__ import annotations

from typing import Any

import gql.enums  # noqa: F401  (gives the codes of payloads their words)
from resolvers.refusals import MutationErrorCode, MutationWarningCode

# What stands in `extensions.code` of the entries in `errors` (rule R1): what happened, and what helps.
TOP_LEVEL = {
    "BAD_CURSOR": (
        "A cursor is broken, or belongs to another list or another order.",
        "Begin again with the first page. The filter may change between pages, the order may not.",
    ),
    "BAD_USER_INPUT": (
        "The request, a variable or an argument of a query is not acceptable.",
        "Correct the value to which `argumentPath` or `variablePath` leads.",
    ),
    "COST_LIMIT": (
        "The document is larger, or costs more, than one request may; nothing ran.",
        "Ask for smaller pages and fewer lists in lists. `limitName` names the limit in `viewer { limits }`, "
        "`limit` and `measured` how much is taken and what this was.",
    ),
    "DEPTH_LIMIT": (
        "The document is nested more deeply than is taken; nothing ran.",
        "Ask in two requests: `viewer { limits { maxDepth } }` levels are taken.",
    ),
    "FORBIDDEN": (
        "The caller lacks the permission for this field altogether.",
        "`viewer { permissions { permission scope } }` tells what the caller has.",
    ),
    "GRAPHQL_PARSE_FAILED": (
        "The document is no GraphQL.",
        "Correct the document at `locations`.",
    ),
    "GRAPHQL_VALIDATION_FAILED": (
        "The document asks for what the schema does not have, or in another form.",
        "Compare with `schema.graphql` of this version.",
    ),
    "INTERNAL": (
        "Something went wrong here: with status 503 the database or the gateway is not available at the moment.",
        "After a 503 try again in a moment. Otherwise tell us the `requestId`; it leads to the reason in the log.",
    ),
    "OPERATION_RESOLUTION_FAILURE": (
        "The document has several operations and none is named, or not the named one.",
        "Name one in `operationName`.",
    ),
    "RATE_LIMITED": (
        "Too many requests of this kind at the moment.",
        "Try again after as many seconds as `retryAfter`, or the header Retry-After, says.",
    ),
    "TIMEOUT": (
        "The query took too long and was given up; a change is never cut off.",
        "Ask for less at once: smaller pages, fewer levels.",
    ),
    "UNAUTHENTICATED": (
        "Nobody knows who is asking: no credential, or one that ended.",
        "Sign in again, or check the API key.",
    ),
}


def reference() -> str:
    """The page `docs/errors.md`, in Markdown."""
    return "\n".join(
        [
            "# Errors",
            "",
            "Written by `rosterql schema errors`. Every code is stable; new ones may come.",
            "",
            "There are three places to look, and each says something else:",
            "",
            "| Place | What it says |",
            "|---|---|",
            "| `errors` of the response | a field or all of the request was not answered; `extensions.code` says why |",
            "| `errors` of a payload | nothing was done at all; `code` and the `path` to the value to blame |",
            "| `failed` of a payload | single people who could not be changed, each with `errors`; all others were |",
            "",
            "## Of a response",
            "",
            "`extensions` also has the `requestId`, with which the log is searched.",
            "",
            "| Code | What happened | What helps |",
            "|---|---|---|",
            *(f"| `{code}` | {happened} | {helps} |" for code, (happened, helps) in sorted(TOP_LEVEL.items())),
            "",
            "## Of a payload or an item",
            "",
            "| Code | What it means |",
            "|---|---|",
            *_rows(MutationErrorCode),
            "",
            "## Warnings",
            "",
            "A warning keeps nothing from being done.",
            "",
            "| Code | What it means |",
            "|---|---|",
            *_rows(MutationWarningCode),
            "",
        ]
    )


def _rows(enum: Any) -> list[str]:
    values = vars(enum)["__strawberry_definition__"].values
    return [f"| `{value.name}` | {value.description} |" for value in sorted(values, key=lambda one: str(one.name))]
