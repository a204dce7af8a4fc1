"""What people are doing, in the schema."""

from __future__ import annotations

from datetime import datetime

import strawberry

import gql.enums  # noqa: F401  (gives the enums their words, before a type shows one)
from models.presence import PresenceState


@strawberry.type(description="Presence of a user.")
class Presence:
    """A view over a presence."""

    state: PresenceState = strawberry.field(description="Current state.")
    since: datetime = strawberry.field(description="When the state began.")
    reason_code: str | None = strawberry.field(
        description="Reason code chosen by the user, for example the kind of a break."
    )
