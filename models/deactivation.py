"""A deactivation, and what it took, kept beside it for restore and undo (requirement E10)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from models.audit import ActorKind
from models.operation import StateChangeReason
from models.storage import Instant, Key, SmallEnum, uuid7


class Deactivation(SQLModel, table=True):
    """When, by whom and why a person was deactivated; at most one is current."""

    __tablename__ = "deactivations"
    __table_args__ = (
        Index(
            "uq_deactivations_current",
            "user_id",
            unique=True,
            sqlite_where=text("reactivated_at IS NULL"),
            postgresql_where=text("reactivated_at IS NULL"),
        ),
        Index("ix_deactivations_user_id", "user_id", "deactivated_at"),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    user_id: UUID = Field(foreign_key="users.id", sa_type=Key)
    deactivated_at: datetime = Field(sa_type=Instant)
    reactivated_at: datetime | None = Field(default=None, sa_type=Instant)
    actor_kind: ActorKind = Field(sa_type=SmallEnum(ActorKind))
    actor_id: UUID | None = Field(default=None, sa_type=Key)
    reason: StateChangeReason = Field(sa_type=SmallEnum(StateChangeReason))
    note: str | None = Field(default=None, sa_type=Text)
    operation_id: UUID | None = Field(default=None, sa_type=Key)


class DeactivationTeam(SQLModel, table=True):
    """A team that a deactivation took. The team may be gone by now: no foreign key."""

    __tablename__ = "deactivation_teams"
    __table_args__ = ({"sqlite_strict": True},)

    deactivation_id: UUID = Field(primary_key=True, foreign_key="deactivations.id", sa_type=Key)
    team_id: UUID = Field(primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    assigned_at: datetime = Field(sa_type=Instant)


class DeactivationQueue(SQLModel, table=True):
    """A direct queue that a deactivation took. The queue may be gone by now: no foreign key."""

    __tablename__ = "deactivation_queues"
    __table_args__ = ({"sqlite_strict": True},)

    deactivation_id: UUID = Field(primary_key=True, foreign_key="deactivations.id", sa_type=Key)
    queue_id: UUID = Field(primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    assigned_at: datetime = Field(sa_type=Instant)
