"""A group of people who work together, and who belongs to it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, Text
from sqlmodel import Field, SQLModel

from models.storage import Flag, Folded, Instant, Key, uuid7


class Team(SQLModel, table=True):
    """A team; teams nest, and members of a sub-team receive the queues of those above (requirement A27)."""

    __tablename__ = "teams"
    __table_args__ = (
        Index("uq_teams_name", "organization_id", "name_key", unique=True),
        Index("ix_teams_by_name", "organization_id", "active", "name_key", "id"),
        Index("ix_teams_by_creation", "organization_id", "created_at", "id"),
        Index("ix_teams_parent_id", "parent_id", "name_key", "id"),
        Index("ix_teams_site_id", "site_id"),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    version: int = Field(default=1, sa_type=Integer)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Folded)
    description: str | None = Field(default=None, sa_type=Text)
    active: bool = Field(default=True, sa_type=Flag)
    site_id: UUID | None = Field(default=None, foreign_key="sites.id", sa_type=Key)
    parent_id: UUID | None = Field(default=None, foreign_key="teams.id", sa_type=Key)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class TeamAncestor(SQLModel, table=True):
    """A team or one above it, for every team; a team is its own ancestor at depth 0.

    Written with the team, so that "the team and all below" is one join (decision 3).
    """

    __tablename__ = "team_ancestors"
    __table_args__ = (Index("ix_team_ancestors_ancestor_id", "ancestor_id", "team_id"), {"sqlite_strict": True})

    team_id: UUID = Field(primary_key=True, foreign_key="teams.id", sa_type=Key)
    ancestor_id: UUID = Field(primary_key=True, foreign_key="teams.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    depth: int = Field(sa_type=Integer)


class Membership(SQLModel, table=True):
    """A person in a team; deleted when it ends (requirement E10)."""

    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_user_id", "user_id", "team_id"), {"sqlite_strict": True})

    team_id: UUID = Field(primary_key=True, foreign_key="teams.id", sa_type=Key)
    user_id: UUID = Field(primary_key=True, foreign_key="users.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    assigned_at: datetime = Field(sa_type=Instant)
