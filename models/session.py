"""Signed-in sessions, what stands in the way of a new one, and failed attempts."""

from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from models.audit import ActorKind
from models.operation import StateChangeReason
from models.storage import Bytes, Flag, Folded, Instant, Key, SmallEnum, uuid7


class Surface(Enum):
    """Where people sign in."""

    PORTAL = 0
    AGENT_DESKTOP = 1


class SessionEndReason(Enum):
    """Why a session ended."""

    SIGNED_OUT = 0
    SIGNED_OUT_BY_OTHER = 1
    EXPIRED = 2
    IDLE_TIMEOUT = 3
    PASSWORD_RESET = 4
    ACCESS_CHANGED = 5
    FORCED_OFFLINE = 6
    DEACTIVATED = 7


class Session(SQLModel, table=True):
    """One signed-in session. It counts as open while it has no end and has not run out (requirement E17)."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("uq_sessions_token_hash", "token_hash", unique=True),
        Index("ix_sessions_user_id", "user_id", "started_at", "id"),
        Index(
            "ix_sessions_open",
            "user_id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    user_id: UUID = Field(foreign_key="users.id", sa_type=Key)
    token_hash: bytes = Field(sa_type=Bytes)  # SHA-256; the token itself is shown once and kept nowhere
    surface: Surface = Field(sa_type=SmallEnum(Surface))
    started_at: datetime = Field(sa_type=Instant)
    last_active_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)  # in any case; the idle time-out may come first
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    end_reason: SessionEndReason | None = Field(default=None, sa_type=SmallEnum(SessionEndReason))
    address: str | None = Field(default=None, sa_type=Text)


class SignInFailure(SQLModel, table=True):
    """A failed attempt to sign in, for known and unknown mail addresses alike."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (
        Index("ix_sign_in_failures_account", "account_key", "failed_at"),
        Index("ix_sign_in_failures_address", "address", "failed_at"),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID | None = Field(default=None, sa_type=Key)  # null for a mail address that nobody has
    account_key: str = Field(sa_type=Folded)
    address: str | None = Field(default=None, sa_type=Text)
    failed_at: datetime = Field(sa_type=Instant)


class SignInBlock(SQLModel, table=True):
    """Keeps a person from signing in until it is lifted (requirements C12, C13, A28)."""

    __tablename__ = "sign_in_blocks"
    __table_args__ = ({"sqlite_strict": True},)

    user_id: UUID = Field(primary_key=True, foreign_key="users.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    since: datetime = Field(sa_type=Instant)
    actor_kind: ActorKind = Field(sa_type=SmallEnum(ActorKind))
    actor_id: UUID | None = Field(default=None, sa_type=Key)
    by_administrator: bool = Field(sa_type=Flag)  # set by an administrator or a key: supervisors cannot lift it
    reason: StateChangeReason = Field(sa_type=SmallEnum(StateChangeReason))
    note: str | None = Field(default=None, sa_type=Text)
    operation_id: UUID | None = Field(default=None, sa_type=Key)
