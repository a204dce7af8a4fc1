"""Licenses, their seats, who holds them, and how many were granted when."""

from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import Index, Integer, Text
from sqlmodel import Field, SQLModel

from models.storage import Flag, Folded, Instant, Key, Long, SmallEnum, uuid7


class LicenseType(Enum):
    """Type of a license; the higher one counts when a person holds both (requirement D1)."""

    STANDARD_AGENT = 0
    PREMIUM_AGENT = 1


class LicenseGrantState(Enum):
    """Whether a grant takes a seat; a deactivation suspends it (requirement E3)."""

    ACTIVE = 0
    SUSPENDED = 1


class LicenseGrantSource(Enum):
    """Who made a grant."""

    MANUAL = 0
    TEMPLATE = 1
    IMPORT = 2
    DIRECTORY = 3


class License(SQLModel, table=True):
    """A kind of license that people can hold."""

    __tablename__ = "licenses"
    __table_args__ = (
        Index("uq_licenses_name", "organization_id", "name_key", unique=True),
        Index("ix_licenses_by_type", "organization_id", "type", "id"),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    version: int = Field(default=1, sa_type=Integer)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Folded)
    type: LicenseType = Field(sa_type=SmallEnum(LicenseType))
    active: bool = Field(default=True, sa_type=Flag)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class LicensePool(SQLModel, table=True):
    """The seats of a license. Whoever changes `granted` holds the row's lock and writes the ledger."""

    __tablename__ = "license_pools"
    __table_args__ = ({"sqlite_strict": True},)

    license_id: UUID = Field(primary_key=True, foreign_key="licenses.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    seats: int | None = Field(default=None, sa_type=Integer)  # null when unlimited
    granted: int = Field(default=0, sa_type=Integer)  # people with an active grant


class LicenseGrant(SQLModel, table=True):
    """A license held by a person."""

    __tablename__ = "license_grants"
    __table_args__ = (
        Index("uq_license_grants_source", "user_id", "license_id", "source", unique=True),
        Index("ix_license_grants_license_id", "license_id", "state", "user_id"),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    user_id: UUID = Field(foreign_key="users.id", sa_type=Key)
    license_id: UUID = Field(foreign_key="licenses.id", sa_type=Key)
    state: LicenseGrantState = Field(default=LicenseGrantState.ACTIVE, sa_type=SmallEnum(LicenseGrantState))
    source: LicenseGrantSource = Field(default=LicenseGrantSource.MANUAL, sa_type=SmallEnum(LicenseGrantSource))
    assigned_at: datetime = Field(sa_type=Instant)


class SeatLedgerEntry(SQLModel, table=True):
    """How many seats of a license were granted after a change, and how many there were (Z10)."""

    __tablename__ = "seat_ledger"
    __table_args__ = (
        Index("ix_seat_ledger_license_id", "license_id", "sequence"),
        Index("ix_seat_ledger_by_time", "license_id", "at", "sequence"),
        {"sqlite_strict": True, "sqlite_autoincrement": True},
    )

    sequence: int | None = Field(default=None, primary_key=True, sa_type=Long)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    license_id: UUID = Field(foreign_key="licenses.id", sa_type=Key)
    at: datetime = Field(sa_type=Instant)
    granted_after: int = Field(sa_type=Integer)
    pool: int | None = Field(default=None, sa_type=Integer)
