"""Calls that agents took."""

from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from models.storage import Instant, Key, SmallEnum, uuid7


class CallDirection(Enum):
    """Which side started a call."""

    INBOUND = 0
    OUTBOUND = 1


class CallEndReason(Enum):
    """What ended a call."""

    CONTACT = 0
    DEACTIVATION = 1
    FORCE_OFFLINE = 2
    SIGN_OUT = 3


class CallRecord(SQLModel, table=True):
    """One call of an agent. Without an end it is an active contact (requirement E7).

    It keeps the team for which it was taken, whatever becomes of the membership (requirement A6).
    """

    __tablename__ = "call_records"
    __table_args__ = (
        Index("uq_call_records_external_id", "organization_id", "external_id", unique=True),
        Index("ix_call_records_by_start", "organization_id", "started_at", "id"),
        Index("ix_call_records_user_id", "user_id", "started_at", "id"),
        Index("ix_call_records_team_id", "team_id", "started_at", "id"),
        Index("ix_call_records_queue_id", "queue_id", "started_at", "id"),
        Index(
            "ix_call_records_open",
            "user_id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    external_id: str = Field(sa_type=Text)
    user_id: UUID = Field(foreign_key="users.id", sa_type=Key)
    queue_id: UUID | None = Field(default=None, foreign_key="queues.id", sa_type=Key)
    team_id: UUID | None = Field(default=None, foreign_key="teams.id", sa_type=Key)
    direction: CallDirection = Field(sa_type=SmallEnum(CallDirection))
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_by: CallEndReason | None = Field(default=None, sa_type=SmallEnum(CallEndReason))
    talk_seconds: int = Field(default=0, sa_type=Integer)
    wrap_up_seconds: int = Field(default=0, sa_type=Integer)
