"""Sessions in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from gql.connection import connection
from gql.info import Info
from gql.node import Node, later, node_id, resolvable, views
from models.session import Session as SessionRow
from models.session import SessionEndReason, Surface
from models.user import User
from resolvers import sessions
from resolvers.users import user_of


@strawberry.type(description="One signed-in session of a user.")
class Session(Node):
    """A view over a session."""

    id = node_id("Session")
    is_type_of = views(SessionRow)

    @strawberry.field(graphql_type=later("User", "gql.user") | None, description="User who signed in.")
    async def user(self: Any, info: Info) -> User | None:
        return await user_of(info.context, self.user_id)

    started_at: datetime = strawberry.field(description="When the session began.")
    last_active_at: datetime = strawberry.field(description="When the session was last used, to within a minute.")

    @strawberry.field(
        graphql_type=datetime | None,
        description="When the session ends by itself unless it is used before, null once it ended.",
    )
    def expires_at(self: Any) -> datetime | None:
        return self.expires_at if self.ended_at is None else None

    ended_at: datetime | None = strawberry.field(description="When the session ended, null while it is open.")
    end_reason: SessionEndReason | None = strawberry.field(description="Why the session ended, null while it is open.")
    surface: Surface = strawberry.field(description="Where the user signed in.")
    address: str | None = strawberry.field(description="Network address from which the user signed in.")


SessionConnection = connection("Session", Session)
resolvable("Session", sessions.session_of)
