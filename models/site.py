"""A place where people work."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, Text
from sqlmodel import Field, SQLModel

from models.storage import Flag, Folded, Instant, Key, uuid7


class Site(SQLModel, table=True):
    """A place where people work (requirement B4)."""

    __tablename__ = "sites"
    __table_args__ = (Index("uq_sites_name", "organization_id", "name_key", unique=True), {"sqlite_strict": True})

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    version: int = Field(default=1, sa_type=Integer)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Folded)
    description: str | None = Field(default=None, sa_type=Text)
    active: bool = Field(default=True, sa_type=Flag)
    time_zone: str | None = Field(default=None, sa_type=Text)
    default_desktop_profile_id: UUID | None = Field(default=None, foreign_key="desktop_profiles.id", sa_type=Key)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
