"""Who acts, in the schema: people (`gql.user`), programs, and the server itself."""

from __future__ import annotations

from typing import Any

import strawberry

from gql.api_key import ApiKey
from gql.node import Actor
from resolvers import actors

__all__ = ["ApiKey", "SystemActor"]


@strawberry.type(description="The server itself, for example when its command line makes an administrator.")
class SystemActor(Actor):
    """A view over the server."""

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        """Whether a row is the server."""
        return isinstance(value, actors.SystemActor)
