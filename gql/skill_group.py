"""Skill groups in the schema."""

from __future__ import annotations

from datetime import datetime

import strawberry

from gql.node import Node, node_id, resolvable, views
from gql.words import ACTIVE, DESCRIPTION, NAME, VERSION
from models.skill_group import SkillGroup as SkillGroupRow
from resolvers import skill_groups


@strawberry.type(description="A group of users with a common skill.")
class SkillGroup(Node):
    """A view over a skill group."""

    id = node_id("SkillGroup")
    is_type_of = views(SkillGroupRow)
    version: int = strawberry.field(description=VERSION)
    name: str = strawberry.field(description=NAME)
    description: str | None = strawberry.field(description=DESCRIPTION)
    active: bool = strawberry.field(description=ACTIVE)
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it last changed.")


resolvable("SkillGroup", skill_groups.skill_group_of)
