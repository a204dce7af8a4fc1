"""What a person is doing right now."""

from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from models.storage import Instant, Key, SmallEnum


class PresenceState(Enum):
    """What a person is doing; ENGAGED follows from an open call record and is never stored (requirement E2)."""

    OFFLINE = 0
    AVAILABLE = 1
    ENGAGED = 2
    WRAP_UP = 3
    UNAVAILABLE = 4


class Presence(SQLModel, table=True):
    """What a person said they are doing, or OFFLINE."""

    __tablename__ = "presences"
    __table_args__ = (Index("ix_presences_state", "organization_id", "state", "user_id"), {"sqlite_strict": True})

    user_id: UUID = Field(primary_key=True, foreign_key="users.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    state: PresenceState = Field(default=PresenceState.OFFLINE, sa_type=SmallEnum(PresenceState))
    since: datetime = Field(sa_type=Instant)
    reason_code: str | None = Field(default=None, sa_type=Text)
