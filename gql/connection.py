"""Pages in the schema: a connection and an edge type for each kind of item, as views over `resolvers.paging.Page`.

The pattern, in the module of the item:

    TeamConnection = connection("Team", Team)

and a field that gives a page, here of a person in `gql/user.py`, where importing the module would close a circle:

    @strawberry.field(
        graphql_type=later("TeamConnection", "gql.team") | None,  # nullable: another statement fetches it (rule R2)
        directives=NULL_ONLY_ON_ERROR,
        description="Teams of the user. …",
    )
    async def teams(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[TeamRow]:
        return await teams_of_user(info.context, self, page_arguments(first, after, last, before))

Where the relation itself has something to say, its fields go on the edge: a mixin whose fields read `self.extra`
(`Page.extras`).

    @strawberry.type
    class UserQueue:
        @strawberry.field(graphql_type=list[QueueAssignmentOrigin], description="…")
        def origins(self: Any) -> list[Origin]:
            return self.extra

    UserQueueConnection = connection("UserQueue", Queue, items="queue-of-a-user", edge=UserQueue)
"""

from __future__ import annotations

from typing import Any

import strawberry

from gql.enums import CountPrecision


@strawberry.type(description="Position of a page in the whole list.")
class PageInfo:
    """A view over a page."""

    has_next_page: bool = strawberry.field(description="Whether more items follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether items precede this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item, null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item, null on an empty page.")


def _page_info(self: Any) -> Any:
    return self


async def _total_count(self: Any) -> int:
    return int(min(await self.counted(), self.count_limit))


async def _total_count_precision(self: Any) -> CountPrecision:
    return CountPrecision.EXACT if await self.counted() <= self.count_limit else CountPrecision.AT_LEAST


async def _hidden(self: Any) -> int:
    return 0 if self.hidden is None else int(await self.hidden())


def connection(name: str, node: Any, *, items: str | None = None, edge: type | None = None, hides: bool = False) -> Any:
    """A connection type with its edge type.

    Args:
        name: `Team` makes `TeamConnection` and `TeamEdge`.
        node: Type of the items.
        items: What descriptions call the items; `name` when omitted.
        edge: Mixin with what the relation has to say about an item.
        hides: Whether deactivated people are left out by default, and counted (rule Q1).
    """
    called = items or name
    edge_type = strawberry.type(
        type(
            f"{name}Edge",
            (edge,) if edge else (),
            {
                "__annotations__": {"cursor": str, "node": node},
                "cursor": strawberry.field(description="Position of the item; pass it as `after` or `before`."),
                "node": strawberry.field(description="The item."),
            },
        ),
        description=f"One {called} item in a page.",
    )
    fields: dict[str, Any] = {
        "__annotations__": {"edges": list[edge_type], "nodes": list[node]},  # type: ignore[valid-type]
        "edges": strawberry.field(description="The items of this page with their cursors."),
        "nodes": strawberry.field(description="The items of this page without cursors."),
        "page_info": strawberry.field(
            resolver=_page_info,
            name="pageInfo",
            graphql_type=PageInfo,
            description="Position of this page in the whole list.",
        ),
        "total_count": strawberry.field(
            resolver=_total_count,
            name="totalCount",
            description="Number of items that match, over all pages. Counted only when selected, "
            "and only up to the counting limit of the server (see `totalCountPrecision`).",
        ),
        "total_count_precision": strawberry.field(
            resolver=_total_count_precision,
            name="totalCountPrecision",
            description="Whether `totalCount` is exact or the counting limit was reached.",
        ),
    }
    if hides:
        fields["hidden_deactivated_count"] = strawberry.field(
            resolver=_hidden,
            name="hiddenDeactivatedCount",
            description="Deactivated users that match but are left out by default; 0 when they are listed. "
            "Counted only when selected.",
        )
    return strawberry.type(type(f"{name}Connection", (), fields), description=f"A page of {called} items.")
