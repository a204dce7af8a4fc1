"""Skill groups."""

from __future__ import annotations

from models.skill_group import SkillGroup
from repositories.named import NamedRepository


class SkillGroupRepository(NamedRepository[SkillGroup]):
    """The skill groups of one organization."""

    model = SkillGroup
