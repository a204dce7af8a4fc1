"""Finding skill groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from models.skill_group import SkillGroup
from repositories.kept import Kept
from resolvers.context import Context


async def skill_group_of(context: Context, skill_group_id: UUID | None) -> SkillGroup | None:
    """The skill group with this id; None when there is none."""
    return None if skill_group_id is None else await context.loaders.load("skill_groups", skill_group_id, _by_id)


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, SkillGroup]:
    return await kept.skill_groups.by_id(ids)
