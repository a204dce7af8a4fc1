"""A waiting line of contacts, and the three ways in which people come to it."""

from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from models.storage import Flag, Folded, Instant, Key, uuid7


class QueueAssignmentSource(Enum):
    """How a person came to a queue."""

    DIRECT = 0
    TEAM = 1
    SKILL_GROUP = 2


class Queue(SQLModel, table=True):
    """A waiting line of contacts."""

    __tablename__ = "queues"
    __table_args__ = (
        Index("uq_queues_name", "organization_id", "name_key", unique=True),
        Index("ix_queues_by_name", "organization_id", "active", "name_key", "id"),
        Index("ix_queues_by_creation", "organization_id", "created_at", "id"),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    version: int = Field(default=1, sa_type=Integer)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Folded)
    description: str | None = Field(default=None, sa_type=Text)
    active: bool = Field(default=True, sa_type=Flag)
    channel: str = Field(sa_type=Text)
    channel_key: str = Field(default="", sa_type=Folded, sa_column_kwargs={"server_default": text("''")})
    minimum_agents: int = Field(default=0, sa_type=Integer)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class UserQueue(SQLModel, table=True):
    """A queue assigned to a person directly; deleted when it ends (requirements A9, E10)."""

    __tablename__ = "user_queues"
    __table_args__ = (Index("ix_user_queues_queue_id", "queue_id", "user_id"), {"sqlite_strict": True})

    user_id: UUID = Field(primary_key=True, foreign_key="users.id", sa_type=Key)
    queue_id: UUID = Field(primary_key=True, foreign_key="queues.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    assigned_at: datetime = Field(sa_type=Instant)


class TeamQueue(SQLModel, table=True):
    """A queue assigned to a team, whose members and those of the teams below it receive it (A10, A27)."""

    __tablename__ = "team_queues"
    __table_args__ = (Index("ix_team_queues_queue_id", "queue_id", "team_id"), {"sqlite_strict": True})

    team_id: UUID = Field(primary_key=True, foreign_key="teams.id", sa_type=Key)
    queue_id: UUID = Field(primary_key=True, foreign_key="queues.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    assigned_at: datetime = Field(sa_type=Instant)


class SkillGroupQueue(SQLModel, table=True):
    """A queue assigned to a skill group, whose active members receive it (requirement A10)."""

    __tablename__ = "skill_group_queues"
    __table_args__ = (Index("ix_skill_group_queues_queue_id", "queue_id", "skill_group_id"), {"sqlite_strict": True})

    skill_group_id: UUID = Field(primary_key=True, foreign_key="skill_groups.id", sa_type=Key)
    queue_id: UUID = Field(primary_key=True, foreign_key="queues.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    assigned_at: datetime = Field(sa_type=Instant)
