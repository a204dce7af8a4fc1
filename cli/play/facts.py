"""What answers say about people and what is around them, in a form that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def teams(person: Mapping[str, Any]) -> set[str]:
    """The teams of a person."""
    return {team["id"] for team in person["teams"]["nodes"]}


def queues(person: Mapping[str, Any]) -> set[str]:
    """The queues of a person, each once."""
    return {edge["node"]["id"] for edge in person["queues"]["edges"]}


def queues_by(person: Mapping[str, Any], source: str) -> set[str]:
    """The queues that a person has in one way at least."""
    return {
        edge["node"]["id"]
        for edge in person["queues"]["edges"]
        if any(origin["source"] == source for origin in edge["origins"])
    }


def direct_queues(person: Mapping[str, Any]) -> set[str]:
    """The queues assigned to a person directly."""
    return queues_by(person, "DIRECT")


def ways(person: Mapping[str, Any]) -> set[tuple[str, str, str | None]]:
    """Every queue of a person with every way to it."""
    return {
        (edge["node"]["id"], origin["source"], (origin["team"] or origin["skillGroup"] or {}).get("id"))
        for edge in person["queues"]["edges"]
        for origin in edge["origins"]
    }


def standing(people: Mapping[str, Any]) -> dict[str, Any]:
    """Roles and profile of each person."""
    return {key: (sorted(one["roles"]), one["profile"]) for key, one in people.items()}


def versions(people: Mapping[str, Any], more: int = 0) -> dict[str, int]:
    """The version of each person, and so many more."""
    return {key: one["version"] + more for key, one in people.items()}


def how_many_have(people: Iterable[Mapping[str, Any]], held: Callable[[Mapping[str, Any]], set[str]]) -> dict[str, int]:
    """How many of these people have each team or queue."""
    counts: dict[str, int] = {}
    for one in people:
        for each in held(one):
            counts[each] = counts.get(each, 0) + 1
    return counts


def links(around: Mapping[str, Any], field: str) -> dict[str, set[str]]:
    """Queues of each team, or teams of each queue."""
    return {key: {node["id"] for node in one[field]["nodes"]} for key, one in around.items() if field in one}


def members(around: Mapping[str, Any], less: Mapping[str, int] | None = None) -> dict[str, int]:
    """How many members each team has, as far as they are counted."""
    return {
        key: one["members"]["totalCount"] - (less or {}).get(key, 0)
        for key, one in around.items()
        if "members" in one and one["members"]["totalCountPrecision"] == "EXACT"
    }


def agents(around: Mapping[str, Any], less: Mapping[str, int] | None = None) -> dict[str, int]:
    """How many agents each queue has."""
    return {
        key: one["activeAgentCount"] - (less or {}).get(key, 0)
        for key, one in around.items()
        if "activeAgentCount" in one
    }


def all_calls(calls: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The calls of all people."""
    return [call for one in calls.values() for call in one["callRecords"]["nodes"]]


def call_facts(calls: Mapping[str, Any]) -> dict[str, Any]:
    """What nothing changes about a call."""
    return {
        key: [
            (call["externalId"], call["startedAt"], call["team"], call["queue"]) for call in one["callRecords"]["nodes"]
        ]
        for key, one in calls.items()
    }
