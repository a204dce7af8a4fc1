"""The company whose people are administered."""

from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import Integer, Text, text
from sqlmodel import Field, SQLModel

from models.storage import Flag, Folded, Instant, Key, SmallEnum, uuid7


class CoverageRule(Enum):
    """What happens when a change would leave a queue below its minimum of active agents (requirement Z14)."""

    OFF = 0
    WARN = 1
    REFUSE = 2


class Organization(SQLModel, table=True):
    """A company with its settings. Nothing of one organization is visible in another."""

    __tablename__ = "organizations"
    __table_args__ = ({"sqlite_strict": True},)

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    version: int = Field(default=1, sa_type=Integer)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Folded, unique=True)
    time_zone: str = Field(default="UTC", sa_type=Text)
    sends_invitations: bool = Field(default=True, sa_type=Flag)
    idle_timeout_minutes: int = Field(default=1440, sa_type=Integer)
    coverage_rule: CoverageRule = Field(
        default=CoverageRule.WARN,
        sa_type=SmallEnum(CoverageRule),
        sa_column_kwargs={"server_default": text(str(CoverageRule.WARN.value))},
    )
    # No foreign key: the profile belongs to the organization, which therefore must exist first.
    default_desktop_profile_id: UUID | None = Field(default=None, sa_type=Key)
    # Set by the transaction that deletes the organization: only then may its audit go (decision 18).
    deletion_began_at: datetime | None = Field(default=None, sa_type=Instant)
    demo: bool = Field(default=False, sa_type=Flag)  # made by `serve --demo`, which touches no other
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
