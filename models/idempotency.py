"""Logical calls that were done under a key, so that the same call is not done twice (rule M9)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from models.audit import ActorKind
from models.storage import Bytes, Instant, Key, SmallEnum


class IdempotencyKey(SQLModel, table=True):
    """A call that was done, and what came of it; one that has expired counts as not there.

    Attributes:
        mutation: Root field of the call.
        key: As the caller gave it.
        input_hash: SHA-256 of the input without the key.
        result_id: What came of it: a bulk operation, or the object that was made; null while it is under way, which
            nobody else sees.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_expires_at", "expires_at"), {"sqlite_strict": True})

    actor_kind: ActorKind = Field(primary_key=True, sa_type=SmallEnum(ActorKind))
    actor_id: UUID = Field(primary_key=True, sa_type=Key)
    mutation: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    input_hash: bytes = Field(sa_type=Bytes)
    result_id: UUID | None = Field(default=None, sa_type=Key)
    expires_at: datetime = Field(sa_type=Instant)
