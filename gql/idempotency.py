"""The idempotency key in the inputs of mutations, read in one place for all of them (rule M9)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
import strawberry

from resolvers.idempotency import MAX_CHARACTERS, PATH, Call
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import refuse

NAME = PATH[-1]


def idempotency_key() -> Any:
    """The field of an input."""
    return strawberry.field(
        default=strawberry.UNSET,
        description="Key to make a repeated call harmless, unique per logical call, for example a UUID.",
    )


def call_of(input: Any, written: Any) -> Call | None:
    """The call that an input stands for; None when it has no key.

    Args:
        written: The same as the caller wrote it: what was left out is not there.

    Raises:
        Refused: INVALID, this is no key.
    """
    if not isinstance(written, Mapping) or written.get(NAME) is None:
        return None
    key = written[NAME]
    if not 1 <= len(key) <= MAX_CHARACTERS:
        raise refuse(Code.INVALID, f"A key has 1 to {MAX_CHARACTERS} characters.", *PATH)
    asked = {name: value for name, value in written.items() if name != NAME}
    kept = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str)
    return Call(_mutation(input), key, hashlib.sha256(kept).digest())


def _mutation(input: Any) -> str:
    """The root field that takes an input: each has one of its own, named after it."""
    name: str = input.__strawberry_definition__.name.removesuffix("Input")
    return name[0].lower() + name[1:]
