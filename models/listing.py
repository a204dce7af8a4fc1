"""People by what lists of people are filtered by, in the order of their names."""

from enum import Enum
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.storage import Folded, Key, SmallEnum
from models.user import UserStatus


class ListingKind(Enum):
    """What kind of thing people are listed by; the thing is the organization where none is named."""

    TEAM = 0
    QUEUE = 1  # those to whom it is assigned directly
    SKILL_GROUP = 2
    NO_DIRECT_QUEUE = 3
    NO_LICENSE = 4
    AGENT = 10  # the roles, as ten and the number of each
    SUPERVISOR = 11
    SERVICE_ADMINISTRATOR = 12
    FULL_ADMINISTRATOR = 13
    AVAILABLE = 21  # the presences but OFFLINE, as twenty and the number of each
    ENGAGED = 22  # with an open call
    WRAP_UP = 23
    UNAVAILABLE = 24


class Listing(SQLModel, table=True):
    """A person under a thing, with what lists of people begin with and are sorted by (decision 28).

    Follows from other tables, of which triggers keep it, and is never written otherwise; `rosterql check` compares.
    """

    __tablename__ = "listings"
    __table_args__ = (
        Index("ix_listings_by_name", "thing_id", "kind", "status", "name_key", "user_id"),
        {"sqlite_strict": True, "sqlite_with_rowid": False},
    )

    user_id: UUID = Field(primary_key=True, sa_type=Key)
    kind: ListingKind = Field(primary_key=True, sa_type=SmallEnum(ListingKind))
    thing_id: UUID = Field(primary_key=True, sa_type=Key)
    organization_id: UUID = Field(sa_type=Key)
    status: UserStatus = Field(sa_type=SmallEnum(UserStatus))
    name_key: str = Field(sa_type=Folded)
