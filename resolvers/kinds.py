"""The kinds of things that an organization is made of: what can be written of each, and what is special about it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.permission import Permission
from models.site import Site
from models.team import Team
from resolvers.context import Change, Context
from resolvers.identity import Unacceptable, name
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem
from resolvers.structure import Attribute, Consequences, Kind

MAX_DESCRIPTION = 2_000


def description(text: str) -> str | None:
    """Free text of up to 2,000 characters, line breaks and tabs among them; empty text is none."""
    text = unicodedata.normalize("NFC", text.strip())
    if len(text) > MAX_DESCRIPTION:
        raise Unacceptable(f"A description has at most {MAX_DESCRIPTION:,} characters.")
    if any(unicodedata.category(c) == "Cc" and c not in "\n\r\t" for c in text):
        raise Unacceptable("This has no control characters.")
    return text or None


NAMED = {
    "name": Attribute("name", name),
    "active": Attribute("active"),
    "description": Attribute("description", description, clearable=True),
}


@dataclass(frozen=True)
class TeamKind(Kind):
    """Teams nest: who is above whom is kept beside them (decision 3)."""

    async def assess(
        self, context: Context, change: Change, before: Any | None, values: Mapping[str, Any]
    ) -> list[Problem]:
        parent_id = values.get("parent_id")
        if before is None or parent_id is None or parent_id not in await change.kept.structure.below(before.id):
            return []
        words = "A team belongs neither to itself nor to a team below it."
        return [Problem(Code.INVALID, words, ("input", "patch", "parentId"))]

    async def follow(self, context: Context, change: Change, before: Any | None, after: Any) -> Consequences:
        structure = change.kept.structure
        if before is None:
            await structure.root(after.id)
        elif before.parent_id == after.parent_id:
            return Consequences()
        else:
            await structure.take_down(after.id)
        await structure.hang(after.id, after.parent_id)
        return Consequences()

    async def part(self, change: Change, before: Any) -> None:
        await change.kept.structure.uproot(before.id)


TEAM = TeamKind(
    "Team",
    "team",
    Team,
    Permission.STRUCTURE_WRITE,
    NAMED
    | {
        "siteId": Attribute("site_id", clearable=True, refers=Site, type_name="Site"),
        "parentId": Attribute("parent_id", clearable=True, refers=Team, type_name="Team"),
    },
)
