"""Arguments that many fields take, and what no argument may hold.

Optional arguments default to UNSET, so that the schema prints no default for them; `given` makes None of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import strawberry

from gql.enums import OrderDirection
from resolvers.limits import MAX_TEXT_CHARACTERS
from resolvers.orders import Wish
from resolvers.paging import PageArguments
from resolvers.refusals import BadInput

T = TypeVar("T")

First = Annotated[
    int | None,
    strawberry.argument(
        description="Return at most this many items counted from the start of the slice (maximum 100, default 25)."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Return the items after this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(description="Return at most this many items counted from the end of the slice (maximum 100)."),
]
Before = Annotated[str | None, strawberry.argument(description="Return the items before this cursor.")]
IncludeInactive = Annotated[
    bool,
    strawberry.argument(
        description="Whether items that are not in use are listed too. "
        "Ignored when the filter has a condition on `active`."
    ),
]
NameSearch = Annotated[
    str | None,
    strawberry.argument(
        description="Words that must all occur in the name, regardless of case and accents: anywhere, or at the "
        "beginning of a word if shorter than 3 characters. It filters and does not sort."
    ),
]
# Every mutation takes one argument, `input`.
INPUT: Any = strawberry.argument(description="Input of the mutation.")
GlobalId = Annotated[strawberry.ID, strawberry.argument(description="Global id.")]


def given(value: T | None) -> T | None:
    """The value of an optional argument or input field; None when it was left out."""
    return None if value is strawberry.UNSET else value


def page_arguments(first: int | None, after: str | None, last: int | None, before: str | None) -> PageArguments:
    """What a connection was asked for."""
    return PageArguments(given(first), given(after), given(last), given(before))


def wishes(order_by: Sequence[Any] | None) -> list[Wish[Any]]:
    """What a list is to be sorted by.

    Args:
        order_by: Inputs with a `field` and a `direction`.
    """
    return [Wish(one.field, one.direction is OrderDirection.DESC) for one in given(order_by) or ()]


def text_argument(text: str, *path: str) -> str:
    """A text to look for.

    Raises:
        BadInput: It is longer than anything that is looked for in.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise BadInput(f"A text has at most {MAX_TEXT_CHARACTERS} characters.", path, limit=MAX_TEXT_CHARACTERS)
    return text


def unstorable(value: Any) -> tuple[str, ...] | None:
    """Where in a value stands a text that no database holds (U+0000, half a surrogate pair); None when nowhere.

    A path of names and list positions: empty when the value itself is the text.
    """
    if isinstance(value, str):
        return None if storable(value) else ()
    parts: Any = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, Sequence):
        parts = enumerate(value)
    for key, part in parts:
        path = unstorable(part)
        if path is not None:
            return (str(key), *path)
    return None


def storable(text: str) -> bool:
    """Whether both databases hold a text."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
