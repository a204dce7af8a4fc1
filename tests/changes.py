"""Asking for bulk changes the way callers do, and looking at what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.gateway import Answer, Gateway
from tests.people import Thing

ANSWER = """
  errors { code message path }
  warnings { code }
  failed { index key errors { code } }
  operation {
    id kind status
    totals { succeeded unchanged failed skipped sessionsEnded teamsLeft queuesLeft contactsEnded seatsFreed }
    items(first: 100) {
      nodes {
        index key outcome errors { code path } warnings { code } effects { kind subjectLabel description } user { id }
      }
    }
  }
"""


@dataclass(frozen=True)
class Changed:
    """What a bulk mutation answered."""

    answer: Answer
    payload: dict[str, Any]

    @property
    def codes(self) -> list[str]:
        """Codes of the payload's errors."""
        return [error["code"] for error in self.payload["errors"]]

    @property
    def paths(self) -> list[list[str] | None]:
        """Paths of the payload's errors."""
        return [error["path"] for error in self.payload["errors"]]

    @property
    def operation(self) -> Any:
        """The operation."""
        return self.payload["operation"]

    @property
    def totals(self) -> dict[str, int]:
        """The totals that are not zero."""
        return {name: count for name, count in self.operation["totals"].items() if count}

    @property
    def items(self) -> list[dict[str, Any]]:
        """The first hundred items."""
        nodes: list[dict[str, Any]] = self.operation["items"]["nodes"]
        return nodes

    @property
    def outcomes(self) -> list[str]:
        """Outcome of each item; of a failed one its code."""
        return [item["errors"][0]["code"] if item["errors"] else item["outcome"] for item in self.items]

    def effects(self, index: int = 0) -> list[tuple[str, str | None]]:
        """Kind and subject of each effect on one item."""
        return [(effect["kind"], effect["subjectLabel"]) for effect in self.items[index]["effects"]]


async def ask_bulk(
    gateway: Gateway, mutation: str, target: Sequence[Thing] | dict[str, Any], *, token: str | None = "", **terms: Any
) -> Answer:
    """Send a bulk mutation for people, or for a target as it stands in the input."""
    name = mutation[0].upper() + mutation[1:] + "Input"
    document = f"mutation Change($input: {name}!) {{ {mutation}(input: $input) {{ {ANSWER} }} }}"
    whom = target if isinstance(target, dict) else {"ids": [person.id for person in target]}
    return await gateway.run(document, {"input": {"target": whom, **terms}}, token=token)


async def bulk(
    gateway: Gateway, mutation: str, target: Sequence[Thing] | dict[str, Any], *, token: str | None = "", **terms: Any
) -> Changed:
    """The same, for an answer without top-level errors."""
    answer = await ask_bulk(gateway, mutation, target, token=token, **terms)
    assert not answer.errors, answer.errors
    return Changed(answer, answer.data[mutation])
