"""People with a common skill."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, Text
from sqlmodel import Field, SQLModel

from models.storage import Flag, Folded, Instant, Key, uuid7


class SkillGroup(SQLModel, table=True):
    """A group of people with a common skill; a deactivation leaves it as it is (requirement E3)."""

    __tablename__ = "skill_groups"
    __table_args__ = (
        Index("uq_skill_groups_name", "organization_id", "name_key", unique=True),
        Index("ix_skill_groups_by_name", "organization_id", "active", "name_key", "id"),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    version: int = Field(default=1, sa_type=Integer)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Folded)
    description: str | None = Field(default=None, sa_type=Text)
    active: bool = Field(default=True, sa_type=Flag)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class SkillGroupMember(SQLModel, table=True):
    """A person in a skill group."""

    __tablename__ = "skill_group_members"
    __table_args__ = (Index("ix_skill_group_members_user_id", "user_id", "skill_group_id"), {"sqlite_strict": True})

    skill_group_id: UUID = Field(primary_key=True, foreign_key="skill_groups.id", sa_type=Key)
    user_id: UUID = Field(primary_key=True, foreign_key="users.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    assigned_at: datetime = Field(sa_type=Instant)
