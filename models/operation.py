"""A unit of work over many people, and what became of each."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, Text, false, text
from sqlmodel import Field, SQLModel

from models.audit import ActorKind
from models.storage import Flag, Instant, Key, SmallEnum, Structured, uuid7


class StateChangeReason(Enum):
    """Why the state of a person is changed."""

    VOLUNTARY = 0
    SEASONAL = 1
    LEAVE = 2
    PERFORMANCE = 3
    CONDUCT = 4
    SECURITY = 5
    UNKNOWN = 6


class ActiveContactPolicy(Enum):
    """What happens to a person who is handling a contact (requirement E7)."""

    END_NOW = 0
    AFTER_CONTACT = 1
    SKIP = 2


class RestoreScope(Enum):
    """What a reactivation puts back on request (requirement E3)."""

    TEAMS = 0
    QUEUES = 1


class BulkErrorPolicy(Enum):
    """What happens to the other items when one fails (rule M5)."""

    CONTINUE = 0
    ATOMIC = 1


class BulkOperationKind(Enum):
    """What an operation does."""

    CREATE = 0
    DEACTIVATE = 1
    REACTIVATE = 2
    FORCE_OFFLINE = 3
    RESUME_ONLINE = 4
    SIGN_OUT = 5
    ASSIGN_TEAMS = 8
    ASSIGN_QUEUES = 9
    ASSIGN_SKILL_GROUPS = 10
    UNDO = 15


class BulkOperationStatus(Enum):
    """How far an operation is."""

    SCHEDULED = 0
    QUEUED = 1
    RUNNING = 2
    COMPLETED = 3
    COMPLETED_WITH_ERRORS = 4
    FAILED = 5
    CANCELED = 6


# Those on which there is work to do.
UNFINISHED = (BulkOperationStatus.SCHEDULED, BulkOperationStatus.QUEUED, BulkOperationStatus.RUNNING)


class BulkItemOutcome(Enum):
    """What became of one item."""

    PENDING = 0
    SUCCEEDED = 1
    UNCHANGED = 2
    FAILED = 3
    SKIPPED = 4


class UserEffectKind(Enum):
    """Kind of a single effect on a person."""

    USER_CREATED = 0
    STATUS_CHANGED = 3
    SIGNED_OUT = 4
    SIGN_IN_BLOCKED = 5
    SIGN_IN_BLOCK_LIFTED = 6
    ASSIGNED = 7
    UNASSIGNED = 8
    PRESENCE_CHANGED = 9
    CONTACT_ENDED = 10
    SEAT_FREED = 11
    SEAT_TAKEN = 12


# Which total of an operation an effect counts in, by its kind and the type of its subject.
COUNTED_EFFECTS: Mapping[tuple[UserEffectKind, str], str] = {
    (UserEffectKind.SIGNED_OUT, "Session"): "sessions_ended",
    (UserEffectKind.UNASSIGNED, "Team"): "teams_left",
    (UserEffectKind.UNASSIGNED, "Queue"): "queues_left",
    (UserEffectKind.CONTACT_ENDED, "CallRecord"): "contacts_ended",
    (UserEffectKind.SEAT_FREED, "License"): "seats_freed",
    (UserEffectKind.SEAT_TAKEN, "License"): "seats_needed",
}


class BulkOperation(SQLModel, table=True):
    """A unit of work over many items; every bulk mutation makes one, however small (rule M2).

    The totals are sums over the items: `rosterql check` compares.

    Attributes:
        after_contact: Whether people in a contact are waited for.
        execute_at: When its work is to begin; None for at once.
        until: How long its effect is to last; None for good.
        reverts_at: When it will be taken back; None where that is not planned, was called off or is done.
        carried: Of several batches: what those before did, `resolvers.acting.Carried`.
        shortages: Queues that it left below their minimum: list of {queue, name, minimum, agents}.
        failure: Why it gave up: {code, message, path}.
        origin_id: That which it repeats or takes back.
        named_by: What the keys of the items are, as in a target: `ids`, `emails`, `external_ids` or `agent_numbers`.
    """

    __tablename__ = "bulk_operations"
    __table_args__ = (
        Index("ix_bulk_operations_by_creation", "organization_id", "created_at", "id"),
        Index("ix_bulk_operations_origin_id", "origin_id"),
        Index(
            "ix_bulk_operations_unfinished",
            "status",
            "id",
            sqlite_where=text("status IN (0, 1, 2)"),
            postgresql_where=text("status IN (0, 1, 2)"),
        ),
        Index(
            "ix_bulk_operations_reverting",
            "reverts_at",
            sqlite_where=text("reverts_at IS NOT NULL"),
            postgresql_where=text("reverts_at IS NOT NULL"),
        ),
        Index(
            "ix_bulk_operations_with_items",
            "finished_at",
            sqlite_where=text("items_forgotten = 0"),
            postgresql_where=text("NOT items_forgotten"),
        ),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    kind: BulkOperationKind = Field(sa_type=SmallEnum(BulkOperationKind))
    status: BulkOperationStatus = Field(sa_type=SmallEnum(BulkOperationStatus))
    dry_run: bool = Field(default=False, sa_type=Flag, sa_column_kwargs={"server_default": false()})
    error_policy: BulkErrorPolicy = Field(sa_type=SmallEnum(BulkErrorPolicy))
    terms: Any = Field(
        default=None, nullable=True, sa_type=Structured
    )  # what else was asked for: policy, what is assigned
    total: int = Field(default=0, sa_type=Integer, sa_column_kwargs={"server_default": text("0")})
    succeeded: int = Field(default=0, sa_type=Integer)
    unchanged: int = Field(default=0, sa_type=Integer)
    failed: int = Field(default=0, sa_type=Integer)
    skipped: int = Field(default=0, sa_type=Integer)
    sessions_ended: int = Field(default=0, sa_type=Integer)
    teams_left: int = Field(default=0, sa_type=Integer)
    queues_left: int = Field(default=0, sa_type=Integer)
    contacts_ended: int = Field(default=0, sa_type=Integer)
    seats_freed: int = Field(default=0, sa_type=Integer)
    seats_needed: int = Field(default=0, sa_type=Integer, sa_column_kwargs={"server_default": text("0")})
    after_contact: bool = Field(default=False, sa_type=Flag, sa_column_kwargs={"server_default": false()})
    execute_at: datetime | None = Field(default=None, sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)
    reverts_at: datetime | None = Field(default=None, sa_type=Instant)
    origin_id: UUID | None = Field(default=None, sa_type=Key)
    named_by: str | None = Field(default=None, sa_type=Text)
    carried: Any = Field(default=None, nullable=True, sa_type=Structured)
    shortages: Any = Field(default=None, nullable=True, sa_type=Structured)
    failure: Any = Field(default=None, nullable=True, sa_type=Structured)
    actor_kind: ActorKind = Field(sa_type=SmallEnum(ActorKind))
    actor_id: UUID | None = Field(default=None, sa_type=Key)
    reason: StateChangeReason | None = Field(default=None, sa_type=SmallEnum(StateChangeReason))
    note: str | None = Field(default=None, sa_type=Text)
    request_id: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    # Whether the items are gone, or about to be; the totals stay (decision 30).
    items_forgotten: bool = Field(default=False, sa_type=Flag, sa_column_kwargs={"server_default": false()})


class BulkOperationItem(SQLModel, table=True):
    """One item of an operation, at its place in the input."""

    __tablename__ = "bulk_operation_items"
    __table_args__ = (
        Index("uq_bulk_operation_items_index", "operation_id", "index", unique=True),
        Index(
            "ix_bulk_operation_items_pending",
            "operation_id",
            "index",
            sqlite_where=text("outcome = 0"),
            postgresql_where=text("outcome = 0"),
        ),
        Index("ix_bulk_operation_items_user_id", "user_id"),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    operation_id: UUID = Field(foreign_key="bulk_operations.id", sa_type=Key)
    index: int = Field(sa_type=Integer)
    key: str = Field(sa_type=Text)  # as given in the input
    user_id: UUID | None = Field(default=None, sa_type=Key)
    user_version: int | None = Field(default=None, sa_type=Integer)  # of the person after the item; while it is PENDING
    # that which a plan expects (E9)
    outcome: BulkItemOutcome = Field(sa_type=SmallEnum(BulkItemOutcome))
    errors: Any = Field(sa_type=Structured)  # list of {code, message, path}
    warnings: Any = Field(sa_type=Structured)  # list of {code, message, path}
    delta: Any = Field(default=None, nullable=True, sa_type=Structured)  # what can be taken back, and how
    effects: Any = Field(sa_type=Structured)  # list of {kind, subject: [type prefix, key], label, description}
