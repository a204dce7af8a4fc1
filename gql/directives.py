"""Directives of the schema."""

from __future__ import annotations

import strawberry
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="semanticNonNull",
    description="Marks a field that is null only when an error for it is present in `errors`. "
    "Levels count list nesting, 0 being the field itself.",
)
class SemanticNonNull:
    """Put on fields that another loader fetches: a failing one must not blank its parent (rule R2)."""

    levels: list[int | None] | None = strawberry.field(
        name="levels", description="List levels that are null only on error.", default_factory=lambda: [0]
    )


NULL_ONLY_ON_ERROR = [SemanticNonNull()]
