"""Making, changing and deleting structure the way callers do."""

from __future__ import annotations

from typing import Any

from tests.gateway import Answer, Gateway
from tests.people import Thing

# What is asked of every kind of thing, and what else of one.
COMMON = "id version name description active createdAt updatedAt"
FURTHER = {
    "Team": "site { name } parent { name } children { nodes { name } }",
    "Queue": "channel minimumAgents",
    "SkillGroup": "",
    "Site": "timeZone defaultDesktopProfile { name }",
    "UserProfile": "kind surfaces permissions",
    "DesktopProfile": "",
}
KINDS = tuple(FURTHER)


def field_of(kind: str) -> str:
    """The name of a kind as a field."""
    return kind[0].lower() + kind[1:]


async def ask_structure(
    gateway: Gateway, verb: str, kind: str, input: dict[str, Any], *, token: str | None = ""
) -> Answer:
    """Send `createTeam`, `updateQueue`, `deleteSite` and so on."""
    shown = f"deleted{kind}Id" if verb == "delete" else f"{field_of(kind)} {{ {COMMON} {FURTHER[kind]} }}"
    document = f"""
      mutation Change($input: {verb.capitalize()}{kind}Input!) {{
        {verb}{kind}(input: $input) {{ errors {{ code message path }} {shown} }}
      }}
    """
    return await gateway.run(document, {"input": input}, token=token)


async def change(gateway: Gateway, verb: str, kind: str, input: dict[str, Any], *, token: str | None = "") -> Any:
    """The payload of the same."""
    answer = await ask_structure(gateway, verb, kind, input, token=token)
    assert not answer.errors, answer.errors
    return answer.data[f"{verb}{kind}"]


async def create(gateway: Gateway, kind: str, **values: Any) -> Any:
    """A new thing as the gateway shows it, after a `create…` that succeeds."""
    payload = await change(gateway, "create", kind, values)
    assert payload["errors"] == []
    return payload[field_of(kind)]


async def update(gateway: Gateway, kind: str, thing: Thing | str, version: int | None = None, **patch: Any) -> Any:
    """The payload of `update…`."""
    input: dict[str, Any] = {"id": thing if isinstance(thing, str) else thing.id, "patch": patch}
    return await change(gateway, "update", kind, input if version is None else {**input, "expectedVersion": version})


async def delete(gateway: Gateway, kind: str, thing: Thing | str, version: int | None = None) -> Any:
    """The payload of `delete…`."""
    input: dict[str, Any] = {"id": thing if isinstance(thing, str) else thing.id}
    return await change(gateway, "delete", kind, input if version is None else {**input, "expectedVersion": version})


async def recorded(gateway: Gateway, thing: Thing | str) -> list[tuple[str, dict[str, tuple[Any, Any]]]]:
    """What the audit says of a thing, oldest first: action and changes."""
    found = await gateway.ask(
        """
        query Recorded($id: ID!) {
          auditEvents(filter: {target: {eq: $id}}) { nodes { action changes { field before after } } }
        }
        """,
        {"id": thing if isinstance(thing, str) else thing.id},
    )
    return [
        (
            event["action"],
            {one["field"]: (one["before"], one["after"]) for one in event["changes"]},
        )
        for event in reversed(found["auditEvents"]["nodes"])
    ]


async def ancestors(gateway: Gateway) -> set[tuple[str, str, int]]:
    """Who is above whom, by name and distance, as it is kept."""
    found = await gateway.rows(
        """
        SELECT below.name, above.name, team_ancestors.depth FROM team_ancestors
        JOIN teams below ON below.id = team_ancestors.team_id JOIN teams above ON above.id = team_ancestors.ancestor_id
        """
    )
    return {(below, above, depth) for below, above, depth in found}
