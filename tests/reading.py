"""Asking for lists the way callers do, with documents built from the schema."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from tests.documents import Field
from tests.gateway import Answer, Gateway
from tests.people import Staff, Thing

# By what the items of a list are told apart in tests.
SHOWN = {
    "users": "displayName",
    "teams": "name",
    "queues": "name",
    "skillGroups": "name",
    "sites": "name",
    "userProfiles": "name",
    "desktopProfiles": "name",
    "licenses": "name",
    "callRecords": "externalId",
    "auditEvents": "action",
    "bulkOperations": "kind",
    "apiKeys": "name",
}

# Lists of things with a name, which share what can be asked of a list.
OF_THINGS = ("teams", "queues", "skillGroups", "sites", "userProfiles", "desktopProfiles", "licenses")


def maker(staff: Staff, name: str) -> Callable[..., Awaitable[Thing]]:
    """What makes an item of a list of things."""
    return {
        "teams": staff.team,
        "queues": staff.queue,
        "skillGroups": staff.skill_group,
        "sites": staff.site,
        "userProfiles": staff.profile,
        "desktopProfiles": staff.desktop_profile,
        "licenses": staff.license,
    }[name]


async def ask_list(
    gateway: Gateway, name: str, select: str | None = None, *, token: str | None = "", **arguments: Any
) -> Answer:
    """Ask for a list at the root.

    Args:
        select: What is selected of the connection; the names of the items when omitted.
        arguments: Arguments of the field, named as in the schema.
    """
    types = {argument: str(Field("Query", name).definition.args[argument].type) for argument in arguments}
    declared = ", ".join(f"${argument}: {type}" for argument, type in types.items())
    passed = ", ".join(f"{argument}: ${argument}" for argument in types)
    selected = select or f"nodes {{ id {SHOWN[name]} }}"
    document = f"query List{f'({declared})' if declared else ''} {{ {name}{f'({passed})' if passed else ''} {{ "
    return await gateway.run(document + selected + " } }", arguments, token=token)


async def connection(
    gateway: Gateway, name: str, select: str | None = None, *, token: str | None = "", **arguments: Any
) -> Any:
    """The connection that a list at the root answers."""
    answer = await ask_list(gateway, name, select, token=token, **arguments)
    assert not answer.errors, (arguments, answer.errors)
    return answer.data[name]


async def names(gateway: Gateway, name: str, *, token: str | None = "", **arguments: Any) -> list[str]:
    """What the items of a list are called; of people without the administrator that every gateway has."""
    found = await connection(gateway, name, token=token, **arguments)
    shown = [node[SHOWN[name]] for node in found["nodes"] if node["id"] != gateway.admin.id]
    assert len({node["id"] for node in found["nodes"]}) == len(found["nodes"]), "an item comes twice"
    return shown


async def refusal(gateway: Gateway, name: str, **arguments: Any) -> tuple[str, list[str] | None, int | None]:
    """How a list is refused: code, path of the argument that is to blame, limit."""
    answer = await ask_list(gateway, name, **arguments)
    assert answer.status == 200
    assert answer.data == {name: None}
    (error,) = answer.errors
    told = error["extensions"]
    assert told["requestId"]
    assert error["path"] == [name]
    return told["code"], told.get("argumentPath"), told.get("limit")


async def walked(
    gateway: Gateway, name: str, size: int, *, backward: bool = False, **arguments: Any
) -> list[dict[str, Any]]:
    """All items of a list, fetched page by page; what each page says about its neighbours is checked on the way."""
    select = "edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        where = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        page = await connection(gateway, name, select, **arguments, **where)
        edges, about = page["edges"], page["pageInfo"]
        assert about["startCursor"] == (edges[0]["cursor"] if edges else None)
        assert about["endCursor"] == (edges[-1]["cursor"] if edges else None)
        assert about["hasNextPage" if backward else "hasPreviousPage"] is (cursor is not None)
        found = edges + found if backward else found + edges
        if not about["hasPreviousPage" if backward else "hasNextPage"]:
            return found
        assert len(edges) == size
        cursor = about["startCursor" if backward else "endCursor"]


def keys(edges: Sequence[dict[str, Any]]) -> list[str]:
    """Ids of the items of edges."""
    return [edge["node"]["id"] for edge in edges]


def with_ids(condition: Any, things: Mapping[str, Thing]) -> Any:
    """A condition with ids in the places of the names that begin with @."""
    match condition:
        case dict():
            return {name: with_ids(value, things) for name, value in condition.items()}
        case list():
            return [with_ids(value, things) for value in condition]
        case str() if condition.startswith("@"):
            return things[condition[1:]].id
        case _:
            return condition
