"""What was done by whom to what: written once, never changed."""

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, Text
from sqlmodel import Field, SQLModel

from models.storage import Bytes, Instant, Key, Long, SmallEnum, Structured, uuid7


class ActorKind(Enum):
    """Who acts: a person, a program with a key, or the server itself."""

    USER = 0
    API_KEY = 1
    SYSTEM = 2


class AuditAction(Enum):
    """What was done."""

    CREATED = 0
    UPDATED = 1
    DELETED = 2
    DEACTIVATED = 3
    REACTIVATED = 4
    FORCED_OFFLINE = 5
    RESUMED_ONLINE = 6
    PASSWORD_RESET = 7
    PASSWORD_CHANGED = 8
    ASSIGNED = 9
    UNASSIGNED = 10
    SIGNED_IN = 11
    SIGNED_OUT = 12


class AuditEvent(SQLModel, table=True):
    """One recorded fact; triggers refuse to change or delete it."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("uq_audit_events_id", "id", unique=True),
        Index("ix_audit_events_by_sequence", "organization_id", "sequence"),
        Index("ix_audit_events_target", "target_id", "sequence"),
        Index("ix_audit_events_actor", "actor_id", "sequence"),
        Index("ix_audit_events_operation", "operation_id", "sequence"),
        {"sqlite_strict": True, "sqlite_autoincrement": True},
    )

    sequence: int | None = Field(default=None, primary_key=True, sa_type=Long)
    id: UUID = Field(default_factory=uuid7, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    occurred_at: datetime = Field(sa_type=Instant)
    action: AuditAction = Field(sa_type=SmallEnum(AuditAction))
    actor_kind: ActorKind = Field(sa_type=SmallEnum(ActorKind))
    actor_id: UUID | None = Field(default=None, sa_type=Key)
    target_type: str = Field(sa_type=Text)  # name of the GraphQL type, for the global id
    target_id: UUID = Field(sa_type=Key)
    target_label: str = Field(sa_type=Text)  # its name at that time
    target_version: int | None = Field(default=None, sa_type=Integer)  # after the change (requirement E9)
    changes: Any = Field(sa_type=Structured)  # list of [field, before, after]
    operation_id: UUID | None = Field(default=None, sa_type=Key)
    reason: int | None = Field(default=None, sa_type=Integer)  # number of a StateChangeReason
    note: str | None = Field(default=None, sa_type=Text)
    request_id: str | None = Field(default=None, sa_type=Text)


class AuditLink(SQLModel, table=True):
    """A link of the chain over the audit events of an organization; as unchangeable as they are."""

    __tablename__ = "audit_links"
    __table_args__ = ({"sqlite_strict": True, "sqlite_with_rowid": False},)

    organization_id: UUID = Field(primary_key=True, foreign_key="organizations.id", sa_type=Key)
    sequence: int = Field(primary_key=True, sa_type=Long)  # of the event
    position: int = Field(sa_type=Long)  # in the chain, from 1
    digest: bytes = Field(sa_type=Bytes)  # of the link before and the event


class AuditChain(SQLModel, table=True):
    """How far the audit of an organization is chained: what its last link must be."""

    __tablename__ = "audit_chains"
    __table_args__ = ({"sqlite_strict": True},)

    organization_id: UUID = Field(primary_key=True, foreign_key="organizations.id", sa_type=Key)
    sequence: int = Field(default=0, sa_type=Long)
    length: int = Field(default=0, sa_type=Long)
    digest: bytes = Field(default=bytes(32), sa_type=Bytes)


class OutboxEvent(SQLModel, table=True):
    """Something that others will be told, written in the transaction of the change that it tells of."""

    __tablename__ = "outbox_events"
    __table_args__ = (
        Index("ix_outbox_events_by_sequence", "organization_id", "sequence"),
        {"sqlite_strict": True, "sqlite_autoincrement": True},
    )

    sequence: int | None = Field(default=None, primary_key=True, sa_type=Long)
    id: UUID = Field(default_factory=uuid7, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    occurred_at: datetime = Field(sa_type=Instant)
    kind: str = Field(sa_type=Text)  # for example user.deactivated, skill_group.created, mail.invitation
    subject_id: UUID = Field(sa_type=Key)  # the person or thing it is about
    payload: Any = Field(sa_type=Structured)
